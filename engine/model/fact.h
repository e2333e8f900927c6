// What happened inside one step of one person: the material of metrics, traces and test reports.
//
// The pure step returns facts instead of counting; whoever runs it turns them into metrics. Names
// are views into the rules bundle and live as long as it does; `detail` points into the arena of
// the step's output. While tracing, refused entries and skips have a detail: the values that
// decided.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/time.h"

namespace sojourn::model {

enum class FactKind : uint8_t {
  kEventApplied,     // name = event
  kEventDropped,     // reason: "duplicate", "erased", ...
  kEntered,          // journey; detail = run key
  kEntryRefused,     // journey; reason: "only_if", "reentry", "already_running", "inactive",
                     // "run_key_error", "run_limit"
  kExited,           // journey; reason = exit reason
  kGoal,             // journey
  kStepPassed,       // journey, step (only while tracing)
  kSkipped,          // journey, step; reason: "no_consent", "error", "coupon_empty", ...
                     // (of coupon steps: name = pool)
  kExpressionError,  // journey, step (none: in a segment); detail = message
  kSegmentEntered,   // name = segment
  kSegmentLeft,      // name = segment
  kPathTaken,        // journey; name = A/B test, reason = path
  kQueuedDropped,    // reason: "queue_limit", "depth_limit"
  kWrongType,        // name = event or trait property read as absent; reason = expected type
  kUnknownTopic,     // name = topic that the company has not; reason = event: no consent changed
  kAction,           // journey, step; detail = action id, name = template, URL or pool
  kCondition,        // journey, step; detail = text and values (only while tracing);
                     // of a segment that changed: name = segment
  kMerged,           // another id became part of the person
  kMergeRefused,     // reason: "merged_elsewhere", "limit", "same_id", ...
  kSentOn,           // the event went on to the id that this one has merged into
  kCouponRedeemed,   // journey, step; name = pool, detail = code, reason: "redeemed", "expired",
                     // "again", "unknown" (then only the code is known)
  kRests,            // journey, step; reason: "wait", "event", "quiet_hours", ...; detail = until
                     // when (only while tracing)
};

// "entered", "exited", ...
std::string_view FactKindName(FactKind kind);

struct Fact {
  FactKind kind = FactKind::kEventApplied;
  Timestamp time;  // logical
  std::string_view journey;
  std::string_view step;
  std::string_view name;
  std::string_view reason;
  std::string_view detail;
};

}  // namespace sojourn::model
