#include "engine/expr/watch.h"

#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

constexpr __int128 kNanosecondsPerMillisecond = 1000000;

__int128 FloorMilliseconds(__int128 nanoseconds) {
  const __int128 whole = nanoseconds / kNanosecondsPerMillisecond;
  return nanoseconds % kNanosecondsPerMillisecond < 0 ? whole - 1 : whole;
}

void NoteLater(__int128 milliseconds_from_now, Timestamp now, TimeWatch* watch) {
  if (milliseconds_from_now <= 0) return;
  const __int128 moment = milliseconds_from_now + now.milliseconds();
  if (moment < Timestamp::Max().milliseconds()) {
    watch->Note(Timestamp(static_cast<int64_t>(moment)));
  }
}

// The same comparison with its sides exchanged.
Operator Mirror(Operator op) {
  switch (op) {
    case Operator::kLess:
      return Operator::kGreater;
    case Operator::kLessEqual:
      return Operator::kGreaterEqual;
    case Operator::kGreater:
      return Operator::kLess;
    case Operator::kGreaterEqual:
      return Operator::kLessEqual;
    default:
      return op;
  }
}

}  // namespace

void NoteFlip(Operator op, NowSide side, const model::Value& left, const model::Value& right,
              Timestamp now, TimeWatch* watch) {
  const bool times = left.kind() == right.kind() && (left.kind() == model::ValueKind::kTimestamp ||
                                                     left.kind() == model::ValueKind::kDuration);
  if (!times) return;
  const bool moves_left = side == NowSide::kLeft;
  const model::Value& moving = moves_left ? left : right;
  const model::Value& standing = moves_left ? right : left;
  if (!moves_left) op = Mirror(op);
  // The moving side reaches the standing one after this long, and is beyond it from `passed` on.
  const __int128 distance = Nanoseconds(standing.precise()) - Nanoseconds(moving.precise());
  const __int128 passed = FloorMilliseconds(distance) + 1;
  const bool whole = distance % kNanosecondsPerMillisecond == 0;
  const __int128 reached = whole ? passed - 1 : passed;
  switch (op) {
    case Operator::kLess:
    case Operator::kGreaterEqual:
      return NoteLater(reached, now, watch);
    case Operator::kLessEqual:
    case Operator::kGreater:
      return NoteLater(passed, now, watch);
    default:
      if (!whole) return;  // never equal at a whole millisecond
      NoteLater(reached, now, watch);
      NoteLater(passed, now, watch);
  }
}

}  // namespace sojourn::expr
