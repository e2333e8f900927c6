// Steps: from nested lists to one flat list with `next` indices.
//
// While it is built, every place that leads somewhere holds a label; a label is bound to the next
// step that is added, and all are replaced by indices at the end.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "engine/base/duration_text.h"
#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/language/journey_draft.h"
#include "engine/language/suggest.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

using Label = uint32_t;
constexpr Label kEndLabel = 0;

class StepBuilder {
 public:
  StepBuilder(JourneyDraft* draft, LoadContext* context) : draft_(draft), context_(context) {
    draft_->steps.reserve(kMaxStepsPerJourney);
    targets_.push_back(kEndOfJourney);
  }

  void Build(const Node* steps) {
    Block(steps, "", kEndLabel);
    for (Step& step : draft_->steps) Resolve(&step);
  }

 private:
  // ---- blocks and labels ---------------------------------------------------------------------

  // Adds a list of steps that goes on at `after`; where it begins.
  Label Block(const Node* list, const std::string& prefix, Label after) {
    if (list == nullptr || list->items.empty()) return after;
    std::vector<Label> labels;
    for (size_t i = 0; i < list->items.size(); ++i) labels.push_back(NewLabel());
    labels.push_back(after);
    uint32_t previous = kEndOfJourney;
    for (size_t i = 0; i < list->items.size(); ++i) {
      const Node& node = *list->items[i];
      if (draft_->steps.size() == kMaxStepsPerJourney) {
        TooMany(node);
        break;
      }
      const auto index = static_cast<uint32_t>(draft_->steps.size());
      targets_[labels[i]] = index;
      AddStep(node, prefix + std::to_string(i + 1), labels[i + 1]);
      draft_->origins[index].previous = previous;
      previous = index;
    }
    return labels.front();
  }

  void TooMany(const Node& node) {
    if (too_many_) return;
    too_many_ = true;
    context_->reporter->Error(Code::kTooManySteps, *node.file, node.range,
                              fmt::format("a journey has at most {} steps", kMaxStepsPerJourney));
  }

  Label NewLabel() {
    targets_.push_back(kEndOfJourney);
    return static_cast<Label>(targets_.size() - 1);
  }

  // Places that lead nowhere hold kEndOfJourney from the start.
  uint32_t Target(Label label) const {
    return label < targets_.size() ? targets_[label] : kEndOfJourney;
  }

  void Resolve(Step* step) {
    step->next = Target(step->next);
    if (auto* wait = std::get_if<WaitUntilStep>(&step->action)) {
      for (WaitAlternative& one : wait->alternatives) one.then = Target(one.then);
      wait->then = Target(wait->then);
      wait->otherwise = Target(wait->otherwise);
    } else if (auto* branch = std::get_if<BranchStep>(&step->action)) {
      for (BranchCase& one : branch->cases) one.then = Target(one.then);
      branch->otherwise = Target(branch->otherwise);
    } else if (auto* test = std::get_if<AbTestStep>(&step->action)) {
      for (AbPath& path : test->paths) path.then = Target(path.then);
    } else if (auto* repeat = std::get_if<RepeatStep>(&step->action)) {
      repeat->body = Target(repeat->body);
    }
  }

  // ---- one step ------------------------------------------------------------------------------

  void AddStep(const Node& node, const std::string& path, Label next) {
    index_ = static_cast<uint32_t>(draft_->steps.size());
    draft_->steps.emplace_back();
    draft_->origins.emplace_back();
    Step& step = draft_->steps.back();
    step.next = next;
    step.position = node.position();
    const Node* id = node.Find("id");
    step.id = id == nullptr ? path : id->text;
    draft_->origins.back().node = &node;
    draft_->origins.back().has_id = id != nullptr;
    if (!ids_.insert(step.id).second) {
      context_->reporter->Error(Code::kDuplicateStep, *node.file,
                                id == nullptr ? node.range : id->range,
                                fmt::format("another step has the id \"{}\"", step.id));
    }
    for (const Kind& kind : Kinds()) {
      const Node* key = node.FindKey(kind.key);
      if (key == nullptr) continue;
      draft_->origins.back().naming_key = key;
      if (const Node* value = node.Find(kind.key)) (this->*kind.add)(node, *value, path, &step);
      return;
    }
  }

  using Add = void (StepBuilder::*)(const Node&, const Node&, const std::string&, Step*);
  struct Kind {
    const char* key;
    Add add;
  };
  static const std::vector<Kind>& Kinds();

