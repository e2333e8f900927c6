// What is behind `sojourn backfill`: counters that began to count late, filled from the log.
// engine/step/backfill.h tells how, and why nothing is counted twice.
//
// Which counters were filled is kept as a note, written when all records are in the log. Where it
// is missing, because the process died before, filling begins anew, which is right whatever of the
// first attempt has arrived.
//
// Threads: any, one call at a time. Errors: one line; what was appended before stays, and does no
// harm.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/cli/backend.h"
#include "engine/cli/backfill_fill.h"

namespace sojourn::cli {

struct BackfillPlan {
  std::string text;      // for people: which counters, from how many events, which not and why
  int64_t counters = 0;  // that can be filled
  int64_t refused = 0;   // that are late, but cannot
  uint32_t bundle = 0;   // the rules in force
};

// Reads the whole log, changes nothing.
Result<BackfillPlan> PlanBackfill(Backend* backend, const StopAsked& stop);

struct BackfillDone {
  int64_t people = 0;
  int64_t counters = 0;
};

struct BackfillRun {
  uint32_t bundle = 0;   // of the plan that was agreed to: other rules are kFailedPrecondition
  Timestamp now;         // names this backfill, so no two may have the same
  bool running = false;  // tasks work on the log: wait until they go by these rules
};

// Appends the records. They work as soon as the tasks come to them.
Result<BackfillDone> RunBackfill(const BackfillRun& run, Backend* backend, const StopAsked& stop);

}  // namespace sojourn::cli
