#include "engine/simulate/rule_places.h"

#include "engine/base/hash.h"

namespace sojourn::simulate {
namespace {

using language::Journey;
using Keys = language::KeyPositions;
using language::SourcePosition;
using language::Trigger;
using language::TriggerKind;
using model::FactKind;

struct Owner {
  const language::Bundle* bundle = nullptr;
  const Journey* journey = nullptr;
};

// A fact's journey is a view of the very name in the bundle whose revision it speaks of.
Owner OwnerOf(const language::RuleSet& rules, std::string_view name) {
  const auto find = [name](const language::Bundle& bundle) -> const Journey* {
    for (const auto& journey : bundle.journeys) {
      if (journey->name.data() == name.data()) return journey.get();
    }
    return nullptr;
  };
  if (const Journey* journey = find(rules.current())) return {&rules.current(), journey};
  for (const auto& bundle : rules.older()) {
    if (const Journey* journey = find(*bundle)) return {bundle.get(), journey};
  }
  return {};
}

std::optional<SourcePosition> KeyOf(const Keys& keys, std::string_view key) {
  const auto found = keys.find(key);
  return found == keys.end() ? std::nullopt : std::optional<SourcePosition>(found->second);
}

SourcePosition KeyOr(const Journey& journey, const Keys& keys, std::string_view key) {
  return KeyOf(keys, key).value_or(journey.position);
}

// The trigger whose condition begins the detail "TEXT: VALUE", else the first of that event.
SourcePosition TriggerPlace(const Journey& journey, const Keys& keys, std::string_view event,
                            std::string_view detail) {
  const Trigger* of_event = nullptr;
  for (const Trigger& trigger : journey.triggers) {
    if (trigger.kind != TriggerKind::kEvent || trigger.event != event) continue;
    if (of_event == nullptr) of_event = &trigger;
    for (const auto& program : trigger.where) {
      if (detail.starts_with(program->text() + ": ")) return trigger.position;
    }
  }
  return of_event != nullptr ? of_event->position : KeyOr(journey, keys, "trigger");
}

std::string_view KeyOfRefusal(std::string_view reason) {
  if (reason == "already_running") return "if_already_running";
  if (reason == "inactive") return "active";
  if (reason == "run_key_error") return "one_run_per";
  return reason;  // only_if, reentry
}

std::string_view KeyOfExit(std::string_view reason) {
  const bool listed = reason == "goal" || reason == "event" || reason == "enters_segment" ||
                      reason == "leaves_segment";
  return listed ? "exit_on" : "journey";
}

std::optional<SourcePosition> SegmentPlace(const language::RuleSet& rules, std::string_view name) {
  const language::Segment* segment = rules.current().FindSegment(StableHash64(name));
  return segment == nullptr ? std::nullopt : std::optional<SourcePosition>(segment->position);
}

SourcePosition OfJourney(const Journey& journey, const Keys& keys, const model::Fact& fact,
                         std::string_view event) {
  switch (fact.kind) {
    case FactKind::kEntered:
      return TriggerPlace(journey, keys, event, "");
    case FactKind::kEntryRefused:
      return KeyOr(journey, keys, KeyOfRefusal(fact.reason));
    case FactKind::kExited:
      return KeyOr(journey, keys, KeyOfExit(fact.reason));
    case FactKind::kGoal:
      return KeyOr(journey, keys, "goal");
    default:
      if (fact.step == "trigger") return TriggerPlace(journey, keys, event, fact.detail);
      return KeyOr(journey, keys, fact.step);  // "only_if", "goal", "exit_on", ...
  }
}

}  // namespace

const Keys& RulePlaces::KeysOf(const language::Bundle& bundle, const std::string& file) {
  const auto key = std::make_pair(&bundle, file);
  const auto known = keys_.find(key);
  if (known != keys_.end()) return known->second;
  return keys_.emplace(key, language::FindKeys(bundle, file)).first->second;
}

const Keys& RulePlaces::CompanyKeys(const language::Bundle& bundle) {
  const auto known = company_files_.find(&bundle);
  if (known != company_files_.end()) return KeysOf(bundle, known->second);
  return KeysOf(bundle,
                company_files_.emplace(&bundle, language::CompanyFile(bundle)).first->second);
}

// The journey's own gate goes before the company's.
std::optional<SourcePosition> RulePlaces::Gate(const language::Bundle& current, const Keys& own,
                                               const model::Fact& fact) {
  const Keys& company = CompanyKeys(current);
  if (fact.reason == "frequency_cap") return KeyOf(company, "frequency_caps");
  if (fact.reason == "no_consent") return KeyOf(company, "topics");
  if (fact.reason == "quiet_hours") {
    const auto of_journey = KeyOf(own, "quiet_hours");
    return of_journey ? of_journey : KeyOf(company, "quiet_hours");
  }
  if (fact.reason != "holdout") return std::nullopt;
  return KeyOf(fact.detail.starts_with("control group") ? own : company, "holdout");
}

RulePlace RulePlaces::Of(const language::RuleSet& rules, const model::Fact& fact,
                         std::string_view event) {
  RulePlace place;
  if (fact.journey.empty()) {
    const bool of_segment =
        fact.kind == FactKind::kSegmentEntered || fact.kind == FactKind::kSegmentLeft ||
        fact.kind == FactKind::kCondition || fact.kind == FactKind::kExpressionError;
    if (of_segment) place.rule = SegmentPlace(rules, fact.name);
    return place;
  }
  const Owner owner = OwnerOf(rules, fact.journey);
  if (owner.journey == nullptr) return place;
  const Keys& keys = KeysOf(*owner.bundle, owner.journey->position.file);
  const uint32_t index = owner.journey->FindStep(fact.step);
  if (fact.step.empty() || index == language::kEndOfJourney) {
    place.rule = OfJourney(*owner.journey, keys, fact, event);
    return place;
  }
  place.step = &owner.journey->steps[index];
  place.rule = place.step->position;
  const bool gated = fact.kind == FactKind::kSkipped || fact.kind == FactKind::kRests;
  if (gated) place.beside = Gate(rules.current(), keys, fact);
  return place;
}

}  // namespace sojourn::simulate
