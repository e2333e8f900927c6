// Beginnings of runs (6.3 e).
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// For the item at hand: journey by journey by name, within a journey event triggers before segment
// triggers; each new run walks before the next is looked at.
void StartRuns(Session& session);

// Enters without looking at a trigger's `where`: dates, schedules, by hand, existing members.
void EnterUnconditionally(Session& session, const language::Journey& journey,
                          const expr::EventView& trigger);

}  // namespace sojourn::step
