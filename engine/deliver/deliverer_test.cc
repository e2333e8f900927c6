#include "engine/deliver/deliverer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>

#include "engine/deliver/mail_channel.h"
#include "engine/deliver/memory_delivery_log.h"

namespace sojourn::deliver {
namespace {

constexpr Partition kPartition{0};

Timestamp Now() {
  return Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count());
}

// What every transport of a test does, and what arrived.
struct Relay {
  std::mutex mutex;
  std::map<std::string, std::vector<SendResult>> answers;  // by action id; then delivered
  std::vector<std::string> arrived;                        // action ids, in order
  bool refuses_marks = false;
  std::function<void(const std::string& action)> before_mark;

  SendResult Answer(const std::string& action) {
    const std::lock_guard lock(mutex);
    std::vector<SendResult>& of_action = answers[action];
    SendResult result;
    result.outcome = SendOutcome::kDelivered;
    result.code = 250;
    if (!of_action.empty()) {
      result = of_action.front();
      of_action.erase(of_action.begin());
    }
    if (result.outcome == SendOutcome::kDelivered || result.outcome == SendOutcome::kUnknown) {
      arrived.push_back(action);
    }
    return result;
  }
};

class FakeTransport final : public MailTransport {
 public:
  explicit FakeTransport(Relay* relay) : relay_(relay) {}
  SendResult Send(const Mail& mail, const BeforeData& before_data) override {
    if (relay_->before_mark) relay_->before_mark(mail.action_id);
    SendResult result;
    const Status marked = before_data();
    if (!marked.ok()) {
      result.detail = marked.message();
      result.code = 1;
      return result;
    }
    return relay_->Answer(mail.action_id);
  }

 private:
  Relay* const relay_;
};

class FakeComposer final : public Composer {
 public:
  Composition Compose(const model::Action& action, bool reopened) override {
    Composition composition;
    composition.mail.action_id = action.id;
    if (action.template_name == "skipped") {
      composition.outcome = Composition::Outcome::kSkip;
      composition.reason = "no_consent";
    } else if (action.template_name == "broken" && !reopened) {
      composition.outcome = Composition::Outcome::kFail;
      composition.reason = "it does not render";
      composition.failure = "render_error";
    } else if (action.template_name == "unsure") {
      composition.outcome = Composition::Outcome::kTryLater;
      composition.reason = "the list of suppressions cannot be read";
    }
    return composition;
  }
  std::string SenderOf(const model::Action&) override { return "hello@shop.example"; }
};

SendResult Answer(SendOutcome outcome, int code) {
  SendResult result;
  result.outcome = outcome;
  result.code = code;
  return result;
}

class DelivererTest : public testing::Test {
 protected:
  ~DelivererTest() override { Stop(); }

  void Start() {
    DelivererEnvironment environment;
    environment.log = &log_;
    channel_ = std::make_unique<MailChannel>(RateLimits(), options_.resend_unknown, &composer_,
                                             &telemetry_);
    environment.channel = channel_.get();
    environment.make_carrier =
        MailCarriers(&composer_, [this] { return std::make_unique<FakeTransport>(&relay_); });
    environment.now = [this] { return Now() + Milliseconds(ahead_ms_); };
    log_.Restart();
    deliverer_ = std::make_unique<Deliverer>(options_, environment);
    thread_ = std::thread([this] { status_ = deliverer_->Run(); });
  }

  void Stop() {
    if (deliverer_ == nullptr) return;
    deliverer_->Stop();
    thread_.join();
    deliverer_.reset();
  }

  void Append(const std::string& id, const std::string& template_name = "plain",
              Duration useful = Days(1), Partition partition = kPartition) {
    model::Action action;
    action.id = id;
    action.kind = model::ActionKind::kSendEmail;
    action.person = "u1";
    action.journey = "welcome";
    action.template_name = template_name;
    action.address = "u1@shop.example";
    action.time = Now();
    action.useful_until = Now() + useful;
    log_.Append(partition, std::move(action));
  }

  template <typename Condition>
  testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return testing::AssertionFailure() << "it did not come to be within ten seconds";
  }

  // The states of the offset's history: "started delivered".
  std::string History(int64_t offset, Partition partition = kPartition) {
    std::string history;
    for (const DeliveryRecord& record : log_.committed(partition).history) {
      if (record.place.offset != Offset(offset)) continue;
      if (!history.empty()) history += ' ';
      history += DeliveryStateName(record.state);
    }
    return history;
  }

