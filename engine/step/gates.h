// The gate that sends, webhooks and coupons share.
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// The trait that holds the address of a channel: "email", "phone", "push_token".
std::string_view AddressTrait(model::ActionKind channel);

// The person is in the journey's control group.
bool HeldOutOfJourney(const Session& session, const language::Journey& journey);

}  // namespace sojourn::step
