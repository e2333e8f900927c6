#include "engine/deliver/webhook_verdict.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/deliver/verdict.h"

namespace sojourn::deliver {
namespace {

// Those that Standard Webhooks recommends.
constexpr std::array kDelays = {Seconds(5), Minutes(5), Minutes(30), Hours(2), Hours(5),
                                Hours(10),  Hours(14),  Hours(20),   Hours(24)};
static_assert(kDelays.size() + 1 == kWebhookAttempts);

DeliveryRecord Fail(DeliveryRecord record, std::string failure) {
  record.state = DeliveryState::kFailed;
  record.failure = std::move(failure);
  return record;
}

}  // namespace

std::optional<Duration> WebhookRetryDelay(const std::string& action_id, int attempts) {
  if (attempts < 1 || attempts >= kWebhookAttempts) return std::nullopt;
  const int64_t delay = kDelays[static_cast<size_t>(attempts) - 1].milliseconds();
  const uint64_t dice = StableHash64(action_id + "#" + std::to_string(attempts)) % 201;
  return Milliseconds(delay + delay * (static_cast<int64_t>(dice) - 100) / 1000);
}

DeliveryRecord JudgeWebhook(const CommittedAction& committed, int attempts,
                            const SendResult& result, Timestamp now) {
  DeliveryRecord record =
      Conclude(committed, DeliveryState::kDelivered, attempts, result.detail, now);
  record.code = result.code;
  if (result.outcome == SendOutcome::kDelivered) return record;
  if (result.outcome == SendOutcome::kRefused) return Fail(std::move(record), result.failure);
  const auto delay = WebhookRetryDelay(committed.action.id, attempts);
  if (!delay) {
    record.detail = fmt::format("{} attempts failed; the last: {}", attempts, result.detail);
    return Fail(std::move(record), kExhaustedFailure);
  }
  record.state = DeliveryState::kWaiting;
  record.next_attempt = now + std::max(*delay, std::min(result.retry_after, kLongestRetryAfter));
  return record;
}

}  // namespace sojourn::deliver
