// What the outcome of a webhook's attempt means, and when it is tried again.
//
// Pure functions.
#pragma once

#include <optional>
#include <string>

#include "engine/deliver/delivery.h"
#include "engine/deliver/delivery_log.h"
#include "engine/deliver/transport.h"

namespace sojourn::deliver {

// DeliveryRecord::failure of webhooks.
inline constexpr char kExhaustedFailure[] = "exhausted";         // every attempt failed
inline constexpr char kDisabledFailure[] = "endpoint_disabled";  // it answered 410
inline constexpr char kAddressFailure[] = "address_refused";     // not on the public Internet
inline constexpr char kBadUrlFailure[] = "bad_url";

// The last attempt comes about three days after the first.
inline constexpr int kWebhookAttempts = 10;
// A little more than the whole schedule with its jitter.
inline constexpr Duration kWebhookSpan = Hours(84);
inline constexpr Duration kLongestRetryAfter = Days(1);

// After the attempt with that number (from 1), a tenth more or less; nothing: it was the last. A
// function of action and attempt, so that tests and replays agree.
std::optional<Duration> WebhookRetryDelay(const std::string& action_id, int attempts);

// kRefused becomes kFailed, as does kTryLater after the last attempt.
DeliveryRecord JudgeWebhook(const CommittedAction& committed, int attempts,
                            const SendResult& result, Timestamp now);

}  // namespace sojourn::deliver
