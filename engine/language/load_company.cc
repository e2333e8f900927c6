// company.yaml and the catalogues.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/language/load_context.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

void LoadTopics(const Node* topics, LoadContext* context) {
  Company& company = context->bundle->company;
  if (topics != nullptr) company.topics.clear();
  for (const Node::Entry& entry :
       topics == nullptr ? std::vector<Node::Entry>() : topics->entries) {
    ConsentTopic topic;
    // What is told of a topic's own name is not told again at each use.
    topic.name = entry.key->broken ? ToCase(entry.key->text, '-') : entry.key->text;
    topic.opted_in = TextAt(*entry.value, "default") != "opted_out";
    topic.transactional = TextAt(*entry.value, "kind") == "transactional";
    company.topics.push_back(topic);
  }
}

void LoadCaps(const Node* caps, LoadContext* context) {
  if (caps == nullptr) return;
  Company& company = context->bundle->company;
  for (const Node* item : caps->items) {
    if (item->broken) continue;
    FrequencyCap cap;
    cap.max = static_cast<int>(ParseInteger(TextAt(*item, "max")).value_or(1));
    cap.per = DurationAt(*item, "per").value_or(Days(1));
    cap.topic = TextAt(*item, "topic");
    const Node* topic = item->Find("topic");
    if (topic != nullptr && KnowsTopic(topic, context)) {
      const ConsentTopic* rule = company.FindTopic(cap.topic);
      if (rule != nullptr && rule->transactional) {
        context->reporter->Error(
            Code::kCapOnTransactional, *topic->file, topic->range,
            fmt::format("the topic \"{}\" is transactional, caps do not apply to it", cap.topic));
      }
    }
    company.frequency_caps.push_back(std::move(cap));
  }
}

void LoadSenders(const Node* senders, LoadContext* context) {
  if (senders == nullptr) return;
  for (const Node::Entry& entry : senders->entries) {
    context->senders.insert(entry.key->text);
    if (entry.key->broken) context->senders.insert(ToCase(entry.key->text, '-'));
    context->bundle->company.senders.push_back(
        {entry.key->text, TextAt(*entry.value, "from"), TextAt(*entry.value, "reply_to")});
  }
}

void LoadRedemption(const Node* node, CouponRedemption* redemption) {
  if (node == nullptr) return;
  for (const auto& [key, text] :
       {std::pair("event", &redemption->event), std::pair("property", &redemption->property),
        std::pair("total", &redemption->total), std::pair("order_id", &redemption->order_id)}) {
    if (node->Find(key) != nullptr) *text = TextAt(*node, key);
  }
}

expr::Type TypeOf(const Node& node) {
  if (node.broken) return expr::Type{};  // reported; anything fits
  return ParseTypeName(node.text).value_or(expr::Type{});
}

void LoadEvents(const Node* events, LoadContext* context) {
  if (events == nullptr) return;
  for (const Node::Entry& entry : events->entries) {
    if (events->FindKey(entry.key->text) != entry.key) continue;  // told: the key stands twice
    Catalog::Properties properties;
    for (const Node::Entry& property : entry.value->entries) {
      const bool twice = entry.value->FindKey(property.key->text) != property.key;  // told
      properties[property.key->text] = twice ? expr::Type{} : TypeOf(*property.value);
    }
    if (entry.value->broken) context->catalog->OpenEvent(entry.key->text);
    if (!context->catalog->AddEvent(entry.key->text, std::move(properties))) {
      context->reporter->Error(
          Code::kDeclaredTwice, *entry.key->file, entry.key->range,
          fmt::format("the event \"{}\" stands in another catalogue already", entry.key->text));
    }
  }
}

void LoadTraits(const Node* traits, LoadContext* context) {
  if (traits == nullptr) return;
  for (const Node::Entry& entry : traits->entries) {
    if (traits->FindKey(entry.key->text) != entry.key) continue;  // told: the key stands twice
    const std::string& name = entry.key->text;
    if (Catalog::IsPersonBuiltIn(name)) {
      context->reporter->Error(
          Code::kReservedName, *entry.key->file, entry.key->range,
          fmt::format("person.{} is built in, no trait can be called so", name));
    } else if (!context->catalog->AddTrait(name, TypeOf(*entry.value))) {
      context->reporter->Error(Code::kDeclaredTwice, *entry.key->file, entry.key->range,
                               fmt::format("the trait \"{}\" is declared already", name));
    }
  }
}

}  // namespace

void LoadCompany(const Node& root, LoadContext* context) {
  Company& company = context->bundle->company;
  company.name = TextAt(root, "company");
  if (const Node* zone = root.Find("timezone")) {
    company.timezone_name = zone->text;
    company.timezone = FindTimeZone(zone->text).value_or(company.timezone);
  }
  company.currency = TextAt(root, "currency");
  company.postal_address = TextAt(root, "postal_address");
  if (const Node* hours = root.Find("quiet_hours")) {
    company.quiet_hours = QuietHoursFrom(*hours, context);
  }
  company.holdout_buckets = ParsePercentBuckets(TextAt(root, "holdout")).value_or(0);
  company.late_send_limit = DurationAt(root, "late_send_limit").value_or(company.late_send_limit);
  LoadRedemption(root.Find("coupon_redemption"), &company.coupon_redemption);
  LoadTopics(root.Find("topics"), context);
  for (const ConsentTopic& topic : company.topics) context->catalog->AddConsentTopic(topic.name);
  LoadCaps(root.Find("frequency_caps"), context);
  LoadSenders(root.Find("senders"), context);
  if (const Node* retired = root.Find("retired")) {
    for (const Node* name : retired->items) company.retired.push_back(name->text);
  }
}

void LoadCatalog(const Node& root, LoadContext* context) {
  context->catalog->DeclareCatalog();
  LoadEvents(root.Find("events"), context);
  LoadTraits(root.Find("traits"), context);
}

}  // namespace sojourn::language
