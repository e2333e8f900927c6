// What a provider tells of a mail of ours, as the event that journeys read.
//
//   Email Delivered            the id is that of the deliverer's own event: of both one counts
//   Email Bounced              type: hard or soft
//   Email Marked as Spam
//
// each with email, the address that the mail went to, provider, reason (where there is one), and
// action_id, journey, template and topic as the mark says them. The ids are made of the provider
// and its own id, so that what is told again is the same event.
//
// Pure functions.
#pragma once

#include <string_view>

#include "connectors/feedback/fact.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/deliver/links.h"
#include "engine/model/event.h"

namespace sojourn::feedback {

// `claims`: of the fact's mark. The event lives in `arena`. Errors: kInvalidArgument where the mark
// names nobody.
Result<model::Event> ToEvent(std::string_view provider, const FeedbackFact& fact,
                             const deliver::LinkClaims& claims, Timestamp now, Arena* arena);

// Whether an address that this happened to gets no more mail.
bool Suppresses(FactKind kind);

}  // namespace sojourn::feedback
