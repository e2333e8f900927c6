// Names and the fields of event, trigger, person, ab_test, coupon and company.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/base/suggest.h"
#include "engine/expr/check.h"

namespace sojourn::expr {
namespace {

constexpr std::array<std::string_view, 7> kRoots = {"event",   "trigger", "person", "now",
                                                    "ab_test", "coupon",  "company"};
constexpr std::array<std::string_view, 11> kTypeNames = {
    "bool", "int", "uint",      "double", "string",       "bytes",
    "list", "map", "null_type", "type",   "optional_type"};

template <typename Container>
bool Has(const Container& items, std::string_view item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

void AddOnce(std::vector<std::string>* items, std::string_view item) {
  if (!Has(*items, item)) items->emplace_back(item);
}

// What stands for an event where a run was started otherwise.
bool IsOtherTrigger(std::string_view event) {
  return event == "enters_segment" || event == "leaves_segment" || event == "date" ||
         event == "schedule" || event == "enroll";
}

struct Property {
  bool exists = false;
  Type type;
  std::vector<model::MapEntry> types_by_event;  // TypeKinds
  bool events_disagree = false;
};

// What a property is over all events that may be at hand: dynamic where they disagree.
Property FindProperty(const Names& names, const std::vector<std::string>& events,
                      std::string_view name) {
  if (!names.HasCatalog() || events.empty()) return {true, {}};
  Property found;
  bool missing = false;
  for (const std::string& event : events) {
    const bool other = IsOtherTrigger(event);
    if (!other && !names.HasEvent(event)) return {true, {}};
    const std::optional<Type> type = other ? std::nullopt : names.EventProperty(event, name);
    if (!type) {
      missing = true;
      continue;
    }
    found.events_disagree |= found.exists && found.type.kind != type->kind;
    found.type = {type->kind, found.type.optional || type->optional};
    found.exists = true;
    found.types_by_event.push_back(
        {model::Value::String(event), model::Value::Int(static_cast<int64_t>(type->kind))});
  }
  if (found.events_disagree) found.type.kind = TypeKind::kDynamic;
  found.type.optional |= missing;
  return found;
}

void CheckCompanyField(std::string_view field, Span span, IssueList* issues) {
  static const std::vector<std::string> known = {"name", "currency", "postal_address", "timezone"};
  if (Has(known, field)) return;
  std::string hint = DidYouMean(field, known);
  if (hint.empty()) hint = "it has name, currency, postal_address and timezone";
  issues->Error(code::kUnknownName, span, fmt::format("company has no \"{}\"", field), hint);
}

}  // namespace

bool Checker::IsShadowed(std::string_view name) const {
  return Has(loop_variables_, name) || Has(scope_->variables, name);
}

bool Checker::IsRoot(const Node& node, std::string_view name) const {
  return node.kind == NodeKind::kName && node.name == name && !IsShadowed(name);
}

bool Checker::RootAllowed(std::string_view root, Span span) {
  const Scope& scope = *scope_;
  const bool allowed = root == "event"     ? scope.event
                       : root == "trigger" ? scope.trigger
                       : root == "person"  ? scope.person
                       : root == "now"     ? scope.now
                       : root == "ab_test" ? scope.ab_test
                       : root == "coupon"  ? scope.coupon
                                           : scope.company;
  if (allowed) return true;
  std::string hint;
  if (nested_) {
    hint = root == "now"
               ? "how long ago an event may be is said by the window, for example days(90)"
           : root == "person" ? "values of history functions see only event"
                              : "history functions see only event and person";
  } else if (root == "event" || root == "trigger") {
    hint =
        "a segment looks at the person: use person.TRAIT, or history such as "
        "count(\"Order Completed\", days(30)) > 0";
  } else if (root == "ab_test" || root == "coupon") {
    hint = fmt::format("it can be read behind {} step of the journey",
                       root == "coupon" ? "a coupon" : "an ab_test");
  }
  issues_->Error(code::kNotHere, span, fmt::format("\"{}\" has no meaning here", root), hint);
  return false;
}

Type Checker::CheckName(Node* node) {
  const std::string_view name = node->name;
  if (IsShadowed(name)) {
    node->access = Has(loop_variables_, name) ? Access::kLoopVariable : Access::kVariable;
    node->key = name;
    return {};
  }
  if (Has(kRoots, name)) {
    if (!RootAllowed(name, node->span)) return {};
    if (name == "now") {
      analysis_.reads_now = true;
      node->access = Access::kNow;
      return {TypeKind::kTimestamp};
    }
    node->of_trigger = name == "trigger";
    if (name == "event") AddOnce(&analysis_.event_properties, "*");
    if (name == "trigger") AddOnce(&analysis_.trigger_properties, "*");
    if (name == "person") AddOnce(&analysis_.traits, "*");
    if (name == "ab_test" || name == "coupon") analysis_.reads_run = true;
    node->access = name == "event" || name == "trigger" ? Access::kEventMap
                   : name == "person"                   ? Access::kPersonMap
                   : name == "ab_test"                  ? Access::kAbTestMap
                   : name == "coupon"                   ? Access::kCouponMap
                                                        : Access::kCompanyMap;
    return {TypeKind::kMap};
  }
  if (Has(kTypeNames, name)) {
    node->access = Access::kTypeName;
    node->key = name;
    return {TypeKind::kType};
  }
  if (scope_->unchecked) {
    node->access = Access::kVariable;
    node->key = name;
    return {};
  }
  std::vector<std::string> known(kRoots.begin(), kRoots.end());
  known.insert(known.end(), {"ever", "true", "false"});
  known.insert(known.end(), scope_->variables.begin(), scope_->variables.end());
  std::string hint = DidYouMean(name, known);
  if (scope_->event && names_.HasCatalog() && Has(PossibleProperties(scope_->events), name)) {
    hint = fmt::format("write event.{}", name);
  } else if (names_.HasCatalog() && names_.Trait(name)) {
    hint = fmt::format("write person.{}", name);
  } else if (hint.empty()) {
    hint = "text needs quotes; fields are written event.NAME or person.NAME";
  }
  issues_->Error(code::kUnknownName, node->span, fmt::format("unknown name \"{}\"", name), hint);
  return {};
}

std::vector<std::string> Checker::PossibleProperties(const std::vector<std::string>& events) const {
  std::vector<std::string> properties = {"name", "time"};
  for (const std::string& event : events) {
    if (IsOtherTrigger(event)) AddOnce(&properties, "segment");
    for (const std::string& property : names_.PropertyNames(event)) AddOnce(&properties, property);
  }
  return properties;
}

// False where the operand is no root of named fields; otherwise the node is complete.
bool Checker::CheckRootField(Node* node, std::string_view field, Span span) {
  Node& operand = *node->children[0];
  const bool consent = operand.kind == NodeKind::kSelect && operand.name == "consent" &&
                       IsRoot(*operand.children[0], "person");
  if (consent) {
    if (RootAllowed("person", operand.children[0]->span))
      node->type = ConsentField(node, field, span);
    return true;
  }
  if (operand.kind != NodeKind::kName || IsShadowed(operand.name)) return false;
  const std::string_view root = operand.name;
  if (!Has(kRoots, root) || root == "now") return false;
  if (!RootAllowed(root, operand.span)) return true;
  node->key = field;
  if (root == "event" || root == "trigger") {
    node->type = EventField(node, root == "trigger", field, span);
  } else if (root == "person") {
    node->type = PersonField(node, field, span);
  } else if (root == "ab_test") {
    node->type = AbTestField(node, field, span);
  } else if (root == "coupon") {
    node->type = CouponField(node, field, span);
  } else {
    node->access = Access::kCompanyField;
    if (!scope_->unchecked) CheckCompanyField(field, span, issues_);
  }
  return true;
}

Type Checker::EventField(Node* node, bool of_trigger, std::string_view field, Span span) {
  const std::vector<std::string>& events = of_trigger ? scope_->trigger_events : scope_->events;
  const Property property = FindProperty(names_, events, field);
  node->of_trigger = of_trigger;
  const bool segment = std::any_of(events.begin(), events.end(), IsOtherTrigger) || events.empty();
  const bool built_in = field == "name" || field == "time" || (field == "segment" && segment);
  if (property.exists) {
    AddOnce(of_trigger ? &analysis_.trigger_properties : &analysis_.event_properties, field);
  }
  if (built_in) {
    node->access = field == "name"   ? Access::kEventName
                   : field == "time" ? Access::kEventTime
                                     : Access::kEventSegment;
    node->property_first = property.exists;
    if (property.exists) return {};
    return {field == "time" ? TypeKind::kTimestamp : TypeKind::kString, field == "segment"};
  }
  node->access = Access::kEventProperty;
  node->property_type = property.type.kind;
  if (property.events_disagree) {
    const auto& types = property.types_by_event;
    const auto count = static_cast<uint32_t>(types.size());
    node->types_by_event = model::DeepCopy(model::Value::Map(types.data(), count), &ast_->arena);
  }
  if (property.exists) return property.type;
  const std::string of = events.size() == 1 ? fmt::format("\"{}\"", events[0]) : "the events here";
  issues_->Error(
      code::kUnknownProperty, span,
      fmt::format("{} {} no property \"{}\"", of, events.size() == 1 ? "has" : "have", field),
      DidYouMean(field, PossibleProperties(events)));
  return {};
}

Type Checker::PersonField(Node* node, std::string_view field, Span span) {
  if (field == "id") {
    node->access = Access::kPersonId;
    return {TypeKind::kString};
  }
  if (field == "first_seen_at" || field == "last_seen_at") {
    node->access = field == "first_seen_at" ? Access::kFirstSeenAt : Access::kLastSeenAt;
    analysis_.reads_seen = true;
    return {TypeKind::kTimestamp};
  }
  if (field == "suppressed" || field == "consent") {
    analysis_.reads_consent = true;
    node->access = field == "consent" ? Access::kConsentMap : Access::kSuppressed;
    return {field == "consent" ? TypeKind::kMap : TypeKind::kBool};
  }
  AddOnce(&analysis_.traits, field);
  node->access = Access::kTrait;
  if (!names_.HasCatalog()) return {};
  if (const std::optional<Type> type = names_.Trait(field)) {
    node->property_type = type->kind;
    return *type;
  }
  std::vector<std::string> known = names_.TraitNames();
  for (const char* built_in : {"id", "first_seen_at", "last_seen_at", "consent", "suppressed"}) {
    known.emplace_back(built_in);
  }
  issues_->Error(code::kUnknownTrait, span, fmt::format("a person has no trait \"{}\"", field),
                 DidYouMean(field, known));
  return {};
}

Type Checker::ConsentField(Node* node, std::string_view topic, Span span) {
  node->access = Access::kConsent;
  node->key = topic;
  analysis_.reads_consent = true;
  if (!names_.HasConsentTopic(topic)) {
    issues_->Error(code::kUnknownTopic, span, fmt::format("unknown consent topic \"{}\"", topic),
                   DidYouMean(topic, names_.ConsentTopicNames()));
  }
  return {TypeKind::kBool};
}

Type Checker::AbTestField(Node* node, std::string_view test, Span span) {
  node->access = Access::kAbTest;
  analysis_.reads_run = true;
  if (!Has(scope_->ab_tests, test)) {
    issues_->Error(code::kUnknownTest, span,
                   fmt::format("no A/B test \"{}\" can have been passed here", test),
                   DidYouMean(test, scope_->ab_tests));
  }
  return {TypeKind::kString};
}

Type Checker::CouponField(Node* node, std::string_view field, Span span) {
  if (field == "code" || field == "expires_at") {
    node->access = field == "code" ? Access::kCouponCode : Access::kCouponExpiresAt;
    analysis_.reads_run = true;
    return {field == "code" ? TypeKind::kString : TypeKind::kTimestamp};
  }
  issues_->Error(code::kUnknownName, span, fmt::format("a coupon has no field \"{}\"", field),
                 "it has coupon.code and coupon.expires_at");
  return {};
}

}  // namespace sojourn::expr
