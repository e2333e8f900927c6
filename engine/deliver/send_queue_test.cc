#include "engine/deliver/send_queue.h"

#include <gtest/gtest.h>

#include "engine/deliver/rate.h"

namespace sojourn::deliver {
namespace {

constexpr Timestamp kNow{10'000'000};
constexpr Partition kPartition{0};

class SendQueueTest : public testing::Test {
 protected:
  void Open(RateLimits limits = {}) {
    gate_ = std::make_unique<RateLimiter>(std::move(limits));
    queue_ = std::make_unique<SendQueue>(gate_.get());
    queue_->Open(kPartition, Offset(0));
  }

  void Add(int64_t offset, const std::string& address = "u@a.example",
           const std::string& journey = "welcome", Timestamp until = kNow + Days(1),
           Timestamp due = kNow) {
    QueuedAction mail;
    mail.committed.place = {kPartition, Offset(offset)};
    mail.committed.action.address = address;
    mail.committed.action.journey = journey;
    mail.useful_until = until;
    mail.committed.action.time = kNow;
    mail.committed.bytes = 100;
    mail.lane = {"hello@shop.example", DomainOf(address)};
    queue_->Add(std::move(mail), due);
    queue_->SetRead(kPartition, Offset(offset + 1));
  }

  // The offset of the next mail, with "!" where it has expired; "-": none.
  std::string Take(Timestamp now = kNow) {
    const auto next = queue_->Take(paused_, now);
    if (!next) return "-";
    return std::to_string(next->queued->committed.place.offset.value()) +
           (next->expired ? "!" : "");
  }

  std::string TakeSome(int times) {
    std::string taken;
    for (int i = 0; i < times; ++i) taken += Take();
    return taken;
  }

  Offset Cursor() {
    const auto moved = queue_->MovedCursors();
    queue_->CursorsWritten(moved);
    return moved.empty() ? Offset(-1) : moved.front().offset;
  }

  static ActionPlace At(int64_t offset) { return {kPartition, Offset(offset)}; }

  std::unique_ptr<LaneGate> gate_;
  std::unique_ptr<SendQueue> queue_;
  PausedJourneys paused_;
};

TEST_F(SendQueueTest, MailsOfALaneGoInOrderEachOnce) {
  Open();
  for (int i = 0; i < 3; ++i) Add(i);
  EXPECT_EQ(TakeSome(4), "012-");
}

TEST_F(SendQueueTest, TheCursorIsTheFirstUnfinishedAction) {
  Open();
  for (int i = 0; i < 3; ++i) Add(i);
  EXPECT_EQ(Cursor(), Offset(-1));
  Take(), Take(), Take();
  queue_->Finish(At(1));
  EXPECT_EQ(Cursor(), Offset(-1));
  queue_->Finish(At(0));
  EXPECT_EQ(Cursor(), Offset(2));
  queue_->Finish(At(2));
  EXPECT_EQ(Cursor(), Offset(3));
  EXPECT_EQ(queue_->size(), 0u);
}

TEST_F(SendQueueTest, AMailThatIsReopenedTakesTheCursorBack) {
  Open();
  Add(5);
  Take();
  queue_->Finish(At(5));
  EXPECT_EQ(Cursor(), Offset(6));
  QueuedAction mail;
  mail.committed.place = At(2);
  mail.useful_until = kNow + Days(1);
  queue_->Add(std::move(mail), kNow);
  EXPECT_EQ(Cursor(), Offset(2));
}

TEST_F(SendQueueTest, ARetryWaitsForItsMomentAndHoldsUpNobody) {
  Open();
  Add(0), Add(1);
  EXPECT_EQ(Take(), "0");
  queue_->Retry(At(0), 1, kNow + Seconds(30));
  EXPECT_EQ(TakeSome(2), "1-");
  EXPECT_EQ(queue_->NextMoment(), kNow + Seconds(30));
  EXPECT_EQ(Take(kNow + Seconds(29)), "-");
  EXPECT_EQ(Take(kNow + Seconds(30)), "0");
}

TEST_F(SendQueueTest, AFullDomainHoldsUpItselfOnly) {
  RateLimits limits;
  limits.per_domain = {1, Seconds(1)};
  Open(limits);
  Add(0, "u@a.example"), Add(1, "v@a.example"), Add(2, "w@b.example");
  EXPECT_EQ(TakeSome(3), "02-");
  EXPECT_EQ(queue_->NextMoment(), kNow + Seconds(1));
  EXPECT_EQ(Take(kNow + Seconds(1)), "1");
}

// A gate that a test opens and shuts.
class FakeGate final : public LaneGate {
 public:
  Timestamp NextAllowed(const LaneKey&, Timestamp now) override { return std::max(now, until); }
  bool IsShut(const LaneKey& lane) const override { return shut.count(lane.second) != 0; }
  void Take(const LaneKey&, Timestamp) override {}
  void Return(const LaneKey&) override {}
  void Forget(Timestamp) override {}