  void SendEmail(const Node&, const Node& value, const std::string&, Step* step) {
    Send(value, model::ActionKind::kSendEmail, step);
  }
  void SendSms(const Node&, const Node& value, const std::string&, Step* step) {
    Send(value, model::ActionKind::kSendSms, step);
  }
  void SendPush(const Node&, const Node& value, const std::string&, Step* step) {
    Send(value, model::ActionKind::kSendPush, step);
  }

  void Send(const Node& value, model::ActionKind channel, Step* step) {
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

  const Template* FindTemplate(const Node& name) {
    context_->used_templates.insert(name.text);
    const Template* found = context_->bundle->FindTemplate(name.text);
    if (found != nullptr || context_->templates.count(name.text) != 0) return found;
    context_->reporter->Error(
        Code::kUnknownTemplate, *name.file, name.range,
        fmt::format("there is no template \"{}\"", name.text),
        DidYouMean(name.text, {context_->templates.begin(), context_->templates.end()}));
    return nullptr;
  }

  void CheckChannel(const Node& name, const SendStep& send) {
    if (send.template_rule == nullptr || send.template_rule->channel == send.channel) return;
    context_->reporter->Error(
        Code::kWrongChannel, *name.file, name.range,
        fmt::format("the template \"{}\" is for {}, this step is {}", name.text,
                    model::ActionKindName(send.template_rule->channel),
                    model::ActionKindName(send.channel)),
        "the template's front matter names its channel: email, sms or push");
  }

  void CheckDefaultTopic(const Node* name) {
    if (name == nullptr || context_->company_unreadable) return;
    if (context_->catalog->HasConsentTopic("marketing")) return;
    context_->reporter->Error(Code::kUnknownTopic, *name->file, name->range,
                              "neither the step nor its template names a topic, and company.yaml "
                              "has no topic \"marketing\"");
  }

  void Webhook(const Node&, const Node& value, const std::string&, Step* step) {
    WebhookStep& webhook = step->action.emplace<WebhookStep>();
    webhook.url = TextAt(value, "url");
    if (const Node* method = value.Find("method")) webhook.method = method->text;
    Values(value.Find("data"), nullptr, &webhook.data);
  }

  void Coupon(const Node&, const Node& value, const std::string&, Step* step) {
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

  void Wait(const Node&, const Node& value, const std::string&, Step* step) {
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

  void WaitUntil(const Node& node, const Node& value, const std::string& path, Step* step) {
    WaitUntilStep& wait = step->action.emplace<WaitUntilStep>();
    wait.up_to = DurationAt(value, "up_to").value_or(Duration());
    const uint32_t index = index_;
    const Label next = step->next;
    if (const Node* any_of = value.Find("any_of")) {
      AnyOf(node, *any_of, path, next, index, &wait);
    } else if (value.FindKey("event") != nullptr) {
      wait.alternatives.resize(1);
      Alternative(value, index, &wait.alternatives[0]);
      wait.alternatives[0].then = Block(node.Find("then"), path + ".then.", next);
    } else {
      Membership(value, index, &wait);
      wait.then = Block(node.Find("then"), path + ".then.", next);
    }
    wait.otherwise = Block(node.Find("else"), path + ".else.", next);
  }

  void AnyOf(const Node& node, const Node& any_of, const std::string& path, Label next,
             uint32_t index, WaitUntilStep* wait) {
    wait->alternatives.resize(any_of.items.size());
    for (size_t i = 0; i < any_of.items.size(); ++i) {
      Alternative(*any_of.items[i], index, &wait->alternatives[i]);
    }
    for (size_t i = 0; i < any_of.items.size(); ++i) {
      wait->alternatives[i].then =
          Block(any_of.items[i]->Find("then"), fmt::format("{}.{}.then.", path, i + 1), next);
    }
    const Node* then = node.FindKey("then");
    if (then == nullptr) return;
    context_->reporter->Error(Code::kThenBesideAnyOf, *then->file, then->range,
                              "with any_of each event has its own \"then\"",
                              "move it below the event it belongs to");
  }

  void Alternative(const Node& node, uint32_t index, WaitAlternative* alternative) {
    alternative->event = TextAt(node, "event");
    alternative->then = kEndLabel;
    KnowsEvent(node.Find("event"), context_);
    const Node* where = node.Find("where");
    if (where == nullptr) return;
    PendingExpression pending;
    pending.step = index;
    pending.node = where;
    pending.conditions = &alternative->where;
    pending.candidate = alternative->event;
    draft_->pending.push_back(std::move(pending));
  }

  void Membership(const Node& value, uint32_t index, WaitUntilStep* wait) {
    if (value.FindKey("condition") != nullptr) {
      wait->kind = WaitUntilKind::kCondition;
      PendingExpression pending;
      pending.step = index;
      pending.node = value.Find("condition");
      pending.conditions = &wait->condition;
      pending.segment_rules = true;
      if (pending.node != nullptr) draft_->pending.push_back(std::move(pending));
      return;
    }
    const bool inside = value.FindKey("in_segment") != nullptr;
    const char* key = inside ? "in_segment" : "not_in_segment";
    wait->kind = inside ? WaitUntilKind::kInSegment : WaitUntilKind::kNotInSegment;
    wait->segment = TextAt(value, key);
    wait->segment_id = StableHash64(wait->segment);
    KnowsSegment(value.Find(key), context_);
  }

  void If(const Node& node, const Node& value, const std::string& path, Step* step) {
    BranchStep& branch = step->action.emplace<BranchStep>();
    branch.cases.resize(1);
    Condition(&value, &branch.cases[0].when);
    const Label next = step->next;
    branch.cases[0].then = Block(node.Find("then"), path + ".then.", next);
    branch.otherwise = Block(node.Find("else"), path + ".else.", next);
  }

  void Choose(const Node&, const Node& value, const std::string& path, Step* step) {
    BranchStep& branch = step->action.emplace<BranchStep>();
    const Label next = step->next;
    const Node* otherwise = nullptr;
    std::vector<std::pair<size_t, const Node*>> choices;
    for (size_t i = 0; i < value.items.size(); ++i) {
      const Node& choice = *value.items[i];
      if (const Node* key = choice.FindKey("otherwise")) {
        if (i + 1 < value.items.size()) {
          context_->reporter->Error(Code::kOtherwiseNotLast, *key->file, key->range,
                                    "\"otherwise\" stands last and once");
        }
        otherwise = choice.Find("otherwise");
      } else {
        choices.emplace_back(i + 1, &choice);
      }
    }
    branch.cases.resize(choices.size());
    for (size_t i = 0; i < choices.size(); ++i) {
      Condition(choices[i].second->Find("when"), &branch.cases[i].when);
    }
    for (size_t i = 0; i < choices.size(); ++i) {
      branch.cases[i].then = Block(choices[i].second->Find("then"),
                                   fmt::format("{}.{}.then.", path, choices[i].first), next);
    }
    branch.otherwise = Block(otherwise, path + ".otherwise.", next);
  }

  void AbTest(const Node& node, const Node& value, const std::string& path, Step* step) {
    AbTestStep& test = step->action.emplace<AbTestStep>();
    test.test = value.text;
    const std::vector<std::string>& tests = draft_->ab_tests;
    if (std::find(tests.begin(), tests.end(), test.test) != tests.end()) {
      context_->reporter->Error(
          Code::kDuplicateStep, *value.file, value.range,
          fmt::format("another test of this journey is called \"{}\"", test.test));
    } else {
      draft_->ab_tests.push_back(test.test);
    }
    const Node* paths = node.Find("paths");
    if (paths == nullptr) return;
    CheckPaths(*paths);
    const Label next = step->next;
    test.paths.resize(paths->items.size());
    int end_bucket = 0;
    for (size_t i = 0; i < paths->items.size(); ++i) {
      const Node& item = *paths->items[i];
      AbPath& one = test.paths[i];
      one.name = TextAt(item, "name");
      end_bucket += ParsePercentBuckets(TextAt(item, "percent")).value_or(0);
      one.end_bucket = end_bucket;
      one.then = Block(item.Find("steps"), fmt::format("{}.{}.", path, one.name), next);
    }
  }

  void CheckPaths(const Node& paths) {
    int sum = 0;
    bool complete = true;
    std::set<std::string> names;
    for (const Node* item : paths.items) {
      const Node* name = item->Find("name");
      if (name != nullptr && !names.insert(name->text).second) {
        context_->reporter->Error(Code::kDuplicateStep, *name->file, name->range,
                                  fmt::format("another path is called \"{}\"", name->text));
      }
      const auto percent = ParsePercentBuckets(TextAt(*item, "percent"));
      complete = complete && percent.has_value();
      sum += percent.value_or(0);
    }
    if (!complete || sum == kBuckets) return;
    const Node* first = paths.items.front()->Find("percent");
    context_->reporter->Error(
        Code::kPercentSum, *first->file, first->range,
        fmt::format("the percents of these paths add up to {:g}, not 100", sum / 100.0));
  }

  void Repeat(const Node&, const Node& value, const std::string& path, Step* step) {
    RepeatStep& repeat = step->action.emplace<RepeatStep>();
    repeat.times = static_cast<int>(ParseInteger(TextAt(value, "times")).value_or(1));
    repeat.depth = repeat_depth_;
    Condition(value.Find("while"), &repeat.while_true);
    const Label self = NewLabel();
    targets_[self] = index_;
    ++repeat_depth_;
    repeat.body = Block(value.Find("steps"), path + ".steps.", self);
    --repeat_depth_;
  }

  void UpdatePerson(const Node&, const Node& value, const std::string&, Step* step) {
    UpdatePersonStep& update = step->action.emplace<UpdatePersonStep>();
    const TypeOfName type = [this](const Node& name) { return TraitType(name); };
    Values(&value, &type, &update.traits);
  }

  void EmitEvent(const Node&, const Node& value, const std::string&, Step* step) {
    EmitEventStep& emit = step->action.emplace<EmitEventStep>();
    emit.name = TextAt(value, "name");
    KnowsEvent(value.Find("name"), context_);
    const TypeOfName type = [this, &emit](const Node& name) {
      return PropertyType(emit.name, name);
    };
    Values(value.Find("properties"), &type, &emit.properties);
  }

  void Exit(const Node&, const Node& value, const std::string&, Step* step) {
    constexpr std::string_view kReserved[] = {"completed",      "goal",           "event",
                                              "enters_segment", "leaves_segment", "restarted",
                                              "limit",          "removed",        "erased"};
    step->action.emplace<ExitStep>().reason = value.text;
    for (const std::string_view reserved : kReserved) {
      if (reserved != value.text) continue;
      context_->reporter->Error(
          Code::kReservedName, *value.file, value.range,
          fmt::format("the exit reason \"{}\" is the engine's own", value.text),
          "say why the run ends, such as not-interested");
    }
  }

  // ---- expressions ---------------------------------------------------------------------------

  using TypeOfName = std::function<std::optional<expr::Type>(const Node&)>;

  void Expression(const Node* node, expr::TypeKind want, ProgramPointer* into,
                  std::optional<expr::Type> target = std::nullopt) {
    if (node == nullptr) return;
    PendingExpression pending;
    pending.step = index_;
    pending.node = node;
    pending.program = into;
    pending.want = want;
    pending.target = target;
    draft_->pending.push_back(std::move(pending));
  }

  void Condition(const Node* node, Conditions* into) {
    if (node == nullptr) return;
    PendingExpression pending;
    pending.step = index_;
    pending.node = node;
    pending.conditions = into;
    draft_->pending.push_back(std::move(pending));
  }

  void Values(const Node* map, const TypeOfName* type, NamedValues* into) {
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

  std::optional<expr::Type> TraitType(const Node& name) {
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

  std::optional<expr::Type> PropertyType(const std::string& event, const Node& name) {
    const auto type = context_->catalog->EventProperty(event, name.text);
    if (!type) {
      context_->reporter->Error(
          Code::kUnknownProperty, *name.file, name.range,
          fmt::format("the event \"{}\" has no property \"{}\"", event, name.text),
          DidYouMean(name.text, context_->catalog->PropertyNames(event)));
    }
    return type;
  }

  JourneyDraft* const draft_;
  LoadContext* const context_;
  std::vector<uint32_t> targets_;  // by label: index of a step
  std::set<std::string> ids_;
  uint32_t index_ = 0;  // of the step being added
  uint32_t repeat_depth_ = 0;
  bool too_many_ = false;
};

const std::vector<StepBuilder::Kind>& StepBuilder::Kinds() {
  static const std::vector<Kind> kinds = {
      {"send_email", &StepBuilder::SendEmail}, {"send_sms", &StepBuilder::SendSms},
      {"send_push", &StepBuilder::SendPush},   {"webhook", &StepBuilder::Webhook},
      {"coupon", &StepBuilder::Coupon},        {"wait", &StepBuilder::Wait},
      {"wait_until", &StepBuilder::WaitUntil}, {"if", &StepBuilder::If},
      {"choose", &StepBuilder::Choose},        {"ab_test", &StepBuilder::AbTest},
      {"repeat", &StepBuilder::Repeat},        {"update_person", &StepBuilder::UpdatePerson},
      {"emit_event", &StepBuilder::EmitEvent}, {"exit", &StepBuilder::Exit}};
  return kinds;
}

}  // namespace

void BuildSteps(JourneyDraft* draft, LoadContext* context) {
  StepBuilder(draft, context).Build(draft->root->Find("steps"));
}

}  // namespace sojourn::language
