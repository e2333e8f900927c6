// Runs at rest that go on (6.3 d).
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// For the item at hand: runs waiting for its event, segment changes or conditions, oldest entry
// first; each walks before the next is looked at.
void ContinueRuns(Session& session);

}  // namespace sojourn::step