  // What comes of asking to send offsets of kPartition again.
  std::vector<ReopenResult> Retry(const std::vector<std::pair<int64_t, std::string>>& mails) {
    std::vector<ReopenTarget> targets;
    for (const auto& [offset, id] : mails) targets.push_back({{kPartition, Offset(offset)}, id});
    const auto request = std::make_shared<ReopenRequest>(targets);
    deliverer_->Reopen(request);
    return request->Wait(Seconds(10), Milliseconds(2000));
  }
  ReopenResult Retry(int64_t offset, const std::string& id) {
    return Retry({{offset, id}}).front();
  }

  std::string Metric(const std::string& metric) {
    const std::string text = "\n" + telemetry_.Exposition();
    const size_t line = text.find("\n" + metric + " ");
    if (line == std::string::npos) return "";
    const size_t value = line + metric.size() + 2;
    return text.substr(value, text.find('\n', value) - value);
  }

  bool CursorAt(int64_t offset) { return log_.committed(kPartition).cursor == Offset(offset); }

  std::vector<std::string> Arrived() {
    const std::lock_guard lock(relay_.mutex);
    return relay_.arrived;
  }

  DelivererOptions options_;
  std::atomic<int64_t> ahead_ms_ = 0;  // of the machine's clock
  Relay relay_;
  FakeComposer composer_;
  telemetry::Telemetry telemetry_{"test"};
  MemoryDeliveryLog log_{2};
  std::unique_ptr<MailChannel> channel_;
  std::unique_ptr<Deliverer> deliverer_;
  std::thread thread_;
  Status status_;
};

TEST_F(DelivererTest, EveryMailIsMarkedThenSentThenFinished) {
  for (int i = 0; i < 50; ++i) Append("act_" + std::to_string(i));
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(50); }));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(History(i), "started delivered");
  const auto arrived = Arrived();
  EXPECT_EQ(arrived.size(), 50u);
  EXPECT_EQ(std::set<std::string>(arrived.begin(), arrived.end()).size(), 50u);
  const auto events = log_.committed(kPartition).events;
  ASSERT_EQ(events.size(), 50u);
  EXPECT_EQ(events.front().name, "Email Delivered");
}

TEST_F(DelivererTest, WhatIsNoMailIsPassedOver) {
  model::Action coupon;
  coupon.kind = model::ActionKind::kCoupon;
  log_.Append(kPartition, coupon);
  Append("act_1");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  EXPECT_EQ(History(0), "");
  EXPECT_EQ(History(1), "started delivered");
}

TEST_F(DelivererTest, EachOutcomeHasItsState) {
  relay_.answers["refused"] = {Answer(SendOutcome::kRefused, 550)};
  relay_.answers["unknown"] = {Answer(SendOutcome::kUnknown, 0)};
  Append("refused"), Append("unknown"), Append("skipped", "skipped"), Append("broken", "broken");
  Append("late", "plain", Milliseconds(-1));
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(5); }));
  EXPECT_EQ(History(0), "started refused");
  EXPECT_EQ(History(1), "started unknown");
  EXPECT_EQ(History(2), "skipped");
  EXPECT_EQ(History(3), "failed");
  EXPECT_EQ(History(4), "expired");
  EXPECT_EQ(log_.committed(kPartition).records[Offset(2)].detail, "no_consent");
  EXPECT_EQ(Arrived(), std::vector<std::string>{"unknown"});
}

TEST_F(DelivererTest, LateActionsAreNeverSent) {
  model::Action action;
  action.kind = model::ActionKind::kSendEmail;
  action.late = true;
  action.useful_until = Now() + Days(1);
  log_.Append(kPartition, action);
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0), "expired");
}

// As a replay of years leaves them.
TEST_F(DelivererTest, ManyLateActionsAreNotWaitedFor) {
  constexpr int64_t kLate = 10'000;
  model::Action action;
  action.id = "late";
  action.kind = model::ActionKind::kSendEmail;
  action.late = true;
  for (int64_t i = 0; i < kLate; ++i) log_.Append(kPartition, action);
  Append("now");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(kLate + 1); }));
  EXPECT_EQ(relay_.arrived, std::vector<std::string>{"now"});
}

