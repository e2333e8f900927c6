// Goals and exits (6.3 c).
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// For the item at hand: every active run, oldest entry first: goal, then exit_on; then the runs
// that have ended and can still reach their goal.
void ReachGoalsAndExit(Session& session);

// Ends those of the runs that exit on one of the item's segment changes.
void ExitOnSegments(Session& session, const std::vector<RunName>& runs);

}  // namespace sojourn::step
