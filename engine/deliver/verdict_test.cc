#include "engine/deliver/verdict.h"

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

constexpr Timestamp kNow{5'000'000};

CommittedAction Action() {
  CommittedAction committed;
  committed.place = {Partition(1), Offset(7)};
  committed.action.id = "act_1";
  committed.action.person = "u1";
  committed.action.journey = "welcome";
  committed.action.address = "u1@shop.example";
  return committed;
}

SendResult Result(SendOutcome outcome, int code, bool recipient = false) {
  SendResult result;
  result.outcome = outcome;
  result.code = code;
  result.recipient = recipient;
  result.detail = "the relay's words";
  return result;
}

std::string Property(const DeliveryEvent& event, const std::string& name) {
  for (const auto& [key, value] : event.properties) {
    if (key == name) return value;
  }
  return "(none)";
}

TEST(VerdictTest, DeliveredTellsTheJourneys) {
  const Verdict verdict = Judge(Action(), 2, Result(SendOutcome::kDelivered, 250), kNow);
  EXPECT_EQ(verdict.record.state, DeliveryState::kDelivered);
  EXPECT_EQ(verdict.record.attempts, 2);
  EXPECT_EQ(verdict.record.code, 250);
  ASSERT_TRUE(verdict.event.has_value());
  EXPECT_EQ(verdict.event->name, "Email Delivered");
  EXPECT_EQ(verdict.event->person, "u1");
  EXPECT_EQ(verdict.event->id, "act_1-delivered");
  EXPECT_EQ(Property(*verdict.event, "journey"), "welcome");
}

TEST(VerdictTest, OnlyARefusedAddressIsAHardBounce) {
  const Verdict address = Judge(Action(), 1, Result(SendOutcome::kRefused, 550, true), kNow);
  const Verdict content = Judge(Action(), 1, Result(SendOutcome::kRefused, 554), kNow);
  EXPECT_EQ(address.record.state, DeliveryState::kRefused);
  EXPECT_EQ(address.event->name, "Email Bounced");
  EXPECT_EQ(Property(*address.event, "type"), "hard");
  EXPECT_EQ(Property(*address.event, "email"), "u1@shop.example");
  EXPECT_EQ(Property(*content.event, "type"), "soft");
}

TEST(VerdictTest, TryLaterAndUnknownTellNobody) {
  const Verdict later = Judge(Action(), 1, Result(SendOutcome::kTryLater, 450), kNow);
  EXPECT_EQ(later.record.state, DeliveryState::kWaiting);
  EXPECT_EQ(later.record.next_attempt, kNow + RetryDelay("act_1", 1));
  EXPECT_FALSE(later.event.has_value());
  const Verdict unknown = Judge(Action(), 1, Result(SendOutcome::kUnknown, 0), kNow);
  EXPECT_EQ(unknown.record.state, DeliveryState::kUnknown);
  EXPECT_FALSE(unknown.event.has_value());
}

TEST(VerdictTest, DelaysDoubleUpToALimitWithAFifthOfJitter) {
  bool varies = false;
  for (int action = 0; action < 100; ++action) {
    const std::string id = "act_" + std::to_string(action);
    for (int attempts = 1; attempts <= 100; ++attempts) {
      const int64_t plain = std::min(kFirstRetryDelay.milliseconds() << std::min(attempts - 1, 20),
                                     kLongestRetryDelay.milliseconds());
      const int64_t delay = RetryDelay(id, attempts).milliseconds();
      EXPECT_GE(delay, plain * 8 / 10);
      EXPECT_LE(delay, plain * 12 / 10);
      varies = varies || delay != plain;
    }
  }
  EXPECT_TRUE(varies);
}

TEST(DeliveryTest, RecordsSurviveTheirBytes) {
  DeliveryRecord record = Conclude(Action(), DeliveryState::kWaiting, 3, "450 \"busy\" \xff", kNow);
  record.code = 450;
  record.next_attempt = kNow + Seconds(30);
  const auto read = DecodeDelivery(record.place, EncodeDelivery(record));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->state, DeliveryState::kWaiting);
  EXPECT_EQ(read->attempts, 3);
  EXPECT_EQ(read->code, 450);
  EXPECT_EQ(read->detail, "450 \"busy\" \xEF\xBF\xBD");
  EXPECT_EQ(read->at, kNow);
  EXPECT_EQ(read->next_attempt, kNow + Seconds(30));
}

TEST(DeliveryTest, WhatFailedKeepsItsReason) {
  DeliveryRecord record = Conclude(Action(), DeliveryState::kFailed, 2, "1:27: divided by 0", kNow);
  record.failure = "render_error";
  record.template_name = "offer";
  record.reopened = true;
  const auto read = DecodeDelivery(record.place, EncodeDelivery(record));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->failure, "render_error");
  EXPECT_EQ(read->template_name, "offer");
  EXPECT_TRUE(read->reopened);
}

TEST(DeliveryTest, WhatIsNoRecordIsDataLoss) {
  for (const char* bytes : {"", "{", "[]", "{}", "{\"action\":1}",
                            R"({"action":"a","state":"sent","attempts":1,"at_ms":1})"}) {
    EXPECT_EQ(DecodeDelivery({}, bytes).status().code(), StatusCode::kDataLoss) << bytes;
  }
}

}  // namespace
}  // namespace sojourn::deliver
