#include "engine/step/segments.h"

#include <algorithm>

namespace sojourn::step {
namespace {

using language::Segment;
using model::FactKind;
using model::Membership;

// The segments still to be judged, ascending, each once: dependencies come first.
class Pending {
 public:
  void Add(uint32_t index) {
    const auto at = std::lower_bound(indexes_.begin(), indexes_.end(), index);
    if (at == indexes_.end() || *at != index) indexes_.insert(at, index);
  }
  template <typename Map, typename Key>
  void AddReaders(const Map& readers, const Key& key) {
    const auto found = readers.find(key);
    if (found == readers.end()) return;
    for (const uint32_t index : found->second) Add(index);
  }
  // Only indexes above those already given out may be added meanwhile.
  std::optional<uint32_t> Next() {
    if (next_ == indexes_.size()) return std::nullopt;
    return indexes_[next_++];
  }

 private:
  std::vector<uint32_t> indexes_;
  size_t next_ = 0;
};

void AddChanged(const language::SegmentReaders& readers, const Changes& changes, Pending* pending) {
  for (const uint64_t counter : changes.counters) pending->AddReaders(readers.of_counter, counter);
  for (const std::string_view trait : changes.traits) {
    pending->AddReaders(readers.of_trait, std::string(trait));
  }
  if (!changes.traits.empty()) pending->AddReaders(readers.of_trait, std::string("*"));
  if (changes.consent) {
    for (const uint32_t index : readers.of_consent) pending->Add(index);
  }
  if (changes.seen) {
    for (const uint32_t index : readers.of_seen) pending->Add(index);
  }
}

void AddDue(const Session& session, Pending* pending) {
  const auto& index_of = session.rules.segment_readers().index_of;
  for (const Membership& membership : session.person.memberships) {
    if (membership.flip_at > session.now) continue;
    const auto found = index_of.find(membership.segment);
    if (found != index_of.end()) pending->Add(found->second);
  }
}

// Index of the segment's membership, or where it belongs.
uint32_t MembershipIndex(const model::Person& person, uint64_t segment) {
  const auto at = std::lower_bound(
      person.memberships.begin(), person.memberships.end(), segment,
      [](const Membership& membership, uint64_t id) { return membership.segment < id; });
  return static_cast<uint32_t>(at - person.memberships.begin());
}

void StoreMembership(model::Person* person, const Membership& membership) {
  const uint32_t index = MembershipIndex(*person, membership.segment);
  const bool present = index < person->memberships.size() &&
                       person->memberships[index].segment == membership.segment;
  const bool worth_keeping = membership.member || membership.flip_at != Timestamp::Max();
  if (present && worth_keeping) {
    person->memberships[index] = membership;
  } else if (present) {
    person->memberships.Erase(index);
  } else if (worth_keeping) {
    person->memberships.Insert(&person->arena, index, membership);
  }
}

// Judges one segment and stores the result; true where membership changed.
bool JudgeSegment(Session& session, const Segment& segment, bool was_member, bool* is_member) {
  const Place place{&session.rules.current(), nullptr, {}};
  expr::TimeWatch watch;
  const size_t facts_before = session.output.facts.size();
  *is_member = session.Holds(segment.where, place,
                             session.Activate(place, nullptr, nullptr, nullptr), &watch);
  if (*is_member != was_member) {
    session.TraceConditions(segment.where, place,
                            session.Activate(place, nullptr, nullptr, nullptr));
  }
  for (size_t i = facts_before; i < session.output.facts.size(); ++i) {
    session.output.facts[i].name = segment.name;
  }
  StoreMembership(&session.person, {segment.id, *is_member, watch.next_change});
  return *is_member != was_member;
}

}  // namespace

void RecomputeSegments(Session& session, const Changes& changes, std::vector<SegmentChange>* made) {
  const std::vector<Segment>& segments = session.rules.current().segments;
  const language::SegmentReaders& readers = session.rules.segment_readers();
  Pending pending;
  if (changes.everything) {
    for (uint32_t i = 0; i < segments.size(); ++i) pending.Add(i);
  } else {
    AddChanged(readers, changes, &pending);
    AddDue(session, &pending);
  }
  while (const std::optional<uint32_t> index = pending.Next()) {
    const Segment& segment = segments[*index];
    const bool was_member = session.person.InSegment(segment.id);
    bool is_member = false;
    if (!JudgeSegment(session, segment, was_member, &is_member)) continue;
    pending.AddReaders(readers.of_segment, segment.id);
    if (made == nullptr) continue;
    made->push_back({&segment, is_member});
    const FactKind kind = is_member ? FactKind::kSegmentEntered : FactKind::kSegmentLeft;
    session.Note(kind).name = segment.name;
  }
}

namespace {

// Whether the run waits for a membership that one of the changes has made.
bool IsAwaited(const std::vector<SegmentChange>& changes, const language::Journey& journey,
               const model::Run& run) {
  const auto* wait = std::get_if<language::WaitUntilStep>(&journey.steps[run.position].action);
  if (wait == nullptr) return false;
  const bool wanted = wait->kind == language::WaitUntilKind::kInSegment;
  return std::any_of(changes.begin(), changes.end(), [&](const SegmentChange& change) {
    return change.segment->id == wait->segment_id && change.entered == wanted;
  });
}

}  // namespace

bool JudgeAwaited(Session& session, const language::RuleSet::JourneyRevision& rules,
                  model::Run* run) {
  const language::Step& step = rules.journey->steps[run->position];
  const auto* wait = std::get_if<language::WaitUntilStep>(&step.action);
  if (wait == nullptr) return false;
  const Place place{rules.bundle, rules.journey, step.id};
  const expr::EventView trigger = ViewOf(run->trigger);
  const expr::EventView event = run->event_is_trigger ? trigger : ViewOf(run->event);
  expr::TimeWatch watch;
  const bool holds =
      session.Holds(wait->condition, place, session.Activate(place, &event, &trigger, run), &watch);
  run->flip_at = watch.next_change;
  if (holds) {
    session.TraceConditions(wait->condition, place, session.Activate(place, &event, &trigger, run));
  }
  return holds;
}

void FindReadyRuns(Session& session, const std::vector<SegmentChange>& changes,
                   std::vector<RunName>* ready) {
  for (model::Run& run : session.person.runs) {
    const bool awaits_condition = run.rest == model::RestKind::kWaitCondition;
    if (!awaits_condition && run.rest != model::RestKind::kWaitSegment) continue;
    if (session.AlreadyReady(run)) continue;
    const auto rules = session.rules.Find(run.journey, run.revision);
    if (rules.journey == nullptr) continue;
    const bool is_ready = awaits_condition ? JudgeAwaited(session, rules, &run)
                                           : IsAwaited(changes, *rules.journey, run);
    if (!is_ready) continue;
    run.flip_at = Timestamp::Max();
    session.MarkReady(run);
    ready->push_back({run.journey, run.entry});
  }
}

void FindRunsReadyNow(Session& session, std::vector<RunName>* ready) {
  std::vector<SegmentChange> standing;
  for (const Segment& segment : session.rules.current().segments) {
    standing.push_back({&segment, session.person.InSegment(segment.id)});
  }
  FindReadyRuns(session, standing, ready);
}

void RewatchAwaitedConditions(Session& session) {
  for (model::Run& run : session.person.runs) {
    if (run.rest != model::RestKind::kWaitCondition) continue;
    const auto rules = session.rules.Find(run.journey, run.revision);
    if (rules.journey != nullptr) JudgeAwaited(session, rules, &run);
  }
}

Timestamp NextFlip(const model::Person& person) {
  Timestamp next = Timestamp::Max();
  for (const Membership& membership : person.memberships) {
    next = std::min(next, membership.flip_at);
  }
  for (const model::Run& run : person.runs) next = std::min(next, run.flip_at);
  return next;
}

}  // namespace sojourn::step
