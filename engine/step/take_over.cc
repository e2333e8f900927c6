// What one person keeps of another who becomes part of them (rules/REFERENCE.md, "One person,
// several ids"): the person at hand wins wherever both cannot hold.
#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/expr/counter.h"
#include "engine/step/dates.h"
#include "engine/step/goals.h"
#include "engine/step/history.h"
#include "engine/step/input.h"
#include "engine/step/merge.h"
#include "engine/step/runs.h"
#include "engine/step/segments.h"

namespace sojourn::step {
namespace {

using model::Counter;
using model::Person;
using model::Run;

// Keeps the newest of a list that is in order of time.
template <typename Items>
void KeepNewest(Items* items, size_t most) {
  if (items->size() > most) items->EraseFront(static_cast<uint32_t>(items->size() - most));
}

void TakeTraits(Person* person, const Person& from) {
  for (const model::Trait& trait : from.traits) {
    if (person->FindTrait(trait.name) == nullptr) person->SetTrait(trait.name, trait.value);
  }
}

void TakeSeen(Person* person, const Person& from) {
  const auto earlier = [](Timestamp a, Timestamp b) {
    if (a == Timestamp::Min()) return b;
    return b == Timestamp::Min() ? a : std::min(a, b);
  };
  person->first_seen_at = earlier(person->first_seen_at, from.first_seen_at);
  person->last_seen_at = std::max(person->last_seen_at, from.last_seen_at);
}

// What was refused under either id stays refused.
void TakeConsent(Session& session, const Person& from) {
  Person& person = session.person;
  for (const model::ConsentChoice& choice : from.consent) {
    const bool chosen =
        std::any_of(person.consent.begin(), person.consent.end(),
                    [&](const model::ConsentChoice& own) { return own.topic == choice.topic; });
    if (!chosen || !choice.opted_in) Choose(&person, choice.topic, choice.opted_in);
  }
  ApplyGeneralUnsubscription(session);
  person.complained |= from.complained;
  for (const std::string_view address : from.bounced) {
    if (!model::HasAddress(person.bounced, address)) {
      person.bounced.Append(&person.arena, address);
    }
  }
  KeepNewest(&person.bounced, kMaxBouncedAddresses);
}

void TakeRecentIds(Person* person, const Person& from) {
  auto& ids = person->recent_ids;
  for (const model::RecentEventId& recent : from.recent_ids) {
    const bool seen = std::any_of(ids.begin(), ids.end(),
                                  [&](const auto& own) { return own.hash == recent.hash; });
    if (!seen) ids.Append(&person->arena, recent);
  }
  std::stable_sort(ids.begin(), ids.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
  KeepNewest(&ids, kMaxRecentEventIds);
}

// Both have happened to the person. Of an id whose past is still on its way from the log, only what
// it has counted itself is known.
void TakeCounters(Session& session, const Person& from) {
  Person& person = session.person;
  for (const Counter& counter : from.counters) {
    const expr::CounterDefinition* definition = session.rules.FindCounter(counter.id);
    if (definition == nullptr) continue;
    expr::AppendCounter(*definition, counter, session.now, &expr::CounterOf(counter.id, &person),
                        &person.arena);
    for (model::CounterBackfill& backfill : person.backfills) {
      if (backfill.since.id != counter.id) continue;
      expr::AppendCounter(*definition, counter, session.now, &backfill.since, &person.arena);
    }
  }
}

void TakeSent(Person* person, const Person& from) {
  for (const model::SentMark& mark : from.sent) person->sent.Append(&person->arena, mark);
  std::stable_sort(person->sent.begin(), person->sent.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
}

// An occurrence that one id has had is not due again for the other.
void TakeDates(Person* person, const Person& from) {
  for (model::PlannedDate date : from.planned_dates) {
    if (date.last_judged == Timestamp::Min()) continue;
    const auto own = std::find_if(
        person->planned_dates.begin(), person->planned_dates.end(),
        [&](auto& plan) { return plan.journey == date.journey && plan.trigger == date.trigger; });
    if (own != person->planned_dates.end()) {
      own->last_judged = std::max(own->last_judged, date.last_judged);
      continue;
    }
    date.at = Timestamp::Max();
    person->planned_dates.Append(&person->arena, date);
  }
}

void TakePlannedEntries(Person* person, const Person& from) {
  for (const model::PlannedEntry& entry : from.planned_entries) {
    const bool planned = std::any_of(
        person->planned_entries.begin(), person->planned_entries.end(), [&](const auto& own) {
          return own.journey == entry.journey && own.segment == entry.segment;
        });
    if (planned || person->planned_entries.size() >= kMaxPlannedEntries) continue;
    person->planned_entries.Append(&person->arena, entry);
  }
}

// ---- runs ------------------------------------------------------------------------------------

uint32_t EntriesOf(const Person& person, uint64_t journey) {
  for (const model::JourneyMemory& memory : person.journeys) {
    if (memory.journey == journey) return memory.entries;
  }
  return 0;
}

// Whether the journey's `reentry` forbids that both entries happened.
bool IsTooClose(const Session& session, const language::Journey& journey, const Run& run) {
  if (journey.reentry == language::ReentryKind::kAlways) return false;
  const uint64_t key_hash = HashRunKey(session, run.run_key);
  for (const model::JourneyMemory& memory : session.person.journeys) {
    if (memory.journey != run.journey) continue;
    for (const model::RunKeyEntry& last : memory.last_entries) {
      if (last.key_hash != key_hash) continue;
      if (journey.reentry == language::ReentryKind::kNever) return true;
      const Duration between = last.entered_at < run.entered_at ? run.entered_at - last.entered_at
                                                                : last.entered_at - run.entered_at;
      return between < journey.reentry_after;
    }
  }
  return false;
}

// Empty: the run goes on as the person's.
std::string_view WhyItEnds(const Session& session, const language::Journey* journey,
                           const Run& run) {
  if (journey == nullptr) return "removed";
  const auto& runs = session.person.runs;
  const bool is_running = std::any_of(runs.begin(), runs.end(), [&](const Run& own) {
    return own.journey == run.journey && model::Identical(own.run_key, run.run_key);
  });
  if (is_running || IsTooClose(session, *journey, run)) return "merged";
  return runs.size() >= kMaxActiveRunsPerPerson ? "limit" : "";
}

// Entry numbers go on behind the person's own, so that no two runs have the same one.
std::vector<RunName> TakeRuns(Session& session, const Person& from) {
  const Person& person = session.person;
  std::vector<RunName> taken;
  for (Run run : from.runs) {
    const auto rules = session.rules.Find(run.journey, run.revision);
    if (const std::string_view reason = WhyItEnds(session, rules.journey, run); !reason.empty()) {
      model::Fact& fact = session.Note(model::FactKind::kExited, {rules.bundle, rules.journey, {}});
      fact.reason = reason;
      fact.detail = session.output.arena.Copy(RunKeyText(run.run_key));
      continue;
    }
    run.entry += EntriesOf(person, run.journey);
    InsertRun(session, run);
    taken.push_back({run.journey, run.entry});
  }
  return taken;
}

void TakeEndedRuns(Person* person, const Person& from) {
  uint32_t index = 0;
  for (model::EndedRun run : from.ended_runs) {
    run.entry += EntriesOf(*person, run.journey);
    person->ended_runs.Insert(&person->arena, index++, run);
  }
  KeepNewest(&person->ended_runs, kMaxEndedRunsPerPerson);
}

void TakeJourneys(Person* person, const Person& from) {
  for (const model::JourneyMemory& memory : from.journeys) {
    model::JourneyMemory& own = MemoryOf(person, memory.journey);
    own.entries += memory.entries;
    for (const model::RunKeyEntry& entry : memory.last_entries) {
      const auto same =
          std::find_if(own.last_entries.begin(), own.last_entries.end(),
                       [&](const auto& known) { return known.key_hash == entry.key_hash; });
      if (same == own.last_entries.end()) {
        own.last_entries.Append(&person->arena, entry);
      } else {
        same->entered_at = std::max(same->entered_at, entry.entered_at);
      }
    }
    std::stable_sort(own.last_entries.begin(), own.last_entries.end(),
                     [](const auto& a, const auto& b) { return a.entered_at < b.entered_at; });
    KeepNewest(&own.last_entries, kMaxRunKeysPerJourney);
  }
}

void TakeCoupons(Person* person, const Person& from) {
  for (const model::HeldCoupon& held : from.coupons) person->coupons.Append(&person->arena, held);
  std::stable_sort(person->coupons.begin(), person->coupons.end(),
                   [](const auto& a, const auto& b) { return a.allotted_at < b.allotted_at; });
  KeepNewest(&person->coupons, kMaxHeldCoupons);
}

void TakeMergedIds(Person* person, const Person& from) {
  for (const std::string_view id : from.merged_ids) {
    const bool known = std::find(person->merged_ids.begin(), person->merged_ids.end(), id) !=
                       person->merged_ids.end();
    if (!known) person->merged_ids.Append(&person->arena, id);
  }
}

// A segment that the other id was in is entered by nobody now: what that starts, it has started.
void MarkEnteredBefore(const Person& from, std::vector<SegmentChange>* changes) {
  for (SegmentChange& change : *changes) {
    change.entered_before = change.entered && from.InSegment(change.segment->id);
  }
}

// For the runs of the other id, segments change from what it was in to what the person is in.
void ExitTakenRuns(Session& session, const Person& from, const std::vector<RunName>& taken) {
  Item item;
  for (const language::Segment& segment : session.rules.current().segments) {
    const bool is_member = session.person.InSegment(segment.id);
    if (is_member != from.InSegment(segment.id)) item.changes.push_back({&segment, is_member});
  }
  Item* const at_hand = std::exchange(session.item, &item);
  ExitOnSegments(session, taken);
  session.item = at_hand;
}

Item MergedItem(Session& session, const EventInput& input, const Person& from) {
  Arena* arena = &session.output.arena;
  auto* entries = arena->AllocateArray<model::MapEntry>(1);
  entries[0] = {model::Value::String("from"), model::Value::String(arena->Copy(from.id))};
  Item item;
  item.has_event = true;
  item.event = {model::kPersonMerged, {}, session.now, model::Value::Map(entries, 1)};
  item.cause = {model::kPersonMerged, {}, input.origin, true, input.log_time};
  return item;
}

}  // namespace

void TakeOver(Session& session, const EventInput& input, Person* from) {
  Person& person = session.person;
  if (from->bundle != session.rules.current().number) {
    UpgradePerson(session.environment, session.now, from, &session.output);
  }
  person.arena.Absorb(&from->arena);  // what follows need not be copied
  if (!person.known) person.bundle = session.rules.current().number;
  person.known = true;
  person.clock = session.now;
  TakeTraits(&person, *from);
  TakeSeen(&person, *from);
  TakeConsent(session, *from);
  TakeRecentIds(&person, *from);
  TakeCounters(session, *from);
  TakeSent(&person, *from);
  TakeDates(&person, *from);
  TakePlannedEntries(&person, *from);
  const std::vector<RunName> taken = TakeRuns(session, *from);
  TakeEndedRuns(&person, *from);
  TakeJourneys(&person, *from);
  TakeCoupons(&person, *from);
  TakeMergedIds(&person, *from);
  session.ForgetZone();
  session.Note(model::FactKind::kMerged);

  Item item = MergedItem(session, input, *from);
  session.item = &item;
  Changes changes;
  changes.everything = true;
  RememberEvent(session, item.event, &changes);
  PlanDates(session);
  if (session.historical) {
    RecomputeSegments(session, changes, nullptr);
    return RewatchAwaitedConditions(session);
  }
  RecomputeSegments(session, changes, &item.changes);
  MarkEnteredBefore(*from, &item.changes);
  ExitTakenRuns(session, *from, taken);
  FindRunsReadyNow(session, &item.ready);
  HandleInput(session, std::move(item));
}

}  // namespace sojourn::step
