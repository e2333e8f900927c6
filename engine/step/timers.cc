// What is due by time: flips first, then runs, then dates and schedules, then planned entries.
#include <algorithm>

#include "engine/step/dates.h"
#include "engine/step/input.h"
#include "engine/step/runs.h"
#include "engine/step/segments.h"
#include "engine/step/step.h"
#include "engine/step/triggers.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using model::Run;

Item TimerItem(std::string_view input) {
  Item item;
  item.cause.input = input;
  return item;
}

void FireFlips(Session& session) {
  Item item = TimerItem("timer");
  RecomputeSegments(session, {}, &item.changes);
  FindReadyRuns(session, item.changes, &item.ready);
  if (!item.changes.empty()) {
    item.cause.input = item.changes.front().entered ? "enters_segment" : "leaves_segment";
  }
  HandleInput(session, std::move(item));
}

// The due run that comes first by journey and run key.
std::optional<uint32_t> FirstDueRun(const Session& session, Timestamp due) {
  const auto& runs = session.person.runs;
  std::optional<uint32_t> first;
  for (uint32_t i = 0; i < runs.size(); ++i) {
    if (runs[i].deadline > due) continue;
    if (!first) {
      first = i;
      continue;
    }
    const std::string_view name = JourneyNameOf(session, runs[i]);
    const std::string_view first_name = JourneyNameOf(session, runs[*first]);
    const bool before =
        name != first_name ? name < first_name : RunKeyLess(runs[i].run_key, runs[*first].run_key);
    if (before) first = i;
  }
  return first;
}

// An empty item: what the run emitted is handled behind it.
void FireRun(Session& session, uint32_t index) {
  Item item = TimerItem("timer");
  session.item = &item;
  Walk walk(session, index);
  if (walk.step == nullptr) {
    EndRun(session, index, "removed");  // its rules are gone
  } else {
    Go(walk, AfterDeadline(walk));
  }
  session.trail.clear();
  HandleQueue(session);
}

void EnterAsPlanned(Session& session, const language::Journey& journey,
                    const expr::EventView& trigger) {
  Item item = TimerItem(trigger.name);
  session.item = &item;
  EnterUnconditionally(session, journey, trigger);
  HandleQueue(session);
}

void FireDate(Session& session, uint32_t index) {
  const DueDate due = TakeDueDate(session, index);
  if (due.journey == nullptr) return;
  const bool scheduled = due.trigger->kind == language::TriggerKind::kSchedule;
  if (due.trigger->segment_id != 0 && !session.person.InSegment(due.trigger->segment_id)) return;
  EnterAsPlanned(session, *due.journey,
                 {scheduled ? "schedule" : "date", due.trigger->segment, session.now, {}});
}

bool FirePlannedEntry(Session& session, Timestamp due) {
  auto& entries = session.person.planned_entries;
  for (uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].at > due) continue;
    const model::PlannedEntry planned = entries[i];
    entries.Erase(i);
    const language::Journey* journey = session.rules.FindCurrent(planned.journey);
    if (journey == nullptr) return true;
    expr::EventView trigger{"enroll", {}, session.now, {}};
    if (planned.segment != 0) {
      const language::Segment* segment = session.rules.current().FindSegment(planned.segment);
      if (segment == nullptr || !session.person.InSegment(planned.segment)) return true;
      trigger.name = "enters_segment";
      trigger.segment = segment->name;
    }
    EnterAsPlanned(session, *journey, trigger);
    return true;
  }
  return false;
}

void FireDue(Session& session, Timestamp due) {
  if (NextFlip(session.person) <= due) return FireFlips(session);
  if (const auto run = FirstDueRun(session, due)) return FireRun(session, *run);
  if (const auto date = FirstDueDate(session, due)) return FireDate(session, *date);
  FirePlannedEntry(session, due);
}

}  // namespace

bool FireNextTimer(const Environment& environment, Timestamp until, model::Person* person,
                   StepOutput* output) {
  const Timestamp due = person->next_deadline;
  if (due == Timestamp::Max() || due > until) return false;
  Session session(environment, std::max(due, person->clock), person, output);
  person->clock = session.now;
  FireDue(session, session.now);
  RecomputeDeadline(person);
  return true;
}

void RecomputeDeadline(model::Person* person) {
  Timestamp next = NextFlip(*person);
  for (const Run& run : person->runs) next = std::min(next, run.deadline);
  for (const model::PlannedDate& date : person->planned_dates) next = std::min(next, date.at);
  for (const model::PlannedEntry& entry : person->planned_entries) next = std::min(next, entry.at);
  person->next_deadline = next;
}

}  // namespace sojourn::step
