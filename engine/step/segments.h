// Memberships and awaited conditions: what can change with the person and by time alone.
#pragma once

#include <vector>

#include "engine/step/session.h"

namespace sojourn::step {

// Judges again the segments that read something of `changes`, whose flip is due, or that depend on
// one that changed; dependencies first. Appends what changed to `made`, nothing where that is null
// (silent).
void RecomputeSegments(Session& session, const Changes& changes, std::vector<SegmentChange>* made);

// Appends the runs at rest that wait for one of `changes`, or whose awaited condition, judged
// again, has become true; each once until it goes on. What a run comes to wait for later was before
// its time.
void FindReadyRuns(Session& session, const std::vector<SegmentChange>& changes,
                   std::vector<RunName>* ready);

// Appends the runs at rest whose awaited condition or membership holds, however it came about.
void FindRunsReadyNow(Session& session, std::vector<RunName>* ready);

// Judges one run's awaited condition; sets its flip.
bool JudgeAwaited(Session& session, const language::RuleSet::JourneyRevision& rules,
                  model::Run* run);

// For what happens silently: finds out anew when each awaited condition can change by time alone.
// No run goes on; one whose condition holds already does so with its person's next input.
void RewatchAwaitedConditions(Session& session);

// The earliest flip of a segment or an awaited condition; Max: none.
Timestamp NextFlip(const model::Person& person);

}  // namespace sojourn::step
