#include "engine/step/segments.h"

#include <algorithm>

namespace sojourn::step {
namespace {

using language::Segment;
using model::FactKind;
using model::Membership;

template <typename Wanted, typename Have>
bool Overlap(const Wanted& wanted, const Have& have) {
  for (const auto& item : have) {
    if (std::find(wanted.begin(), wanted.end(), item) != wanted.end()) return true;
  }
  return false;
}

bool ReadsTrait(const expr::Program& program, const std::vector<std::string_view>& traits) {
  if (traits.empty()) return false;
  const std::vector<std::string>& read = program.traits();
  return Overlap(read, traits) || std::find(read.begin(), read.end(), "*") != read.end();
}

bool Reads(const Segment& segment, const Changes& changes) {
  for (const language::ProgramPointer& program : segment.where) {
    if (changes.consent && program->reads_consent()) return true;
    if (changes.seen && program->reads_seen()) return true;
    if (Overlap(program->counters(), changes.counters)) return true;
    if (ReadsTrait(*program, changes.traits)) return true;
  }
  return false;
}

bool DependsOnChanged(const Segment& segment, const std::vector<const Segment*>& changed) {
  for (const Segment* other : changed) {
    if (std::find(segment.depends_on.begin(), segment.depends_on.end(), other->name) !=
        segment.depends_on.end()) {
      return true;
    }
  }
  return false;
}

// Index of the segment's membership, or where it belongs.
uint32_t MembershipIndex(const model::Person& person, uint64_t segment) {
  const auto at = std::lower_bound(
      person.memberships.begin(), person.memberships.end(), segment,
      [](const Membership& membership, uint64_t id) { return membership.segment < id; });
  return static_cast<uint32_t>(at - person.memberships.begin());
}

const Membership* FindMembership(const model::Person& person, uint64_t segment) {
  const uint32_t index = MembershipIndex(person, segment);
  if (index == person.memberships.size()) return nullptr;
  const Membership& membership = person.memberships[index];
  return membership.segment == segment ? &membership : nullptr;
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
  for (size_t i = facts_before; i < session.output.facts.size(); ++i) {
    session.output.facts[i].name = segment.name;
  }
  StoreMembership(&session.person, {segment.id, *is_member, watch.next_change});
  return *is_member != was_member;
}

}  // namespace

void RecomputeSegments(Session& session, const Changes& changes, std::vector<SegmentChange>* made) {
  std::vector<const Segment*> changed;
  for (const Segment& segment : session.rules.current().segments) {
    const Membership* membership = FindMembership(session.person, segment.id);
    const bool due = membership != nullptr && membership->flip_at <= session.now;
    if (!due && !changes.everything && !Reads(segment, changes) &&
        !DependsOnChanged(segment, changed)) {
      continue;
    }
    const bool was_member = membership != nullptr && membership->member;
    bool is_member = false;
    if (!JudgeSegment(session, segment, was_member, &is_member)) continue;
    changed.push_back(&segment);
    if (made == nullptr) continue;
    made->push_back({&segment, is_member});
    const FactKind kind = is_member ? FactKind::kSegmentEntered : FactKind::kSegmentLeft;
    session.Note(kind).name = segment.name;
  }
}

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
  return holds;
}

void JudgeAwaitedConditions(Session& session, std::vector<RunName>* ready) {
  for (model::Run& run : session.person.runs) {
    if (run.rest != model::RestKind::kWaitCondition || session.AlreadyReady(run)) continue;
    const auto rules = session.rules.Find(run.journey, run.revision);
    if (rules.journey == nullptr || !JudgeAwaited(session, rules, &run)) continue;
    run.flip_at = Timestamp::Max();
    session.MarkReady(run);
    ready->push_back({run.journey, run.entry});
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
