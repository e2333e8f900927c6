// What an attempt's outcome means: the record that is kept, the event that journeys read.
//
// Pure functions.
#pragma once

#include <optional>
#include <string>

#include "engine/deliver/delivery.h"
#include "engine/deliver/delivery_log.h"
#include "engine/deliver/transport.h"

namespace sojourn::deliver {

// Between attempts: doubled each time from the first to the longest, then a fifth more or less.
inline constexpr Duration kFirstRetryDelay = Seconds(30);
inline constexpr Duration kLongestRetryDelay = Hours(1);

struct Verdict {
  DeliveryRecord record;
  std::optional<DeliveryEvent> event;
};

// After the attempt with number `attempts` (from 1).
Verdict Judge(const CommittedAction& committed, int attempts, const SendResult& result,
              Timestamp now);

// Without an attempt: kExpired, kSkipped, kFailed, or kUnknown for one that a crash left kStarted.
DeliveryRecord Conclude(const CommittedAction& committed, DeliveryState state, int attempts,
                        std::string detail, Timestamp now);

// The jitter is a function of action and attempt, so that tests and replays agree.
Duration RetryDelay(const std::string& action_id, int attempts);

}  // namespace sojourn::deliver
