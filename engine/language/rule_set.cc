// The index over a bundle: from an event's name to what can happen on it.
#include <algorithm>
#include <utility>

#include "engine/base/hash.h"
#include "engine/language/bundle.h"

namespace sojourn::language {
namespace {

// The first equality with a string, by which a trigger is found.
const expr::Equality* StringEquality(const Trigger& trigger) {
  for (const ProgramPointer& program : trigger.where) {
    for (const expr::Equality& equality : program->equalities()) {
      if (equality.literal.kind() == model::ValueKind::kString) return &equality;
    }
  }
  return nullptr;
}

void IndexTrigger(const Trigger& trigger, TriggerReference reference, EventRules* rules) {
  const expr::Equality* equality = StringEquality(trigger);
  if (equality == nullptr) {
    rules->triggers.push_back(reference);
    return;
  }
  auto found = std::find_if(rules->indexed.begin(), rules->indexed.end(),
                            [&](const auto& item) { return item.first == equality->property; });
  if (found == rules->indexed.end()) {
    rules->indexed.emplace_back(equality->property,
                                std::unordered_map<std::string, std::vector<TriggerReference>>());
    found = rules->indexed.end() - 1;
  }
  found->second[std::string(equality->literal.text())].push_back(reference);
}

void AddReader(std::vector<uint32_t>* readers, uint32_t index) {
  if (readers->empty() || readers->back() != index) readers->push_back(index);
}

SegmentReaders IndexSegments(const std::vector<Segment>& segments) {
  SegmentReaders readers;
  for (uint32_t i = 0; i < segments.size(); ++i) {
    readers.index_of.emplace(segments[i].id, i);
    for (const ProgramPointer& program : segments[i].where) {
      for (const uint64_t id : program->counters()) AddReader(&readers.of_counter[id], i);
      for (const std::string& trait : program->traits()) AddReader(&readers.of_trait[trait], i);
      if (program->reads_consent()) AddReader(&readers.of_consent, i);
      if (program->reads_seen()) AddReader(&readers.of_seen, i);
    }
    for (const std::string& other : segments[i].depends_on) {
      AddReader(&readers.of_segment[StableHash64(other)], i);
    }
  }
  return readers;
}

bool InOrder(const TriggerReference& a, const TriggerReference& b) {
  return std::make_pair(a.journey, a.trigger) < std::make_pair(b.journey, b.trigger);
}

}  // namespace

RuleSet::RuleSet(std::shared_ptr<const Bundle> current,
                 std::vector<std::shared_ptr<const Bundle>> older, FirstBundles first_bundles)
    : current_(std::move(current)),
      older_(std::move(older)),
      first_bundles_(std::move(first_bundles)) {
  expr::CounterTable merged;
  for (const expr::CounterDefinition& counter : current_->counters.counters()) {
    merged.Require(counter);
  }
  for (const auto& bundle : older_) {
    for (const expr::CounterDefinition& counter : bundle->counters.counters()) {
      merged.Require(counter);
    }
  }
  counters_ = merged.counters();
  for (const expr::CounterDefinition& counter : counters_) {
    counters_by_id_.emplace(counter.id, &counter);
    by_event_[counter.event].counters.push_back(&counter);
  }
  for (uint32_t j = 0; j < current_->journeys.size(); ++j) {
    const Journey& journey = *current_->journeys[j];
    current_by_id_.emplace(journey.id, &journey);
    for (uint32_t t = 0; t < journey.triggers.size(); ++t) {
      const Trigger& trigger = journey.triggers[t];
      if (trigger.kind == TriggerKind::kEvent) {
        IndexTrigger(trigger, {j, t}, &by_event_[trigger.event]);
      } else if (trigger.kind == TriggerKind::kEntersSegment ||
                 trigger.kind == TriggerKind::kLeavesSegment) {
        by_segment_[trigger.segment_id].push_back({j, t});
      } else {
        dated_triggers_.push_back({j, t});
      }
    }
  }
  segment_readers_ = IndexSegments(current_->segments);
  const auto add_revisions = [this](const Bundle& bundle) {
    for (const auto& journey : bundle.journeys) {
      revisions_[journey->id].push_back({&bundle, journey.get()});
      uint32_t& first = first_bundles_.try_emplace(journey->id, bundle.number).first->second;
      first = std::min(first, bundle.number);
    }
  };
  add_revisions(*current_);
  for (const auto& bundle : older_) add_revisions(*bundle);
}

const EventRules* RuleSet::ForEvent(std::string_view event) const {
  const auto found = by_event_.find(std::string(event));
  return found == by_event_.end() ? nullptr : &found->second;
}

void RuleSet::CandidateTriggers(const EventRules& rules, const model::Value& properties,
                                std::vector<TriggerReference>* candidates) const {
  *candidates = rules.triggers;
  for (const auto& [property, by_text] : rules.indexed) {
    const model::Value* value = properties.Find(property);
    if (value == nullptr || value->kind() != model::ValueKind::kString) continue;
    const auto found = by_text.find(std::string(value->text()));
    if (found == by_text.end()) continue;
    candidates->insert(candidates->end(), found->second.begin(), found->second.end());
  }
  std::sort(candidates->begin(), candidates->end(), InOrder);
}

const std::vector<TriggerReference>& RuleSet::SegmentTriggers(uint64_t segment_id) const {
  static const std::vector<TriggerReference> none;
  const auto found = by_segment_.find(segment_id);
  return found == by_segment_.end() ? none : found->second;
}

RuleSet::JourneyRevision RuleSet::Find(uint64_t journey_id, uint64_t revision) const {
  const auto found = revisions_.find(journey_id);
  if (found == revisions_.end()) return {};
  for (const JourneyRevision& one : found->second) {
    if (one.journey->revision == revision) return one;
  }
  return {};
}

const Journey* RuleSet::FindCurrent(uint64_t journey_id) const {
  const auto found = current_by_id_.find(journey_id);
  return found == current_by_id_.end() ? nullptr : found->second;
}

const expr::CounterDefinition* RuleSet::FindCounter(uint64_t counter_id) const {
  const auto found = counters_by_id_.find(counter_id);
  return found == counters_by_id_.end() ? nullptr : found->second;
}

}  // namespace sojourn::language
