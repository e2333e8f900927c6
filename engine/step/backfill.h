// Counters that began to count late, filled from the log: what becomes of the records of a
// backfill, and how they are made.
//
// A counter counts from the moment its rule is in force. A backfill makes it as if it had counted
// since the log begins, and counts no event twice, whatever happens at the same time:
//
//   1. For each person whom the log tells something of, a record `begin` is appended to the log.
//      When the task comes to it, it begins to count twice for that person: in the counter, which
//      goes on as it is, and in an empty one beside it (model::CounterBackfill).
//   2. Whoever fills reads the log up to each person's `begin` and makes of it what their counters
//      would be there (CountPast). That goes into the log as one record for each counter.
//   3. When the task comes to that record, the counter becomes what it holds, with the one beside
//      it behind. So what stands before `begin` in the log comes from the record, what stands
//      behind it was counted as it came, and nothing comes from both.
//
// It is the place of `begin` in the log that divides, not the switch to the new rules: so a counter
// may also have counted for long, but less far back or less of it, or have been gone for a while.
// Where a partition's log is several topics, no place in one of them divides the others. So the
// task notes with the person what it had taken in of each when it came to `begin`, and whoever
// fills reads that from what the task committed.
//
// Everything goes through the log and the task's transactions, so a crash loses or repeats nothing.
// A record whose counter beside is not there (it was taken already, a later backfill has begun
// anew, the person was erased in between) does nothing; so does whatever is left of a backfill that
// broke off, until the next one begins anew or new rules come after kMaxBackfillAge.
//
// Nothing starts, goes on or ends by it: memberships are judged anew silently, as for historical
// events. COND and VALUE are evaluated once, on arrival, so those that read `person` cannot be
// filled: the log does not tell what the person was like then. What journeys emit is not in the
// log.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/arena.h"
#include "engine/expr/expr.h"
#include "engine/step/step.h"

namespace sojourn::step {

class Session;

// ---- making the records ----------------------------------------------------------------------

// Counts one record of the person's log for these counters only, in order from the beginning of the
// log: repetitions and erasures are heeded as live. Of `person` only clock, recent ids, counters
// and whether they are known are kept. `counted` receives the indexes of the counters that it
// counts for.
void CountPast(const Environment& environment, const EventInput& input,
               std::span<const expr::CounterDefinition* const> counters, model::Person* person,
               StepOutput* output, std::vector<uint32_t>* counted);

// The first record of a person. `begun` names the backfill; it is not taken by rules older than
// number `bundle`. The caller sets `person`; both records point into `arena`.
model::Event MakeBackfillBegin(Timestamp begun, uint32_t bundle, std::span<const uint64_t> counters,
                               Arena* arena);

// What a counter would be at `begin`. Of values only kinds that events can have, unsigned numbers
// and durations come through; times are whole milliseconds.
model::Event MakeBackfill(Timestamp begun, const model::Counter& past, Arena* arena);

// Whether the event is a person's first record of that backfill.
bool BeginsBackfill(const model::Event& event, Timestamp begun);

// ---- taking them -----------------------------------------------------------------------------

void BeginBackfill(Session& session, const EventInput& input);
void TakeBackfill(Session& session, const model::Event& event);

// Forgets what was begun long ago and did not come to its end.
void DropStaleBackfills(Session& session);

}  // namespace sojourn::step
