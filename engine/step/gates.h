// The gate that sends, webhooks and coupons share.
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// The person is in the journey's control group.
bool HeldOutOfJourney(const Session& session, const language::Journey& journey);

}  // namespace sojourn::step