TEST_F(DelivererTest, WhatTheRelayPutsOffWaits) {
  relay_.answers["busy"] = {Answer(SendOutcome::kTryLater, 450)};
  Append("busy"), Append("next");
  Start();
  ASSERT_TRUE(Eventually([&] { return History(0) == "started waiting"; }));
  ASSERT_TRUE(Eventually([&] { return History(1) == "started delivered"; }));
  EXPECT_TRUE(CursorAt(0));
  const DeliveryRecord record = log_.committed(kPartition).records[Offset(0)];
  EXPECT_EQ(record.attempts, 1);
  EXPECT_GT(record.next_attempt, Now() + Seconds(20));
}

TEST_F(DelivererTest, ARelayThatCannotBeReachedIsTriedAgainSoon) {
  relay_.answers["a"] = {Answer(SendOutcome::kTryLater, 0)};
  Append("a");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0), "started waiting started delivered");
}

TEST_F(DelivererTest, AMailThatACrashLeftStartedIsUnknown) {
  Append("a"), Append("b");
  DeliveryRecord started;
  started.place = {kPartition, Offset(0)};
  started.state = DeliveryState::kStarted;
  started.attempts = 1;
  ASSERT_TRUE(log_.Commit({{&started, 1}, {}, {}}).ok());
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  EXPECT_EQ(History(0), "started unknown");
  EXPECT_EQ(Arrived(), std::vector<std::string>{"b"});
}

TEST_F(DelivererTest, OrIsSentAgainWhereThatIsWished) {
  options_.resend_unknown = true;
  Append("a");
  DeliveryRecord started;
  started.place = {kPartition, Offset(0)};
  started.state = DeliveryState::kStarted;
  started.attempts = 1;
  ASSERT_TRUE(log_.Commit({{&started, 1}, {}, {}}).ok());
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0), "started started delivered");
}

TEST_F(DelivererTest, AnAnswerThatWasLostIsFinalOrSentAgain) {
  relay_.answers["lost"] = {Answer(SendOutcome::kUnknown, 0)};
  Append("lost");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0), "started unknown");
  Stop();
  options_.resend_unknown = true;
  relay_.answers["again"] = {Answer(SendOutcome::kUnknown, 0)};
  Append("again");
  Start();
  ASSERT_TRUE(Eventually([&] { return History(1) == "started waiting"; }));
  ahead_ms_ = 40'000;
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  EXPECT_EQ(History(1), "started waiting started delivered");
}

TEST_F(DelivererTest, AnotherLifeGoesOnWhereTheLastOneWas) {
  relay_.answers["busy"] = {Answer(SendOutcome::kTryLater, 450)};
  Append("busy"), Append("done");
  Start();
  ASSERT_TRUE(Eventually([&] { return History(1) == "started delivered"; }));
  ASSERT_TRUE(Eventually([&] { return History(0) == "started waiting"; }));
  Stop();
  EXPECT_TRUE(status_.ok());
  Append("new");
  Start();
  ASSERT_TRUE(Eventually([&] { return History(2) == "started delivered"; }));
  EXPECT_EQ(History(0), "started waiting");
  EXPECT_EQ(History(1), "started delivered");
}

TEST_F(DelivererTest, CommitsThatFailForNowAreRepeated) {
  log_.FailCommits({Unavailable("away"), ResourceExhausted("full")});
  Append("a");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0), "started delivered");
  EXPECT_EQ(Arrived().size(), 1u);
}

TEST_F(DelivererTest, ACommitThatFailsForGoodEndsIt) {
  log_.FailCommits({DataLoss("broken")});
  Append("a");
  Start();
  thread_.join();
  EXPECT_EQ(status_.code(), StatusCode::kDataLoss);
  deliverer_.reset();
  EXPECT_TRUE(Arrived().empty());
}

// A mark that a stop refuses must not look like a mail that was perhaps sent.
TEST_F(DelivererTest, AStopWhileTheLogTakesNothingLosesNoMail) {
  log_.FailCommits({Unavailable("away"), Unavailable("away")});
  Append("a");
  Start();
  ASSERT_TRUE(Eventually([&] { return log_.failures_left() == 1; }));
  Stop();
  EXPECT_TRUE(status_.ok()) << status_.message();
  EXPECT_TRUE(Arrived().empty());
  EXPECT_EQ(History(0), "waiting");
}

TEST_F(DelivererTest, NothingIsSentForAPartitionThatIsSomebodyElsesNow) {
  std::atomic<bool> at_the_door = false;
  std::atomic<bool> go = false;
  relay_.before_mark = [&](const std::string& action) {
    if (action != "moved") return;
    at_the_door = true;
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  Append("moved", "plain", Days(1), Partition(1));
  Start();
  ASSERT_TRUE(Eventually([&] { return at_the_door.load(); }));
  log_.SetOwned(Partition(1), false);
  go = true;
  Append("ours");
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0, Partition(1)), "");
  EXPECT_EQ(Arrived(), std::vector<std::string>{"ours"});
}

