// The filling of `sojourn backfill`, one partition after the other; engine/step/backfill.h tells
// how.
//
// Where a partition's log is one sequence, each person's first record divides it. Over Kafka it is
// several topics; then the task tells what it had taken in of each, in what it commits, so an
// instance of the app has to be at work.
//
// Threads: any, one call at a time. Errors: one line; what was appended before stays, and does no
// harm.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/cli/backend.h"
#include "engine/simulate/past_counts.h"

namespace sojourn::cli {

// Whether to stop before the end: the process has to end.
using StopAsked = std::function<bool()>;

Status BackfillStopped();

struct Filling {
  std::shared_ptr<const language::RuleSet> rules;
  simulate::PastCounts::Counters counters;  // of these rules
  uint32_t bundle = 0;                      // their number
  Timestamp begun;                          // names the backfill
  bool running = false;                     // tasks work on the log
  bool past_is_lost = false;                // retention has cut the log before, and this was said
  Backend* backend = nullptr;
  StopAsked stop;
};

// Gives how many people were filled.
Result<int64_t> FillPartition(Partition partition, const Filling& filling);

}  // namespace sojourn::cli
