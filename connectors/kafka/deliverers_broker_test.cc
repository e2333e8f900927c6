// Whole deliverers of mails against a real broker; see broker_fixture.h.
#include <thread>

#include "connectors/kafka/deliveries_fixture.h"
#include "engine/deliver/deliverer.h"
#include "engine/deliver/mail_channel.h"
#include "engine/deliver/sender_pool.h"

namespace sojourn::kafka {
namespace {

// `broken`: nothing can be composed but what is reopened.
class PlainComposer final : public deliver::Composer {
 public:
  explicit PlainComposer(bool broken) : broken_(broken) {}
  deliver::Composition Compose(const model::Action& action, bool reopened) override {
    deliver::Composition composition;
    composition.mail.action_id = action.id;
    if (broken_ && !reopened) composition.outcome = deliver::Composition::Outcome::kFail;
    return composition;
  }
  std::string SenderOf(const model::Action&) override { return "hello@shop.example"; }

 private:
  const bool broken_;
};

// What arrived, over all deliverers.
struct Relay {
  std::mutex mutex;
  std::map<std::string, int> arrived;  // by action id
};

class RelayTransport final : public deliver::MailTransport {
 public:
  explicit RelayTransport(Relay* relay) : relay_(relay) {}
  deliver::SendResult Send(const deliver::Mail& mail, const BeforeData& before_data) override {
    deliver::SendResult result;
    result.outcome = deliver::SendOutcome::kTryLater;
    result.code = 451;
    if (const Status marked = before_data(); !marked.ok()) {
      result.detail = marked.message();
      return result;
    }
    const std::lock_guard lock(relay_->mutex);
    ++relay_->arrived[mail.action_id];
    result.outcome = deliver::SendOutcome::kDelivered;
    result.code = 250;
    return result;
  }

 private:
  Relay* const relay_;
};

// A process that delivers mails.
class Process {
 public:
  Process(const KafkaConfig& config, Relay* relay, KafkaObserver* observer, bool broken = false)
      : log_(config, kMailReader, kFromTheBeginning, observer), composer_(broken) {
    deliver::DelivererOptions options;
    options.connections = 8;
    deliver::DelivererEnvironment environment;
    environment.log = &log_;
    environment.channel = &channel_;
    environment.make_carrier = deliver::MailCarriers(
        &composer_, [relay] { return std::make_unique<RelayTransport>(relay); });
    environment.now = [] {
      return Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count());
    };
    deliverer_ = std::make_unique<deliver::Deliverer>(options, environment);
    thread_ = std::thread([this] { status_ = deliverer_->Run(); });
  }
  ~Process() {
    deliverer_->Stop();
    thread_.join();
    EXPECT_TRUE(status_.ok() || status_.code() == StatusCode::kUnavailable ||
                status_.code() == StatusCode::kAborted)
        << status_.message();
  }

  std::vector<deliver::ReopenResult> Retry(const std::vector<deliver::ReopenTarget>& targets) {
    const auto request = std::make_shared<deliver::ReopenRequest>(targets);
    deliverer_->Reopen(request);
    return request->Wait(Seconds(30), Seconds(30));
  }

 private:
  KafkaDeliveries log_;
  PlainComposer composer_;
  telemetry::Telemetry telemetry_{"test"};
  deliver::MailChannel channel_{{}, false, &composer_, &telemetry_};
  std::unique_ptr<deliver::Deliverer> deliverer_;
  std::thread thread_;
  Status status_;
};

class BrokerMailTest : public BrokerDeliveriesTest {
 protected:
  KafkaConfig As(const std::string& instance) {
    KafkaConfig own = config;
    own.instance = instance;
    own.session_timeout = Seconds(6);
    own.transaction_timeout = Seconds(6);
    own.commit_timeout = Seconds(5);
    return own;
  }

