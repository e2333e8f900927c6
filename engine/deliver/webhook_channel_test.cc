#include "engine/deliver/webhook_channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "engine/deliver/deliverer.h"
#include "engine/deliver/memory_delivery_log.h"
#include "engine/deliver/webhook_verdict.h"

namespace sojourn::deliver {
namespace {

constexpr Partition kPartition{0};

Timestamp Now() {
  return Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count());
}

SendResult Answered(int code) {
  SendResult result;
  result.outcome = code < 300 ? SendOutcome::kDelivered : SendOutcome::kTryLater;
  if (code == 410) {
    result.outcome = SendOutcome::kRefused;
    result.failure = kDisabledFailure;
  }
  result.code = code;
  result.detail = std::to_string(code);
  return result;
}

// The world outside: endpoints that answer, and black holes that keep a thread for a while.
struct World {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::map<std::string, SendResult> answers;  // by URL; else 204
  std::vector<std::string> called;            // ids, in order

  SendResult Call(const model::Action& action) {
    std::unique_lock lock(mutex);
    called.push_back(action.id);
    if (action.url == "https://hole.example/x") {
      changed.wait_for(lock, std::chrono::milliseconds(300), [this] { return stopping; });
      SendResult result;
      result.detail = "timed out";
      return result;
    }
    const auto answer = answers.find(action.url);
    return answer == answers.end() ? Answered(204) : answer->second;
  }
};

class FakeCarrier final : public Carrier {
 public:
  explicit FakeCarrier(World* world) : world_(world) {}
  Carried Carry(const model::Action& action, bool /*reopened*/,
                const MailTransport::BeforeData& /*before_data*/) override {
    return {{}, world_->Call(action)};
  }

 private:
  World* const world_;
};

class WebhookChannelTest : public testing::Test {
 protected:
  ~WebhookChannelTest() override { Stop(); }

  void Start() {
    channel_ =
        std::make_unique<WebhookChannel>(gateways_, EndpointLimits{}, &disabled_, &telemetry_);
    DelivererEnvironment environment;
    environment.log = &log_;
    environment.channel = channel_.get();
    environment.make_carrier = [this] { return std::make_unique<FakeCarrier>(&world_); };
    environment.now = [this] { return Now() + Milliseconds(ahead_ms_); };
    log_.Restart();
    DelivererOptions options;
    options.connections = 8;
    deliverer_ = std::make_unique<Deliverer>(options, environment);
    thread_ = std::thread([this] { status_ = deliverer_->Run(); });
  }

  void Stop() {
    if (deliverer_ == nullptr) return;
    {
      const std::lock_guard lock(world_.mutex);
      world_.stopping = true;
    }
    world_.changed.notify_all();
    deliverer_->Stop();
    thread_.join();
    deliverer_.reset();
  }

  void Append(const std::string& id, const std::string& url,
              model::ActionKind kind = model::ActionKind::kWebhook) {
    model::Action action;
    action.id = id;
    action.kind = kind;
    action.person = "u1";
    action.url = url;
    action.address = "u1@shop.example";
    action.time = Now();
    action.useful_until = Now() + Days(1);
    log_.Append(kPartition, std::move(action));
  }

  template <typename Condition>
  testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return testing::AssertionFailure() << "it did not come to be within ten seconds";
  }

  DeliveryRecord RecordOf(int64_t offset) {
    const auto committed = log_.committed(kPartition);
    const auto found = committed.records.find(Offset(offset));
    return found == committed.records.end() ? DeliveryRecord{} : found->second;
  }
  bool IsIn(int64_t offset, DeliveryState state) {
    return !RecordOf(offset).action_id.empty() && RecordOf(offset).state == state;
  }

  World world_;
  Gateways gateways_;
  DisabledEndpoints disabled_;
  telemetry::Telemetry telemetry_{"test"};
  MemoryDeliveryLog log_{1};
  std::unique_ptr<WebhookChannel> channel_;
  std::unique_ptr<Deliverer> deliverer_;
  std::thread thread_;
  Status status_;
  std::atomic<int64_t> ahead_ms_ = 0;
};

TEST_F(WebhookChannelTest, WebhooksGoOutAndNothingElse) {
  Append("mail", "", model::ActionKind::kSendEmail);
  Append("hook", "https://crm.example/hook");
  Append("sms", "", model::ActionKind::kSendSms);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsIn(1, DeliveryState::kDelivered); }));
  ASSERT_TRUE(Eventually([&] { return log_.committed(kPartition).cursor == Offset(3); }));
  EXPECT_EQ(world_.called, std::vector<std::string>{"hook"});
  EXPECT_EQ(RecordOf(1).channel, "webhooks");
  EXPECT_EQ(log_.committed(kPartition).records.size(), 1u);
}

TEST_F(WebhookChannelTest, ADeadEndpointDelaysNoOther) {
  for (int i = 0; i < 200; ++i) Append("dead" + std::to_string(i), "https://hole.example/x");
  for (int i = 0; i < 200; ++i) Append("good" + std::to_string(i), "https://crm.example/hook");
  const auto started = std::chrono::steady_clock::now();
  Start();
  ASSERT_TRUE(Eventually([&] {
    for (int i = 200; i < 400; ++i) {
      if (!IsIn(i, DeliveryState::kDelivered)) return false;
    }
    return true;
  }));
  // All to the hole, eight at a time, would take 200 * 0.3 / 8 = 7.5 seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
  ASSERT_TRUE(Eventually([&] {
    return telemetry_.Exposition().find("sojourn_webhook_circuits_open 1") != std::string::npos;
  }));
  const std::lock_guard lock(world_.mutex);
  const auto to_hole = std::ranges::count_if(
      world_.called, [](const std::string& id) { return id.starts_with("dead"); });
  EXPECT_LE(to_hole, 8) << "the circuit is open";
}

