#include "engine/language/names.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sojourn::language {
namespace {

using expr::Type;
using expr::TypeKind;

constexpr std::string_view kIdentify = "Identify";
constexpr std::string_view kPersonBuiltIns[] = {"id", "first_seen_at", "last_seen_at", "consent",
                                                "suppressed"};
// What stands for the event in runs that no event started.
constexpr std::string_view kPseudoEvents[] = {"enters_segment", "leaves_segment", "date",
                                              "schedule"};

struct BuiltIn {
  std::string_view name;
  bool open = false;
  std::vector<std::pair<std::string_view, Type>> properties;
};

const std::vector<BuiltIn>& BuiltIns() {
  static const Type text{TypeKind::kString, false};
  static const Type maybe_text{TypeKind::kString, true};
  static const Type maybe_bool{TypeKind::kBool, true};
  // Which mail it was about, and whether a machine did it: the product's own listener says so.
  static const std::vector<std::pair<std::string_view, Type>> consent = {{"topic", maybe_text},
                                                                         {"action_id", maybe_text},
                                                                         {"journey", maybe_text},
                                                                         {"template", maybe_text},
                                                                         {"machine", maybe_bool}};
  static const auto mail = [](std::vector<std::pair<std::string_view, Type>> properties) {
    properties.insert(properties.end(), consent.begin(), consent.end());
    return properties;
  };
  static const std::vector<BuiltIn> built_ins = {
      {kIdentify, false, {}},  // its properties are the traits
      {"Subscribed", false, mail({{"way", maybe_text}})},
      {"Unsubscribed", false, mail({{"way", maybe_text}})},
      // Providers say different things about mail, so any property may be read.
      {"Email Delivered", true, {{"email", maybe_text}}},
      {"Email Opened", true, mail({{"email", maybe_text}})},
      {"Email Link Clicked", true, mail({{"email", maybe_text}, {"url", maybe_text}})},
      {"Email Bounced", true, {{"type", text}, {"email", maybe_text}}},
      {"Email Marked as Spam", true, {{"email", maybe_text}}},
      {"Coupon Redeemed",
       false,
       {{"pool", text},
        {"code", text},
        {"journey", text},
        {"step", text},
        {"path", maybe_text},
        {"order_id", {TypeKind::kDynamic, true}},
        {"total", {TypeKind::kDouble, true}},
        {"expired", {TypeKind::kBool, false}},
        {"again", {TypeKind::kBool, false}}}},
      {"Person Erased", false, {}},
      {"Person Merged", false, {{"from", text}}}};
  return built_ins;
}

bool Contains(const std::string_view* begin, const std::string_view* end, std::string_view name) {
  return std::find(begin, end, name) != end;
}

template <typename Container>
std::vector<std::string> Keys(const Container& container) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : container) keys.push_back(key);
  return keys;
}

}  // namespace

Catalog::Catalog() {
  for (const BuiltIn& built_in : BuiltIns()) {
    Event& event = events_[std::string(built_in.name)];
    event.open = built_in.open;
    for (const auto& [name, type] : built_in.properties) event.properties.emplace(name, type);
  }
}

bool Catalog::AddEvent(const std::string& event, Properties properties) {
  Event& entry = events_[event];
  if (std::exchange(entry.declared, true)) return false;
  for (auto& [name, type] : properties) entry.properties[name] = type;
  return true;
}

bool Catalog::AddTrait(const std::string& trait, Type type) {
  return traits_.emplace(trait, type).second;
}

bool Catalog::HasEvent(std::string_view event) const {
  return !HasCatalog() || events_.find(event) != events_.end();
}

std::optional<Type> Catalog::EventProperty(std::string_view event,
                                           std::string_view property) const {
  if (!HasCatalog()) return Type{};
  if (Contains(std::begin(kPseudoEvents), std::end(kPseudoEvents), event)) {
    if (property == "segment") return Type{TypeKind::kString, false};
    return std::nullopt;
  }
  if (event == kIdentify) {
    std::optional<Type> type = Trait(property);
    if (type) type->optional = true;
    return type;
  }
  const auto found = events_.find(event);
  if (found == events_.end()) return Type{};
  const auto at = found->second.properties.find(property);
  if (at != found->second.properties.end()) return at->second;
  if (found->second.open) return Type{TypeKind::kDynamic, true};
  return std::nullopt;
}

std::optional<Type> Catalog::Trait(std::string_view trait) const {
  if (!HasCatalog()) return Type{};
  const auto found = traits_.find(trait);
  if (found == traits_.end()) return std::nullopt;
  return found->second;
}

bool Catalog::HasSegment(std::string_view segment) const {
  return segments_.find(segment) != segments_.end();
}

bool Catalog::HasConsentTopic(std::string_view topic) const {
  return topics_.find(topic) != topics_.end();
}

std::vector<std::string> Catalog::EventNames() const { return Keys(events_); }

std::vector<std::string> Catalog::PropertyNames(std::string_view event) const {
  if (event == kIdentify) return TraitNames();
  const auto found = events_.find(event);
  return found == events_.end() ? std::vector<std::string>() : Keys(found->second.properties);
}

std::vector<std::string> Catalog::TraitNames() const { return Keys(traits_); }

std::vector<std::string> Catalog::SegmentNames() const {
  return {segments_.begin(), segments_.end()};
}

std::vector<std::string> Catalog::ConsentTopicNames() const {
  return {topics_.begin(), topics_.end()};
}

bool Catalog::IsPersonBuiltIn(std::string_view name) {
  return Contains(std::begin(kPersonBuiltIns), std::end(kPersonBuiltIns), name);
}

bool Catalog::IsBuiltInEvent(std::string_view event) {
  return std::any_of(BuiltIns().begin(), BuiltIns().end(),
                     [&](const BuiltIn& built_in) { return built_in.name == event; });
}

}  // namespace sojourn::language
