// Words for traces: what a fact says beyond its reason, with the values that decided. Only made
// while tracing. All texts live in the output's arena.
#pragma once

#include <string_view>

#include "engine/step/walk.h"

namespace sojourn::step {

// Adds `detail` to the fact noted last.
void Explain(Session& session, std::string_view detail);

// The run stays at its step: why and until when.
void TraceRest(Walk& walk);

// Why a send was skipped for this reason.
void TraceSkippedSend(Walk& walk, const language::SendStep& send, std::string_view reason);
// Why a webhook or coupon was skipped.
void TraceHoldout(Session& session, const language::Journey& journey);

// Why an entry is refused; `last_entry`: the one that `reentry` goes by.
void TraceReentry(Session& session, const language::Journey& journey, Timestamp last_entry);
void TraceRunning(Session& session, const model::Run& run);
void TraceInactive(Session& session, const language::Journey& journey);

}  // namespace sojourn::step
