#include "engine/step/triggers.h"

#include <algorithm>
#include <utility>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/step/runs.h"
#include "engine/step/trace.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::Journey;
using language::ReentryKind;
using language::Trigger;
using language::TriggerKind;
using model::FactKind;
using model::Value;
using model::ValueKind;

// A trigger that the item at hand may meet.
struct Candidate {
  language::TriggerReference reference;
  const SegmentChange* change = nullptr;  // null: an event trigger
};

// A try to enter a journey.
struct Entry {
  const Journey& journey;
  const expr::EventView& trigger;
  std::string_view event_id;
  Value run_key;
  uint64_t key_hash = 0;
};

void Refuse(Session& session, const Journey& journey, std::string_view reason) {
  session.Note(FactKind::kEntryRefused, {nullptr, &journey, {}}).reason = reason;
}

bool IsActive(const Session& session, const Journey& journey) {
  if (journey.active_from && session.now < *journey.active_from) return false;
  if (journey.active_until && session.now >= *journey.active_until) return false;
  const auto& retired = session.rules.current().company.retired;
  return std::find(retired.begin(), retired.end(), journey.name) == retired.end();
}

// nullopt: it ended in an error or is no string, int or bool.
std::optional<Value> EvaluateRunKey(Session& session, const Journey& journey,
                                    const expr::EventView& trigger) {
  if (journey.one_run_per == nullptr) return Value::Null();
  const Place place{&session.rules.current(), &journey, "one_run_per"};
  const auto key = session.Evaluate(*journey.one_run_per, place,
                                    session.Activate(place, &trigger, &trigger, nullptr));
  if (!key) return std::nullopt;
  const bool allowed = key->kind() == ValueKind::kString || key->kind() == ValueKind::kInt ||
                       key->kind() == ValueKind::kBool;
  return allowed ? key : std::nullopt;
}