TEST_F(DelivererTest, APartitionThatComesBackForgetsWhatWasUnderWayBefore) {
  std::atomic<int> at_the_door = 0;
  std::atomic<bool> go = false;
  relay_.before_mark = [&](const std::string& action) {
    if (action != "moved") return;
    ++at_the_door;
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  Append("moved", "plain", Days(1), Partition(1));
  Start();
  ASSERT_TRUE(Eventually([&] { return at_the_door == 1; }));
  log_.SetOwned(Partition(1), false);
  Append("ours");
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  log_.SetOwned(Partition(1), true);
  ASSERT_TRUE(Eventually([&] { return at_the_door == 2; }));
  go = true;
  ASSERT_TRUE(Eventually([&] { return log_.committed(Partition(1)).cursor == Offset(1); }));
  EXPECT_EQ(History(0, Partition(1)), "started delivered");
  EXPECT_EQ(Arrived(), (std::vector<std::string>{"ours", "moved"}));
}

TEST_F(DelivererTest, PausedJourneysWaitUntilTheyAreResumed) {
  Start();
  PausedJourneys paused;
  paused.names = {"welcome"};
  deliverer_->SetPaused(paused);
  Append("a");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(History(0), "");
  deliverer_->SetPaused({});
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  EXPECT_EQ(History(0), "started delivered");
}

TEST_F(DelivererTest, WhatFailedCanBeReopened) {
  Append("a", "broken");
  Append("b");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  EXPECT_EQ(History(0), "failed");
  const DeliveryRecord failed = log_.committed(kPartition).records.at(Offset(0));
  EXPECT_EQ(failed.failure, "render_error");
  EXPECT_EQ(failed.template_name, "broken");
  EXPECT_EQ(Metric(R"(sojourn_mail_failures_total{reason="render_error",template="broken"})"), "1");
  const ReopenResult result = Retry(0, "a");
  EXPECT_EQ(result.answer, ReopenAnswer::kReopened);
  ASSERT_TRUE(result.record.has_value());
  EXPECT_EQ(result.record->state, DeliveryState::kDelivered);
  EXPECT_EQ(History(0), "failed waiting started delivered");
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  EXPECT_EQ(History(1), "started delivered");
  EXPECT_EQ(Arrived(), (std::vector<std::string>{"b", "a"}));
}

TEST_F(DelivererTest, OnlyWhatFailedIsSentAgain) {
  Append("a"), Append("b", "skipped");
  log_.SetOwned(Partition(1), false);
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  const auto results = Retry({{0, "a"}, {1, "b"}, {7, "c"}});
  EXPECT_EQ(results[0].answer, ReopenAnswer::kNotFailed);
  EXPECT_EQ(results[0].record->state, DeliveryState::kDelivered);
  EXPECT_EQ(results[1].answer, ReopenAnswer::kNotFailed);
  EXPECT_EQ(results[2].answer, ReopenAnswer::kUnknown);
  EXPECT_EQ(Retry(0, "another").answer, ReopenAnswer::kUnknown);
  const auto request =
      std::make_shared<ReopenRequest>(std::vector<ReopenTarget>{{{Partition(1), Offset(0)}, "x"}});
  deliverer_->Reopen(request);
  EXPECT_EQ(request->Wait(Seconds(10), Duration(0))[0].answer, ReopenAnswer::kElsewhere);
  EXPECT_EQ(Arrived(), std::vector<std::string>{"a"});
}

TEST_F(DelivererTest, WhatCannotBeReadNowIsNotGone) {
  Append("a", "broken"), Append("b", "broken");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(2); }));
  log_.FailReadsFrom(Offset(0), Unavailable("no broker answers"));
  for (const ReopenResult& result : Retry({{0, "a"}, {1, "b"}})) {
    EXPECT_EQ(result.answer, ReopenAnswer::kNotNow);
  }
  EXPECT_EQ(History(1), "failed") << "nothing is read after the first that nobody answered";
  log_.FailReadsFrom(Offset(0), Status::Ok());
  EXPECT_EQ(Retry(0, "a").answer, ReopenAnswer::kReopened);
  log_.FailReadsFrom(Offset(2), Unavailable("no broker answers"));
  Append("c");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  log_.FailReadsFrom(Offset(2), Status::Ok());
  deliverer_->SetPaused({});  // wakes it
  ASSERT_TRUE(Eventually([&] { return History(2) == "started delivered"; }));
}

