// When an event happened by the clock here, where the sender's clock may be wrong.
//
// A sender says when a request was sent, by its own clock; that it arrives tells how far that clock
// is off: the time is receivedAt - (sentAt - timestamp). But a request that is sent again may still
// carry the time of its first try, and then the difference is the delay and no mistake of a clock.
// So sentAt is believed
//
//   when it is later than the receipt, by up to kMaxClockAhead: nothing arrives before it was sent
//   when it is earlier by up to kMaxClockBehind: no time is moved by more than that
//
// and otherwise the event's time stays as it was given.
#pragma once

#include "engine/base/time.h"

namespace sojourn::model {

inline constexpr Duration kMaxClockAhead = Hours(24);
inline constexpr Duration kMaxClockBehind = Seconds(10);

// `time` is the sender's, as `sent` (Min(): unknown); `received` is ours.
inline Timestamp CorrectTime(Timestamp time, Timestamp sent, Timestamp received) {
  if (sent == Timestamp::Min() || sent > received + kMaxClockAhead ||
      sent < received - kMaxClockBehind) {
    return time;
  }
  return time + (received - sent);
}

}  // namespace sojourn::model
