// One input with everything it brings about: (b) to (f) of journey-language 6.3.
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// Handles the item, then the queue it fills, in order.
void HandleInput(Session& session, Item item);

// Handles what stands in the queue, each item like an input from (b).
void HandleQueue(Session& session);

// (b): the event changes the person. Fills the item's segment changes and conditions; with `silent`
// nothing is reported.
void TakeIn(Session& session, bool external, bool silent, Item* item);

// Person Erased: runs exit, everything is forgotten, nothing queued is handled any more.
void Erase(Session& session);

}  // namespace sojourn::step
