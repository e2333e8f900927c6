// The way of one record: repetitions, the project's own records, then the input itself.
#include <algorithm>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/step/backfill.h"
#include "engine/step/history.h"
#include "engine/step/input.h"
#include "engine/step/merge.h"
#include "engine/step/step.h"

namespace sojourn::step {
namespace {

using model::Event;
using model::EventType;
using model::FactKind;

std::string_view NameOf(const Event& event) {
  return event.type == EventType::kIdentify ? model::kIdentify : event.name;
}

void Drop(Session& session, const Event& event, std::string_view reason) {
  model::Fact& fact = session.Note(FactKind::kEventDropped);
  fact.name = session.output.arena.Copy(NameOf(event));
  fact.reason = reason;
}

Item MakeItem(const Session& session, const EventInput& input) {
  const Event& event = *input.event;
  Item item;
  item.has_event = true;
  item.event = {NameOf(event), {}, std::min(event.time, session.now), event.properties};
  item.traits = event.traits;
  item.event_id = event.id;
  item.cause = {NameOf(event), event.id, input.origin, true, input.log_time};
  return item;
}

// An entry by hand is planned for its moment, at the earliest now, and happens as a timer.
void PlanEntry(Session& session, const Event& event) {
  model::Person& person = session.person;
  const uint64_t journey = StableHash64(event.name);
  if (session.rules.FindCurrent(journey) == nullptr) return Drop(session, event, "no_journey");
  const model::Value* at = event.properties.Find("at");
  Timestamp moment = session.now;
  if (at != nullptr && at->kind() == model::ValueKind::kInt) {
    moment = std::max(moment, Timestamp(at->int_value()));
  }
  // An enrolment that is repeated while the first is under way enters the person once.
  for (model::PlannedEntry& planned : person.planned_entries) {
    if (planned.journey != journey || planned.segment != 0) continue;
    planned.at = std::min(planned.at, moment);
    return Drop(session, event, "already_planned");
  }
  if (person.planned_entries.size() == kMaxPlannedEntries) {
    return Drop(session, event, "planned_entries_limit");
  }
  person.planned_entries.Append(&person.arena, {journey, moment, 0});
}

void ApplyHistorical(Session& session, const EventInput& input) {
  Item item = MakeItem(session, input);
  NoteWrongTypes(session, item.event);
  TakeIn(session, true, true, &item);
}

void ApplyLive(Session& session, const EventInput& input) {
  Item item = MakeItem(session, input);
  NoteWrongTypes(session, item.event);
  session.item = &item;
  TakeIn(session, true, false, &item);
  HandleInput(session, std::move(item));
}

void ApplyBackfill(Session& session, const EventInput& input) {
  session.person.clock = session.now;
  if (input.event->type == EventType::kBackfillBegin) return BeginBackfill(session, input);
  TakeBackfill(session, *input.event);
}

void Apply(Session& session, const EventInput& input) {
  const Event& event = *input.event;
  if (event.type == EventType::kImportBegin || event.type == EventType::kImportEnd) return;
  if (HandleMerge(session, input)) return;
  const bool backfills =
      event.type == EventType::kBackfillBegin || event.type == EventType::kBackfill;
  if ((event.type == EventType::kEnroll || backfills) && !session.person.known) {
    return Drop(session, event, "unknown_person");
  }
  if (backfills) return ApplyBackfill(session, input);
  if (IsRepetition(session, event.id)) return Drop(session, event, "duplicate");
  session.person.clock = session.now;
  if (event.type == EventType::kEnroll) return PlanEntry(session, event);
  model::Fact& fact = session.Note(FactKind::kEventApplied);
  fact.name = session.output.arena.Copy(NameOf(event));
  if (NameOf(event) == model::kPersonErased) return Erase(session);
  if (NameOf(event) == model::kPersonMerged) return AskByName(session, input);
  if (event.historical) {
    ApplyHistorical(session, input);
  } else {
    ApplyLive(session, input);
  }
  AskToMerge(session, event);
}

// What follows for others happened because of this record and, for its reader, then; however late
// they come to it, which may be after an import that replays years.
void StampEvents(Session& session, const EventInput& input, size_t first) {
  auto& events = session.output.events;
  if (first == events.size()) return;
  auto* original = session.output.arena.AllocateArray<model::EventOrigin>(1);
  *original = {input.origin, session.now};
  for (size_t i = first; i < events.size(); ++i) {
    if (events[i].event.original == nullptr) events[i].event.original = original;
  }
}

}  // namespace

void StepOutput::Clear() {
  actions.clear();
  facts.clear();
  suppressed.clear();
  events.clear();
  arena.Reset();
}

void ApplyEvent(const Environment& environment, const EventInput& input, model::Person* person,
                StepOutput* output) {
  Session session(environment, std::max(input.log_time, person->clock), person, output);
  session.historical = input.event->historical;
  const size_t before = output->events.size();
  Apply(session, input);
  StampEvents(session, input, before);
  RecomputeDeadline(person);
}

}  // namespace sojourn::step
