// Steps at which a run rests.
#include "engine/base/limits.h"
#include "engine/step/civil_moments.h"
#include "engine/step/segments.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::WaitKind;
using language::WaitStep;
using language::WaitUntilKind;
using language::WaitUntilStep;
using model::RestKind;

// nullopt: no timestamp, or too far ahead.
std::optional<Timestamp> EvaluateUntil(Walk& walk, const expr::Program& until) {
  const auto value = walk.session.Evaluate(until, walk.Here(), walk.Activate());
  if (!value) return std::nullopt;
  const auto moment = expr::Coerce(*value, expr::TypeKind::kTimestamp);
  const bool valid = moment && moment->kind() == model::ValueKind::kTimestamp;
  if (valid && moment->time() - walk.session.now <= kMaxDuration) return moment->time();
  walk.session.Note(model::FactKind::kExpressionError, walk.Here()).detail =
      valid ? "more than 10 years ahead" : "no timestamp";
  return std::nullopt;
}

// True where what is awaited holds on arrival.
bool HoldsOnArrival(Walk& walk, const WaitUntilStep& wait) {
  switch (wait.kind) {
    case WaitUntilKind::kEvents:
      return false;
    case WaitUntilKind::kInSegment:
      return walk.session.person.InSegment(wait.segment_id);
    case WaitUntilKind::kNotInSegment:
      return !walk.session.person.InSegment(wait.segment_id);
    case WaitUntilKind::kCondition:
      return JudgeAwaited(walk.session, {walk.bundle, walk.journey}, &walk.run);
  }
  return false;
}

RestKind RestKindOf(WaitUntilKind kind) {
  switch (kind) {
    case WaitUntilKind::kEvents:
      return RestKind::kWaitEvent;
    case WaitUntilKind::kCondition:
      return RestKind::kWaitCondition;
    default:
      return RestKind::kWaitSegment;
  }
}

}  // namespace

Move Pass(Walk& walk, const WaitStep& wait) {
  const Timestamp now = walk.session.now;
  const TimeZone& zone = walk.session.Zone(*walk.journey);
  switch (wait.kind) {
    case WaitKind::kDuration:
      return walk.RestUntil(RestKind::kWait, now + wait.duration);
    case WaitKind::kDays:
      return walk.RestUntil(RestKind::kWait, NextDays(now, wait.days, wait.at, zone));
    case WaitKind::kWeekday:
      return walk.RestUntil(RestKind::kWait, NextWeekday(now, wait.weekdays, wait.at, zone));
    case WaitKind::kUntil:
      break;
  }
  const std::optional<Timestamp> until = EvaluateUntil(walk, *wait.until);
  if (!until) return walk.Skip("error");
  if (*until <= now) return Move::To(walk.step->next);
  return walk.RestUntil(RestKind::kWait, *until);
}

Move Pass(Walk& walk, const WaitUntilStep& wait) {
  if (HoldsOnArrival(walk, wait)) {
    walk.run.flip_at = Timestamp::Max();
    return Move::To(wait.then);
  }
  return walk.RestUntil(RestKindOf(wait.kind), walk.session.now + wait.up_to);
}

}  // namespace sojourn::step