TEST_F(DelivererTest, ASecondRetryOfWhatIsUnderWayDoesNothing) {
  Append("a", "broken");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  PausedJourneys paused;
  paused.all = true;
  deliverer_->SetPaused(paused);
  EXPECT_EQ(Retry(0, "a").answer, ReopenAnswer::kReopened);
  EXPECT_EQ(Retry(0, "a").answer, ReopenAnswer::kUnderWay);
  EXPECT_EQ(History(0), "failed waiting");
  deliverer_->SetPaused({});
  ASSERT_TRUE(Eventually([&] { return History(0) == "failed waiting started delivered"; }));
  EXPECT_EQ(Retry(0, "a").answer, ReopenAnswer::kNotFailed);
  EXPECT_EQ(Arrived(), std::vector<std::string>{"a"});
}

TEST_F(DelivererTest, TheNextLifeStillComposesWhatWasReopenedWithTheTemplateOfNow) {
  relay_.answers["a"] = {Answer(SendOutcome::kTryLater, 450)};
  Append("a", "broken");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  PausedJourneys paused;
  paused.all = true;
  deliverer_->SetPaused(paused);
  EXPECT_EQ(Retry(0, "a").answer, ReopenAnswer::kReopened);
  Stop();
  Start();  // nothing is paused
  ASSERT_TRUE(Eventually([&] { return History(0) == "failed waiting started waiting"; }));
  EXPECT_TRUE(log_.committed(kPartition).records.at(Offset(0)).reopened);
  Stop();
  EXPECT_EQ(History(0), "failed waiting started waiting") << "it did not fail again";
}

TEST_F(DelivererTest, WhatWasReopenedAndKilledOnTheWayIsNotSentTwice) {
  Append("a", "broken");
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  Stop();
  // As a kill between the mark and the answer leaves it.
  DeliveryRecord started = log_.committed(kPartition).records.at(Offset(0));
  started.state = DeliveryState::kStarted;
  started.reopened = true;
  const ActionPlace cursor{kPartition, Offset(0)};
  ASSERT_TRUE(log_.Commit({{&started, 1}, {}, {&cursor, 1}}).ok());
  Start();
  ASSERT_TRUE(Eventually([&] { return History(0) == "failed started unknown"; }));
  EXPECT_TRUE(Arrived().empty());
}

TEST_F(DelivererTest, WhatIsReopenedTooLateExpires) {
  Append("a", "broken", Milliseconds(300));
  Start();
  ASSERT_TRUE(Eventually([&] { return CursorAt(1); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const ReopenResult result = Retry(0, "a");
  EXPECT_EQ(result.answer, ReopenAnswer::kReopened);
  EXPECT_EQ(result.record->state, DeliveryState::kExpired);
  EXPECT_TRUE(Arrived().empty());
}

TEST_F(DelivererTest, OutcomesAreCountedOnceTheyAreWritten) {
  relay_.answers["busy"] = {Answer(SendOutcome::kTryLater, 0)};
  Append("busy");
  Start();
  ASSERT_TRUE(Eventually([&] { return History(0) == "started waiting started delivered"; }));
  ASSERT_TRUE(Eventually([&] { return Metric("sojourn_mail_retries_total") == "1"; }));
  EXPECT_EQ(Metric(R"(sojourn_mails_total{domain="other",outcome="delivered"})"), "1");
  EXPECT_EQ(Metric(R"(sojourn_mails_total{domain="other",outcome="waiting"})"), "1");
}

TEST_F(DelivererTest, WhatCannotBeLookedUpIsCountedAndTold) {
  testing::internal::CaptureStderr();
  Append("a", "unsure"), Append("b", "unsure"), Append("c");
  Start();
  const bool counted = static_cast<bool>(Eventually(
      [&] { return Metric(R"(sojourn_mails_total{domain="other",outcome="waiting"})") == "2"; }));
  Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(counted);
  const std::string_view reason = "the list of suppressions cannot be read";
  ASSERT_NE(log.find(reason), std::string::npos) << log;
  EXPECT_EQ(log.find(reason), log.rfind(reason)) << "once a minute is enough: " << log;
  EXPECT_EQ(History(0), "");
}

}  // namespace
}  // namespace sojourn::deliver