// More than the queue takes: reading waits for the endpoint, and nothing is given up.
TEST_F(WebhookChannelTest, ManyForAnEndpointThatAnswersAllArrive) {
  constexpr int kCount = 400;  // three times as much as the queue takes
  log_.SetBytes(kMaxQueuedBytes / 128);
  for (int i = 0; i < kCount; ++i) Append("big" + std::to_string(i), "https://crm.example/hook");
  Start();
  ASSERT_TRUE(Eventually([&] { return log_.committed(kPartition).cursor == Offset(kCount); }));
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(RecordOf(i).state, DeliveryState::kDelivered) << i;
}

TEST_F(WebhookChannelTest, TooMuchForADeadEndpointMakesRoomForOthers) {
  constexpr int kCount = 40;
  log_.SetBytes(kMaxQueuedBytes / 8 / 16);
  for (int i = 0; i < kCount; ++i) Append("big" + std::to_string(i), "https://dead.example/x");
  world_.answers["https://dead.example/x"] = Answered(500);
  Start();
  const auto given_up = [&] {
    int count = 0;
    for (int i = 0; i < kCount; ++i) count += RecordOf(i).failure == kBacklogFailure;
    return count;
  };
  ASSERT_TRUE(Eventually([&] { return given_up() > 0; }));
  ASSERT_TRUE(Eventually([&] {
    const auto report = channel_->Report();
    return report.size() == 1 && report[0].open && report[0].waiting <= 16;
  }));
  EXPECT_GE(given_up(), kCount - 17);
  EXPECT_GT(channel_->Report()[0].waiting, 10) << "as much as may wait does";
  EXPECT_EQ(channel_->Report()[0].endpoint, "https://dead.example");
  EXPECT_NE(channel_->Report()[0].last_failure, "");
}

TEST_F(WebhookChannelTest, AFailureIsTriedAgainWhenItsTimeHasCome) {
  world_.answers["https://crm.example/hook"] = Answered(500);
  Append("hook", "https://crm.example/hook");
  Start();
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kWaiting); }));
  EXPECT_EQ(RecordOf(0).attempts, 1);
  {
    const std::lock_guard lock(world_.mutex);
    world_.answers.clear();
  }
  ahead_ms_ = 6000;
  log_.Wake();
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kDelivered); }));
  EXPECT_EQ(RecordOf(0).attempts, 2);
}

TEST_F(WebhookChannelTest, AttemptsGoOnAfterARestartAndEndAsADeadLetter) {
  world_.answers["https://crm.example/hook"] = Answered(500);
  Append("hook", "https://crm.example/hook");
  for (int attempt = 1; attempt < kWebhookAttempts; ++attempt) {
    Start();
    ASSERT_TRUE(Eventually([&] { return RecordOf(0).attempts == attempt; })) << attempt;
    ASSERT_EQ(RecordOf(0).state, DeliveryState::kWaiting);
    Stop();
    ahead_ms_ = (RecordOf(0).next_attempt - Now()).milliseconds() + 1;
  }
  Start();
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kFailed); }));
  EXPECT_EQ(RecordOf(0).attempts, kWebhookAttempts);
  EXPECT_EQ(RecordOf(0).failure, kExhaustedFailure);
  EXPECT_EQ(world_.called.size(), static_cast<size_t>(kWebhookAttempts));
}

TEST_F(WebhookChannelTest, GoneDisablesTheUrlAndIsADeadLetter) {
  world_.answers["https://crm.example/old"] = Answered(410);
  Append("hook", "https://crm.example/old");
  Start();
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kFailed); }));
  EXPECT_EQ(RecordOf(0).failure, kDisabledFailure);
  EXPECT_TRUE(disabled_.Has("https://crm.example/old"));
  EXPECT_FALSE(disabled_.Has("https://crm.example/hook"));
}

TEST_F(WebhookChannelTest, WhatNoEndpointTookInTimeIsADeadLetter) {
  Append("hook", "https://crm.example/hook");
  ahead_ms_ = (Days(1) + kWebhookSpan).milliseconds() + 60'000;
  Start();
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kFailed); }));
  EXPECT_EQ(RecordOf(0).failure, kExhaustedFailure);
  EXPECT_TRUE(world_.called.empty());
}

TEST_F(WebhookChannelTest, ADeadLetterIsSentAgainWhenAskedFor) {
  world_.answers["https://crm.example/old"] = Answered(410);
  Append("hook", "https://crm.example/old");
  Start();
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kFailed); }));
  {
    const std::lock_guard lock(world_.mutex);
    world_.answers.clear();
  }
  const auto request =
      std::make_shared<ReopenRequest>(std::vector<ReopenTarget>{{{kPartition, Offset(0)}, "hook"}});
  deliverer_->Reopen(request);
  const auto results = request->Wait(Seconds(10), Seconds(10));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].answer, ReopenAnswer::kReopened);
  ASSERT_TRUE(Eventually([&] { return IsIn(0, DeliveryState::kDelivered); }));
}

}  // namespace
}  // namespace sojourn::deliver