  size_t ArrivedCount() {
    const std::lock_guard lock(relay.mutex);
    return relay.arrived.size();
  }
  bool AwaitArrived(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (ArrivedCount() < count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
  }

  // Exactly one final state of each of `count` actions, over both partitions; gives how many are
  // delivered, and the actions that ended otherwise.
  std::map<std::string, int> FinalStates() {
    std::map<std::string, int> states;
    for (const Partition partition : {kP0, kP1}) {
      std::map<std::string, int> finals;
      for (const auto& [key, value] : ReadCommitted(DeliveriesTopic(config), partition)) {
        const auto offset = ParseOffset(key);
        if (!offset) continue;
        const auto record = deliver::DecodeDelivery({partition, *offset}, value);
        EXPECT_TRUE(record.ok());
        if (!deliver::IsFinal(record->state)) continue;
        EXPECT_EQ(++finals[key], 1) << key << " " << value;
        ++states[std::string(deliver::DeliveryStateName(record->state))];
      }
    }
    return states;
  }

  void ExpectNoneTwice() {
    for (const auto& [action, count] : relay.arrived) EXPECT_EQ(count, 1) << action;
  }

  Relay relay;
};

TEST_F(BrokerMailTest, DeliverersComeAndGo) {
  MakeTopics();
  constexpr int kMails = 400;
  AppendActions(kP0, kMails / 2);
  AppendActions(kP1, kMails / 2);
  {
    auto one = std::make_unique<Process>(As("1"), &relay, &observer);
    ASSERT_TRUE(AwaitArrived(kMails / 8));
    auto two = std::make_unique<Process>(As("2"), &relay, &observer);
    ASSERT_TRUE(AwaitArrived(kMails / 4));
    one.reset();
    ASSERT_TRUE(AwaitArrived(kMails / 2));
    one = std::make_unique<Process>(As("1"), &relay, &observer);
    ASSERT_TRUE(AwaitArrived(kMails));
  }
  ExpectNoneTwice();
  const auto states = FinalStates();
  EXPECT_EQ(states, (std::map<std::string, int>{{"delivered", kMails}}));
}

TEST_F(BrokerMailTest, WhatFailedIsSentAgainOnce) {
  MakeTopics();
  AppendActions(kP0, 3);
  AppendActions(kP1, 1);
  // Several at a time are composed, so that they may fail in any order.
  const auto failed = [&] { return FinalStates() == std::map<std::string, int>{{"failed", 4}}; };
  {
    Process process(As("1"), &relay, &observer, /*broken=*/true);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!failed() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ASSERT_TRUE(failed()) << States(kP0);
    const auto results = process.Retry({{{kP0, Offset(1)}, "act_1"}, {{kP0, Offset(2)}, "act_1"}});
    EXPECT_EQ(results[0].answer, deliver::ReopenAnswer::kReopened);
    ASSERT_TRUE(results[0].record.has_value());
    EXPECT_EQ(results[0].record->state, DeliveryState::kDelivered);
    EXPECT_EQ(results[1].answer, deliver::ReopenAnswer::kUnknown);
    EXPECT_EQ(process.Retry({{{kP0, Offset(1)}, "act_1"}})[0].answer,
              deliver::ReopenAnswer::kNotFailed);
  }
  // What stands behind the one that was reopened stays as it was.
  Process process(As("1"), &relay, &observer);
  AppendActions(kP0, 1);
  ASSERT_TRUE(AwaitArrived(2));
  ExpectNoneTwice();
  EXPECT_EQ(relay.arrived.count("act_1"), 1u);
}

class BrokerMailRestartTest : public BrokerMailTest {};

TEST_F(BrokerMailRestartTest, TheBrokerRestartsBetween) {
  MakeTopics();
  constexpr int kMails = 300;
  AppendActions(kP0, kMails / 2);
  AppendActions(kP1, kMails / 2);
  {
    const Process process(As("1"), &relay, &observer);
    ASSERT_TRUE(AwaitArrived(kMails / 6));
    RestartBroker();
    ASSERT_TRUE(AwaitArrived(kMails));
  }
  ExpectNoneTwice();
  // What was delivered while the broker was away is written down when it is back.
  EXPECT_EQ(FinalStates(), (std::map<std::string, int>{{"delivered", kMails}}));
}

}  // namespace
}  // namespace sojourn::kafka