  std::set<std::string> shut;
  Timestamp until = Timestamp::Min();
};

TEST_F(SendQueueTest, OnlyAShutLaneWithTooMuchGivesUpItsLast) {
  auto gate = std::make_unique<FakeGate>();
  FakeGate* const fake = gate.get();
  gate_ = std::move(gate);
  queue_ = std::make_unique<SendQueue>(gate_.get());
  queue_->Open(kPartition, Offset(0));
  for (int64_t i = 0; i < 4; ++i) Add(i, "u@a.example", i == 1 ? "paused" : "welcome");
  Add(4, "u@b.example");
  EXPECT_EQ(queue_->LastOfShutLane(100), nullptr) << "slow is not shut";
  fake->shut = {"a.example"};
  EXPECT_EQ(queue_->LastOfShutLane(400), nullptr) << "it is exactly as much as may wait";
  ASSERT_NE(queue_->LastOfShutLane(399), nullptr);
  EXPECT_EQ(queue_->LastOfShutLane(399)->committed.place.offset, Offset(3));
  queue_->Finish(At(3));
  EXPECT_EQ(queue_->LastOfShutLane(399), nullptr);
  // What is under way or held by a pause does not wait for the endpoint.
  paused_.names = {"paused"};
  EXPECT_EQ(TakeSome(2), "02");
  EXPECT_EQ(queue_->LastOfShutLane(0), nullptr);
  queue_->Retry(At(2), 1, kNow + Seconds(5));
  ASSERT_NE(queue_->LastOfShutLane(0), nullptr);
  EXPECT_EQ(queue_->LastOfShutLane(0)->attempts, 1);
}

TEST_F(SendQueueTest, WhatComesBackHasTheGateLookedAtAnew) {
  auto gate = std::make_unique<FakeGate>();
  FakeGate* const fake = gate.get();
  gate_ = std::move(gate);
  queue_ = std::make_unique<SendQueue>(gate_.get());
  queue_->Open(kPartition, Offset(0));
  Add(0);
  Add(1);
  EXPECT_EQ(Take(), "0");
  fake->until = kNow + Minutes(10);
  EXPECT_EQ(Take(), "-");
  ASSERT_EQ(queue_->Lanes().size(), 1u);
  EXPECT_EQ(queue_->Lanes()[0].waiting, 1);
  EXPECT_EQ(queue_->Lanes()[0].next_at, kNow + Minutes(10));
  fake->until = Timestamp::Min();  // its circuit has closed
  queue_->Finish(At(0));
  EXPECT_EQ(Take(), "1");
}

TEST_F(SendQueueTest, ExpiredMailsNeedNoRoomInTheRate) {
  RateLimits limits;
  limits.per_domain = {1, Hours(1)};
  Open(limits);
  Add(0), Add(1, "u@a.example", "welcome", kNow + Minutes(1));
  EXPECT_EQ(TakeSome(2), "0-");
  EXPECT_EQ(Take(kNow + Hours(1)), "1!");
}

TEST_F(SendQueueTest, LatestUsefulTimeIsItselfInTime) {
  Open();
  Add(0, "u@a.example", "welcome", kNow);
  Add(1, "u@a.example", "welcome", kNow - Milliseconds(1));
  EXPECT_EQ(TakeSome(2), "01!");
}

TEST_F(SendQueueTest, PausedJourneysAreHeldAndGoWhenResumed) {
  Open();
  Add(0, "u@a.example", "held"), Add(1);
  paused_.names = {"held"};
  EXPECT_EQ(TakeSome(2), "1-");
  EXPECT_EQ(queue_->held(), 1u);
  paused_ = {};
  queue_->LookAtHeld(paused_, kNow);
  EXPECT_EQ(queue_->held(), 0u);
  EXPECT_EQ(Take(), "0");
}

TEST_F(SendQueueTest, HeldMailsExpire) {
  Open();
  Add(0, "u@a.example", "held", kNow + Minutes(5));
  paused_.all = true;
  EXPECT_EQ(Take(), "-");
  EXPECT_EQ(queue_->NextMoment(), kNow + Minutes(5) + Milliseconds(1));
  EXPECT_EQ(Take(kNow + Minutes(5)), "-");
  EXPECT_EQ(Take(kNow + Minutes(5) + Milliseconds(1)), "0!");
  queue_->Finish(At(0));
  EXPECT_EQ(Cursor(), Offset(1));
}

TEST_F(SendQueueTest, ARetryThatWouldComeTooLateExpiresInItsTime) {
  Open();
  Add(0, "u@a.example", "welcome", kNow + Seconds(10));
  EXPECT_EQ(Take(), "0");
  queue_->Retry(At(0), 1, kNow + Seconds(30));
  EXPECT_EQ(Take(kNow + Seconds(10) + Milliseconds(1)), "0!");
}

TEST_F(SendQueueTest, ClosingAPartitionForgetsAllOfIt) {
  Open();
  Add(0), Add(1), Add(2, "u@a.example", "held");
  paused_.names = {"held"};
  EXPECT_EQ(Take(), "0");
  queue_->Close(kPartition);
  EXPECT_EQ(Take(), "-");
  EXPECT_EQ(queue_->size() + queue_->held(), 0u);
  EXPECT_EQ(queue_->NextMoment(), Timestamp::Max());
  queue_->Retry(At(0), 1, kNow);
  queue_->Finish(At(0));
  EXPECT_EQ(Take(), "-");
}

}  // namespace
}  // namespace sojourn::deliver
