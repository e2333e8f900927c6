// Steps that do one thing: sends, coupons, waits, changes of the person.
#include <fmt/format.h>

#include <set>

#include "engine/base/duration_text.h"
#include "engine/base/suggest.h"
#include "engine/language/step_builder.h"
#include "engine/language/values.h"

namespace sojourn::language {

void StepBuilder::SendEmail(const Node&, const Node& value, const std::string&, Step* step) {
  Send(value, model::ActionKind::kSendEmail, step);
}

void StepBuilder::SendSms(const Node&, const Node& value, const std::string&, Step* step) {
  Send(value, model::ActionKind::kSendSms, step);
}

void StepBuilder::SendPush(const Node&, const Node& value, const std::string&, Step* step) {
  Send(value, model::ActionKind::kSendPush, step);
}

void StepBuilder::Send(const Node& value, model::ActionKind channel, Step* step) {
  SendStep& send = step->action.emplace<SendStep>();
  send.channel = channel;
  const Node* name = value.is_scalar() ? &value : value.Find("template");
  if (name != nullptr) {
    send.template_name = name->text;
    send.template_rule = FindTemplate(*name);
    CheckChannel(*name, send);
  }
  send.topic = TextAt(value, "topic");
  const Node* topic = value.Find("topic");
  bool known = KnowsTopic(topic, context_);
  const Template* rule = send.template_rule;
  if (send.topic.empty() && rule != nullptr) {
    send.topic = rule->topic;
    known = known && (rule->topic.empty() || context_->catalog->HasConsentTopic(rule->topic));
  }
  if (send.topic.empty()) {
    send.topic = "marketing";
    if (rule != nullptr && topic == nullptr) CheckDefaultTopic(name);
  }
  if (known) send.topic_rule = context_->bundle->company.FindTopic(send.topic);
  Values(value.Find("data"), nullptr, &send.data);
}

const Template* StepBuilder::FindTemplate(const Node& name) {
  context_->used_templates.insert(name.text);
  const Template* found = context_->bundle->FindTemplate(name.text);
  if (found != nullptr || context_->templates.count(name.text) != 0) return found;
  context_->reporter->Error(
      Code::kUnknownTemplate, *name.file, name.range,
      fmt::format("there is no template \"{}\"", name.text),
      DidYouMean(name.text, {context_->templates.begin(), context_->templates.end()}));
  return nullptr;
}

void StepBuilder::CheckChannel(const Node& name, const SendStep& send) {
  if (send.template_rule == nullptr || send.template_rule->channel == send.channel) return;
  if (context_->unclear_channels.count(name.text) != 0) return;
  context_->reporter->Error(Code::kWrongChannel, *name.file, name.range,
                            fmt::format("the template \"{}\" is for {}, this step is {}", name.text,
                                        model::ActionKindName(send.template_rule->channel),
                                        model::ActionKindName(send.channel)),
                            "the template's front matter names its channel: email, sms or push");
}

void StepBuilder::CheckDefaultTopic(const Node* name) {
  if (name == nullptr || context_->company_unreadable) return;
  if (context_->catalog->HasConsentTopic("marketing")) return;
  context_->reporter->Error(Code::kUnknownTopic, *name->file, name->range,
                            "neither the step nor its template names a topic, and company.yaml "
                            "has no topic \"marketing\"");
}

void StepBuilder::Webhook(const Node&, const Node& value, const std::string&, Step* step) {
  WebhookStep& webhook = step->action.emplace<WebhookStep>();
  webhook.url = TextAt(value, "url");
  if (const Node* method = value.Find("method")) webhook.method = method->text;
  Values(value.Find("data"), nullptr, &webhook.data);
}

void StepBuilder::Coupon(const Node&, const Node& value, const std::string&, Step* step) {
  CouponStep& coupon = step->action.emplace<CouponStep>();
  coupon.expires_after = DurationAt(value, "expires_after");
  draft_->has_coupon = true;
  const Node* name = value.Find("pool");
  if (name == nullptr) return;
  for (const auto& pool : context_->bundle->pools) {
    if (pool->name == name->text) coupon.pool = pool.get();
  }
  if (coupon.pool != nullptr || context_->pools.count(name->text) != 0) return;
  context_->reporter->Error(
      Code::kUnknownPool, *name->file, name->range,
      fmt::format("there is no coupon pool \"{}\"", name->text),
      DidYouMean(name->text, {context_->pools.begin(), context_->pools.end()}));
}

void StepBuilder::Wait(const Node&, const Node& value, const std::string&, Step* step) {
  WaitStep& wait = step->action.emplace<WaitStep>();
  if (value.is_scalar()) {
    wait.duration = ParseDuration(value.text, DurationStyle::kLong).value_or(Duration());
    return;
  }
  wait.at = TimeOfDayAt(value, "at");
  if (value.FindKey("days") != nullptr) {
    wait.kind = WaitKind::kDays;
    wait.days = static_cast<int>(ParseInteger(TextAt(value, "days")).value_or(0));
  } else if (const Node* weekdays = value.Find("weekday")) {
    wait.kind = WaitKind::kWeekday;
    std::set<int> days;
    if (weekdays->is_scalar()) days.insert(ParseWeekday(weekdays->text).value_or(1));
    for (const Node* day : weekdays->items) days.insert(ParseWeekday(day->text).value_or(1));
    wait.weekdays.assign(days.begin(), days.end());
  } else if (const Node* until = value.Find("until")) {
    wait.kind = WaitKind::kUntil;
    Expression(until, expr::TypeKind::kTimestamp, &wait.until);
  }
}

void StepBuilder::UpdatePerson(const Node&, const Node& value, const std::string&, Step* step) {
  UpdatePersonStep& update = step->action.emplace<UpdatePersonStep>();
  const TypeOfName type = [this](const Node& name) { return TraitType(name); };
  Values(&value, &type, &update.traits);
}

void StepBuilder::EmitEvent(const Node&, const Node& value, const std::string&, Step* step) {
  EmitEventStep& emit = step->action.emplace<EmitEventStep>();
  emit.name = TextAt(value, "name");
  KnowsEvent(value.Find("name"), context_);
  const TypeOfName type = [this, &emit](const Node& name) { return PropertyType(emit.name, name); };
  Values(value.Find("properties"), &type, &emit.properties);
}

void StepBuilder::Exit(const Node&, const Node& value, const std::string&, Step* step) {
  step->action.emplace<ExitStep>().reason = value.text;
  for (const std::string_view reserved : kEngineExitReasons) {
    if (reserved != value.text) continue;
    context_->reporter->Error(Code::kReservedName, *value.file, value.range,
                              fmt::format("the exit reason \"{}\" is the engine's own", value.text),
                              "say why the run ends, such as not-interested");
  }
}

void StepBuilder::Values(const Node* map, const TypeOfName* type, NamedValues* into) {
  if (map == nullptr) return;
  into->resize(map->entries.size());
  for (size_t i = 0; i < map->entries.size(); ++i) {
    const Node::Entry& entry = map->entries[i];
    (*into)[i].first = entry.key->text;
    if (entry.key->broken) continue;
    const std::optional<expr::Type> target = type == nullptr ? std::nullopt : (*type)(*entry.key);
    if (!entry.value->broken) {
      Expression(entry.value, expr::TypeKind::kDynamic, &(*into)[i].second, target);
    }
  }
}

std::optional<expr::Type> StepBuilder::TraitType(const Node& name) {
  if (Catalog::IsPersonBuiltIn(name.text)) {
    context_->reporter->Error(Code::kReservedName, *name.file, name.range,
                              fmt::format("person.{} is built in and cannot be set", name.text));
    return std::nullopt;
  }
  const auto type = context_->catalog->Trait(name.text);
  if (!type) {
    context_->reporter->Error(Code::kUnknownTrait, *name.file, name.range,
                              fmt::format("no catalogue has the trait \"{}\"", name.text),
                              DidYouMean(name.text, context_->catalog->TraitNames()));
  }
  return type;
}

std::optional<expr::Type> StepBuilder::PropertyType(const std::string& event, const Node& name) {
  const auto type = context_->catalog->EventProperty(event, name.text);
  if (!type) {
    context_->reporter->Error(
        Code::kUnknownProperty, *name.file, name.range,
        fmt::format("the event \"{}\" has no property \"{}\"", event, name.text),
        DidYouMean(name.text, context_->catalog->PropertyNames(event)));
  }
  return type;
}

}  // namespace sojourn::language
