#include "engine/deliver/webhook_verdict.h"

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

constexpr Timestamp kNow{1772442000000};

CommittedAction Webhook() {
  CommittedAction committed;
  committed.place = {Partition(1), Offset(7)};
  committed.action.id = "act_1";
  committed.action.kind = model::ActionKind::kWebhook;
  return committed;
}

SendResult Answer(SendOutcome outcome, int code) {
  SendResult result;
  result.outcome = outcome;
  result.code = code;
  result.detail = "503 from https://crm.example";
  return result;
}

TEST(WebhookRetries, FollowTheScheduleWithATenthOfJitter) {
  const int64_t seconds[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
  Duration sum;
  for (int attempt = 1; attempt < kWebhookAttempts; ++attempt) {
    const auto delay = WebhookRetryDelay("act_1", attempt);
    ASSERT_TRUE(delay.has_value());
    EXPECT_GE(delay->milliseconds(), seconds[attempt - 1] * 900) << attempt;
    EXPECT_LE(delay->milliseconds(), seconds[attempt - 1] * 1100) << attempt;
    EXPECT_EQ(delay, WebhookRetryDelay("act_1", attempt));
    sum = Milliseconds(sum.milliseconds() + seconds[attempt - 1] * 1100);
  }
  EXPECT_LT(sum, kWebhookSpan);
  EXPECT_FALSE(WebhookRetryDelay("act_1", kWebhookAttempts).has_value());
  EXPECT_NE(WebhookRetryDelay("act_1", 5), WebhookRetryDelay("act_2", 5));
}

TEST(WebhookVerdict, AnAnswerOfSuccessIsTheEnd) {
  const auto record = JudgeWebhook(Webhook(), 3, Answer(SendOutcome::kDelivered, 204), kNow);
  EXPECT_EQ(record.state, DeliveryState::kDelivered);
  EXPECT_EQ(record.attempts, 3);
  EXPECT_EQ(record.code, 204);
  EXPECT_EQ(record.place, Webhook().place);
}

TEST(WebhookVerdict, AFailureWaitsForItsNextAttempt) {
  const auto record = JudgeWebhook(Webhook(), 2, Answer(SendOutcome::kTryLater, 503), kNow);
  EXPECT_EQ(record.state, DeliveryState::kWaiting);
  EXPECT_EQ(record.next_attempt, kNow + *WebhookRetryDelay("act_1", 2));
}

TEST(WebhookVerdict, RetryAfterProlongsButNeverShortens) {
  SendResult result = Answer(SendOutcome::kTryLater, 429);
  result.retry_after = Seconds(90);
  EXPECT_EQ(JudgeWebhook(Webhook(), 1, result, kNow).next_attempt, kNow + Seconds(90));
  EXPECT_GT(JudgeWebhook(Webhook(), 2, result, kNow).next_attempt, kNow + Minutes(4));
  result.retry_after = Days(1000);
  EXPECT_EQ(JudgeWebhook(Webhook(), 1, result, kNow).next_attempt, kNow + kLongestRetryAfter);
}

TEST(WebhookVerdict, TheLastFailureIsADeadLetter) {
  const auto record =
      JudgeWebhook(Webhook(), kWebhookAttempts, Answer(SendOutcome::kTryLater, 503), kNow);
  EXPECT_EQ(record.state, DeliveryState::kFailed);
  EXPECT_EQ(record.failure, kExhaustedFailure);
  EXPECT_EQ(record.detail, "10 attempts failed; the last: 503 from https://crm.example");
}

TEST(WebhookVerdict, SoIsARefusalAtOnce) {
  SendResult result = Answer(SendOutcome::kRefused, 410);
  result.failure = kDisabledFailure;
  const auto record = JudgeWebhook(Webhook(), 1, result, kNow);
  EXPECT_EQ(record.state, DeliveryState::kFailed);
  EXPECT_EQ(record.failure, kDisabledFailure);
}

}  // namespace
}  // namespace sojourn::deliver
