#include "engine/step/input.h"

#include "engine/step/continue_runs.h"
#include "engine/step/dates.h"
#include "engine/step/goals.h"
#include "engine/step/history.h"
#include "engine/step/merge.h"
#include "engine/step/redemption.h"
#include "engine/step/runs.h"
#include "engine/step/segments.h"
#include "engine/step/triggers.h"

namespace sojourn::step {
namespace {

void HandleItem(Session& session, Item* item) {
  session.item = item;
  ReachGoalsAndExit(session);
  ContinueRuns(session);
  StartRuns(session);
}

}  // namespace

void Erase(Session& session) {
  while (!session.person.runs.empty()) EndRun(session, 0, "erased");
  session.queue.clear();
  UndoMerges(session);
  session.person.Reset();
}

void TakeIn(Session& session, bool external, bool silent, Item* item) {
  model::Person& person = session.person;
  Changes changes;
  if (!person.known) {
    person.known = true;
    person.bundle = session.rules.current().number;
    changes.everything = true;
  }
  if (external && !silent) {
    if (person.first_seen_at == Timestamp::Min()) person.first_seen_at = session.now;
    person.last_seen_at = session.now;
    changes.seen = true;
  }
  ChangeTraits(session, item->traits, &changes);
  RememberEvent(session, item->event, &changes);
  if (changes.everything || !changes.traits.empty()) PlanDates(session);
  RecomputeSegments(session, changes, silent ? nullptr : &item->changes);
  if (!silent) RedeemCoupons(session, item->event);
  if (silent) {
    RewatchAwaitedConditions(session);
  } else {
    FindReadyRuns(session, item->changes, &item->ready);
  }
}

void HandleInput(Session& session, Item item) {
  HandleItem(session, &item);
  HandleQueue(session);
}

void HandleQueue(Session& session) {
  while (!session.queue.empty()) {
    Item next = std::move(session.queue.front());
    session.queue.pop_front();
    session.item = &next;
    if (next.has_event && next.event.name == model::kPersonErased) return Erase(session);
    if (next.has_event) TakeIn(session, false, false, &next);
    HandleItem(session, &next);
  }
}

}  // namespace sojourn::step
