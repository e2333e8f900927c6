// Bringing a person up to the current rules, silently.
#include <algorithm>

#include "engine/base/hash.h"
#include "engine/step/backfill.h"
#include "engine/step/dates.h"
#include "engine/step/history.h"
#include "engine/step/moved_run.h"
#include "engine/step/runs.h"
#include "engine/step/segments.h"
#include "engine/step/step.h"

namespace sojourn::step {
namespace {

using language::Journey;
using language::Trigger;
using language::TriggerKind;

bool IsRetired(const Session& session, const model::Run& run) {
  for (const std::string& name : session.rules.current().company.retired) {
    if (StableHash64(name) == run.journey) return true;
  }
  return false;
}

// False: the run has ended.
bool UpgradeRun(Session& session, uint32_t index) {
  model::Run& run = session.person.runs[index];
  const auto rules = session.rules.Find(run.journey, run.revision);
  if (rules.journey == nullptr || IsRetired(session, run)) {
    EndRun(session, index, "removed");
    return false;
  }
  const Journey* current = session.rules.FindCurrent(run.journey);
  if (current == nullptr || !current->move_on_change || current->revision == run.revision) {
    return true;
  }
  const Moved moved = MoveRun(*rules.journey, *current, &session.person.arena, &run);
  if (moved != Moved::kExits) return true;
  EndRun(session, index, "removed");
  return false;
}

void UpgradeRuns(Session& session) {
  for (uint32_t i = 0; i < session.person.runs.size();) {
    if (UpgradeRun(session, i)) ++i;
  }
}

void DropGoneMemberships(Session& session) {
  auto& memberships = session.person.memberships;
  for (uint32_t i = 0; i < memberships.size();) {
    if (session.rules.current().FindSegment(memberships[i].segment) == nullptr) {
      memberships.Erase(i);
    } else {
      ++i;
    }
  }
}

// `existing: enter` of journeys that were loaded for the first time after the bundle that the
// person was judged by last.
void PlanExistingMembers(Session& session) {
  for (const auto& journey : session.rules.current().journeys) {
    if (session.rules.FirstBundle(journey->id) <= session.person.bundle) continue;
    for (const Trigger& trigger : journey->triggers) {
      const bool enters = trigger.kind == TriggerKind::kEntersSegment && trigger.existing_enter &&
                          session.person.InSegment(trigger.segment_id);
      if (!enters) continue;
      session.person.planned_entries.Append(&session.person.arena,
                                            {journey->id, session.now, trigger.segment_id});
      break;
    }
  }
}

void JudgeAwaitedSilently(Session& session) {
  for (model::Run& run : session.person.runs) {
    if (run.rest != model::RestKind::kWaitCondition) continue;
    const auto rules = session.rules.Find(run.journey, run.revision);
    if (rules.journey == nullptr) continue;
    // A condition that holds already lets the run go on as soon as time moves.
    if (JudgeAwaited(session, rules, &run)) run.flip_at = session.now + Milliseconds(1);
  }
}

}  // namespace

void UpgradePerson(const Environment& environment, Timestamp at, model::Person* person,
                   StepOutput* output) {
  if (!person->known || !person->moved_to.empty()) return;
  Session session(environment, std::max(at, person->clock), person, output);
  UpgradeRuns(session);
  ApplyGeneralUnsubscription(session);
  DropGoneMemberships(session);
  DropStaleBackfills(session);
  Changes changes;
  changes.everything = true;
  RecomputeSegments(session, changes, nullptr);
  JudgeAwaitedSilently(session);
  PlanDates(session);
  PlanExistingMembers(session);
  person->bundle = session.rules.current().number;
  person->clock = session.now;
  RecomputeDeadline(person);
}

}  // namespace sojourn::step