// The last entry, where that forbids another one.
std::optional<Timestamp> ForbiddenBy(const Session& session, const Entry& entry) {
  if (entry.journey.reentry == ReentryKind::kAlways) return std::nullopt;
  for (const model::JourneyMemory& memory : session.person.journeys) {
    if (memory.journey != entry.journey.id) continue;
    for (const model::RunKeyEntry& last : memory.last_entries) {
      if (last.key_hash != entry.key_hash) continue;
      const bool over = entry.journey.reentry == ReentryKind::kAfter &&
                        session.now - last.entered_at >= entry.journey.reentry_after;
      return over ? std::nullopt : std::optional<Timestamp>(last.entered_at);
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> FindRun(const model::Person& person, const Entry& entry) {
  for (uint32_t i = 0; i < person.runs.size(); ++i) {
    const model::Run& run = person.runs[i];
    if (run.journey == entry.journey.id && model::Identical(run.run_key, entry.run_key)) return i;
  }
  return std::nullopt;
}

void RememberEntry(Session& session, const Entry& entry, model::JourneyMemory* memory) {
  if (entry.journey.reentry == ReentryKind::kAlways) return;
  auto& entries = memory->last_entries;
  for (uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].key_hash != entry.key_hash) continue;
    entries.Erase(i);
    break;
  }
  if (entries.size() == kMaxRunKeysPerJourney) entries.EraseFront(1);
  entries.Append(&session.person.arena, {entry.key_hash, session.now});
}

uint32_t CreateRun(Session& session, const Entry& entry) {
  model::JourneyMemory& memory = MemoryOf(&session.person, entry.journey.id);
  model::Run run;
  run.journey = entry.journey.id;
  run.revision = entry.journey.revision;
  run.run_key = model::DeepCopy(entry.run_key, &session.person.arena);
  run.entry = ++memory.entries;
  run.entered_at = session.now;
  // `event` is the trigger, too, until the run consumes another.
  run.trigger = TakeSnapshot(session, entry.trigger, entry.event_id,
                             {&entry.journey.trigger_properties, &entry.journey.event_properties});
  RememberEntry(session, entry, &memory);
  return InsertRun(session, run);
}

void StartRun(Session& session, const Entry& entry) {
  const Journey& journey = entry.journey;
  const std::optional<uint32_t> running = FindRun(session.person, entry);
  if (running && !journey.restart_if_running) {
    Refuse(session, journey, "already_running");
    return TraceRunning(session, session.person.runs[*running]);
  }
  if (!running && session.person.runs.size() >= kMaxActiveRunsPerPerson) {
    return Refuse(session, journey, "run_limit");
  }
  if (running) EndRun(session, *running, "restarted");
  const uint32_t index = CreateRun(session, entry);
  model::Fact& fact = session.Note(FactKind::kEntered, {nullptr, &journey, {}});
  fact.name = session.output.arena.Copy(entry.trigger.name);
  fact.detail = session.output.arena.Copy(RunKeyText(entry.run_key));
  Walk walk(session, index);
  Go(walk, Move::To(0));
}

void TryToEnter(Session& session, const Entry& entry) {
  if (const std::optional<Timestamp> last_entry = ForbiddenBy(session, entry)) {
    Refuse(session, entry.journey, "reentry");
    return TraceReentry(session, entry.journey, *last_entry);
  }
  const Place place{&session.rules.current(), &entry.journey, "only_if"};
  if (!session.Judge(entry.journey.only_if, place,
                     session.Activate(place, &entry.trigger, &entry.trigger, nullptr))) {
    return Refuse(session, entry.journey, "only_if");
  }
  StartRun(session, entry);
}

// Those that the index rules out are also to be seen false.
void CollectAll(const Session& session, std::string_view event,
                std::vector<Candidate>* candidates) {
  const auto& journeys = session.rules.current().journeys;
  for (uint32_t j = 0; j < journeys.size(); ++j) {
    for (uint32_t t = 0; t < journeys[j]->triggers.size(); ++t) {
      const Trigger& trigger = journeys[j]->triggers[t];
      if (trigger.kind == TriggerKind::kEvent && trigger.event == event) {
        candidates->push_back({{j, t}, nullptr});
      }
    }
  }
}

void CollectCandidates(Session& session, std::vector<Candidate>* candidates) {
  const Item& item = *session.item;
  if (item.has_event && session.environment.tracing) {
    CollectAll(session, item.event.name, candidates);
  } else if (item.has_event) {
    if (const language::EventRules* rules = session.rules.ForEvent(item.event.name)) {
      session.candidates.clear();
      session.rules.CandidateTriggers(*rules, item.event.properties, &session.candidates);
      for (const language::TriggerReference& reference : session.candidates) {
        candidates->push_back({reference, nullptr});
      }
    }
  }
  for (const SegmentChange& change : item.changes) {
    if (change.entered_before) continue;
    for (const auto& reference : session.rules.SegmentTriggers(change.segment->id)) {
      candidates->push_back({reference, &change});
    }
  }
  if (item.changes.empty()) return;
  std::stable_sort(
      candidates->begin(), candidates->end(), [](const Candidate& a, const Candidate& b) {
        const auto rank = [](const Candidate& c) {
          return std::make_tuple(c.reference.journey, c.change != nullptr, c.reference.trigger);
        };
        return rank(a) < rank(b);
      });
}

bool Matches(Session& session, const Journey& journey, const Trigger& trigger,
             const SegmentChange* change, const expr::EventView& view) {
  if (change != nullptr) {
    return trigger.kind ==
           (change->entered ? TriggerKind::kEntersSegment : TriggerKind::kLeavesSegment);
  }
  const Place place{&session.rules.current(), &journey, "trigger"};
  return session.Judge(trigger.where, place, session.Activate(place, &view, &view, nullptr));
}

// The keys that this item has tried, of the journey at hand.
struct Tried {
  const Journey* journey = nullptr;
  bool refused_without_key = false;
  std::vector<Value> keys;

  void Begin(const Journey& of) {
    if (journey == &of) return;
    journey = &of;
    refused_without_key = false;
    keys.clear();
  }

  // True the first time.
  bool Add(const Value& key) {
    for (const Value& tried : keys) {
      if (model::Identical(tried, key)) return false;
    }
    keys.push_back(key);
    return true;
  }
};

void EnterWith(Session& session, const Journey& journey, const expr::EventView& trigger,
               std::string_view event_id, Tried* tried) {
  tried->Begin(journey);
  // Counted once, however many triggers match.
  const bool refused_before = tried->refused_without_key;
  const auto refuse_without_key = [&](std::string_view reason) {
    if (!std::exchange(tried->refused_without_key, true)) Refuse(session, journey, reason);
  };
  if (!IsActive(session, journey)) {
    refuse_without_key("inactive");
    if (!refused_before) TraceInactive(session, journey);
    return;
  }
  const std::optional<Value> key = EvaluateRunKey(session, journey, trigger);
  if (!key) return refuse_without_key("run_key_error");
  if (!tried->Add(*key)) return;
  const uint64_t key_hash = journey.reentry == ReentryKind::kAlways ? 0 : HashRunKey(session, *key);
  TryToEnter(session, {journey, trigger, event_id, *key, key_hash});
}

void TryCandidate(Session& session, const Candidate& candidate, Tried* tried) {
  const Journey& journey = *session.rules.current().journeys[candidate.reference.journey];
  const Trigger& trigger = journey.triggers[candidate.reference.trigger];
  const bool already = tried->journey == &journey && journey.one_run_per == nullptr;
  if (already) return;
  expr::EventView view = session.item->event;
  std::string_view event_id = session.item->event_id;
  if (candidate.change != nullptr) {
    const bool entered = candidate.change->entered;
    view = {entered ? "enters_segment" : "leaves_segment", candidate.change->segment->name,
            session.now, Value::Null()};
    event_id = {};
  }
  session.trail.clear();
  if (!Matches(session, journey, trigger, candidate.change, view)) return;
  EnterWith(session, journey, view, event_id, tried);
}

}  // namespace

void StartRuns(Session& session) {
  std::vector<Candidate> candidates;
  CollectCandidates(session, &candidates);
  Tried tried;
  for (const Candidate& candidate : candidates) TryCandidate(session, candidate, &tried);
  session.trail.clear();
}

void EnterUnconditionally(Session& session, const Journey& journey,
                          const expr::EventView& trigger) {
  session.trail.clear();
  Tried tried;
  EnterWith(session, journey, trigger, {}, &tried);
  session.trail.clear();
}

}  // namespace sojourn::step
