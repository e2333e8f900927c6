#include "engine/runtime/task.h"

#include <map>
#include <random>

#include "engine/base/hash.h"
#include "engine/runtime/test_support.h"

namespace sojourn::runtime {
namespace {

using model::Value;

class TaskTest : public ::testing::Test {
 protected:
  TaskTest() : rules_(RulesSource::Fixed(LoadRules(ShopRules()))) {}

  void MakeWorld(MemoryWorldOptions options = {}) {
    world_ = std::make_unique<MemoryWorld>(std::move(options));
  }
  void Run(TaskOptions task = {}) {
    Process process(world_.get(), &clock_, rules_.get(), &observer_, {1, EagerOptions(), task});
    process.Settle();
  }
  void Add(uint16_t input, std::string_view person, std::string_view name, Duration after,
           const Properties& properties = {}) {
    const Timestamp at = Start() + after;
    world_->Append(input, person, EventBytes(person, name, at, properties), at);
  }
  void Know(std::string_view person, uint16_t input = 0) {
    Add(input, person, "Identify", Duration(), {{"email", Value::String("a@shop.example")}});
  }

  ManualClock clock_{Start()};
  Observer observer_;
  std::unique_ptr<RulesSource> rules_;
  std::unique_ptr<MemoryWorld> world_;
};

TEST_F(TaskTest, InputsMergeByLogTimeThenTopicThenOffset) {
  MakeWorld({.inputs = {{"web", false}, {"purchase", false}}});
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  // Written behind everything of the other topic, but older than its last record: it must cancel
  // the reminder of the first cart and not that of the second.
  Add(1, "u1", "Order Completed", Hours(2));
  Add(0, "u1", "Checkout Started", Hours(2));
  clock_.Set(Start() + Hours(5));
  Run();
  // At two o'clock the first topic's record comes first, so the order ends both carts.
  EXPECT_EQ(Summary(world_->Actions()), (Lines{"2026-03-02T11:00:00Z u1 thank-you"}));
}

TEST_F(TaskTest, BouncesAreSuppressedWithTheIntervalUnderTheKeysMark) {
  MakeWorld({.partition_count = 2});
  const Properties hard = {{"type", Value::String("hard")}};
  // Two people with one address, and one of them twice.
  for (const char* person : {"u1", "u2"}) {
    world_->Append(
        0, person,
        EventBytes(person, "Identify", Start(), {{"email", Value::String("A@b.example")}}),
        Start());
  }
  Add(0, "u1", "Email Marked as Spam", Hours(1));
  Add(0, "u1", "Email Bounced", Hours(2), hard);
  // Forgotten at once: the address is not.
  Add(0, "u1", "Person Erased", Hours(2));
  clock_.Set(Start() + Hours(5));
  Run();
  EXPECT_EQ(world_->Records().size(), 1u);
  auto entries = world_->Suppressions();
  ASSERT_EQ(entries.size(), 2u);
  const model::Suppression mark = model::KeyMark("address key");
  if (entries[0].hash != mark.hash) std::swap(entries[0], entries[1]);
  EXPECT_EQ(entries[0].hash, mark.hash);
  EXPECT_EQ(entries[0].reason, model::SuppressionReason::kKey);
  EXPECT_EQ(entries[1].hash, model::HashAddress("address key", "a@B.example"));
  EXPECT_EQ(entries[1].reason, model::SuppressionReason::kComplained);
  EXPECT_EQ(entries[1].since, Start() + Hours(1));
  // What stands there stays as it is.
  Add(0, "u2", "Email Bounced", Hours(6), hard);
  clock_.Set(Start() + Hours(7));
  Run();
  ASSERT_EQ(world_->Suppressions().size(), 2u);
  EXPECT_EQ(world_->Suppressions()[entries[1].hash > mark.hash ? 1 : 0].reason,
            model::SuppressionReason::kComplained);
}

TEST_F(TaskTest, ATimerFiresBetweenTheRecordsAroundIt) {
  MakeWorld();
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  Add(0, "u1", "Order Completed", Hours(4));
  clock_.Set(Start() + Days(3));
  Run();
  EXPECT_EQ(Summary(world_->Actions()),
            (Lines{"2026-03-02T12:00:00Z u1 cart-reminder", "2026-03-02T13:00:00Z u1 thank-you"}));
}

TEST_F(TaskTest, ATimerComesAfterAllRecordsOfItsMoment) {
  MakeWorld({.inputs = {{"web", false}, {"purchase", false}}});
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  Add(0, "u2", "Product Viewed", Hours(3));
  Add(1, "u1", "Order Completed", Hours(3));
  clock_.Set(Start() + Days(3));
  Run();
  EXPECT_EQ(Summary(world_->Actions()), (Lines{"2026-03-02T12:00:00Z u1 thank-you"}));
}

// Twenty people wait for one moment; behind it come the order of somebody else and of the last one.
TEST_F(TaskTest, RecordsDoNotWaitUntilEveryTimerOfAMomentHasFired) {
  const auto run = [&](size_t turn_inputs) {
    MakeWorld();
    clock_.Set(Start() + Hours(1) + Minutes(1));
    for (int i = 10; i < 30; ++i) {
      Know("u" + std::to_string(i));
      Add(0, "u" + std::to_string(i), "Checkout Started", Hours(1));
    }
    Know("buyer");
    Run();
    Add(0, "buyer", "Order Completed", Hours(4));
    Add(0, "u29", "Order Completed", Hours(4));
    clock_.Set(Start() + Hours(5));
    Run({.turn_inputs = turn_inputs});
    return Summary(world_->Actions());
  };
  const auto place = [](const Lines& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) - lines.begin();
  };
  const Lines strict = run(1000);
  ASSERT_EQ(strict.size(), 22u);
  EXPECT_EQ(place(strict, "2026-03-02T13:00:00Z buyer thank-you"), 20);
  Lines taking_turns = run(4);
  EXPECT_EQ(place(taking_turns, "2026-03-02T13:00:00Z buyer thank-you"), 4);
  EXPECT_EQ(place(taking_turns, "2026-03-02T12:00:00Z u29 cart-reminder"), 5);
  EXPECT_EQ(place(taking_turns, "2026-03-02T13:00:00Z u29 thank-you"), 6);
  std::sort(taking_turns.begin(), taking_turns.end());
  Lines sorted = strict;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(taking_turns, sorted);
}

TEST_F(TaskTest, WhatArrivedDuringAnOutageStillCancels) {
  MakeWorld();
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  clock_.Set(Start() + Hours(1) + Minutes(1));
  Run();
  // Nobody runs. The order is logged before the reminder is due, and read long after.
  Add(0, "u1", "Order Completed", Hours(2));
  clock_.Set(Start() + Days(9));
  Run();
  EXPECT_EQ(Summary(world_->Actions()), (Lines{"2026-03-02T11:00:00Z u1 thank-you"}));
}

TEST_F(TaskTest, ASegmentFlipsAtNinetyDaysAndAMillisecondWithoutAnyEvent) {
  MakeWorld();
  Know("u1");
  Add(0, "u1", "Order Completed", Hours(1));
  const Timestamp flip = Start() + Hours(1) + Days(90) + Milliseconds(1);
  const Duration slack = kDefaultWatermarkSlack;
  clock_.Set(flip + slack);  // the watermark has reached the flip, not passed it
  Run();
  EXPECT_EQ(world_->Actions().size(), 1u);
  clock_.Advance(Milliseconds(1));
  Run();
  const auto actions = world_->Actions();
  ASSERT_EQ(actions.size(), 3u);
  EXPECT_EQ(actions[2].template_name, "come-back");
  EXPECT_EQ(actions[2].time, flip);
}

TEST_F(TaskTest, TheWatermarkWaitsForAnInputThatLags) {
  MakeWorld({.inputs = {{"web", false}, {"purchase", false}}});
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  for (int i = 0; i < 40; ++i) {
    Add(1, "u2", "Product Viewed", Minutes(i));
  }
  Add(1, "u1", "Order Completed", Hours(2));
  clock_.Set(Start() + Days(2));
  Run({.fetch_records = 1, .slice_inputs = 1});
  EXPECT_EQ(Summary(world_->Actions()), (Lines{"2026-03-02T11:00:00Z u1 thank-you"}));
}

// Lets time pass and an order arrive while a slice is under way.
class LateOrder final : public Observer {
 public:
  LateOrder(ManualClock* clock, MemoryWorld* world) : clock_(clock), world_(world) {}
  void OnStep(const StepReport& report) override {
    if (report.event == nullptr || report.event->name != "Checkout Started") return;
    clock_->Set(Start() + Hours(5));
    const Timestamp at = Start() + Hours(2);
    world_->Append(0, "u1", EventBytes("u1", "Order Completed", at), at);
  }

 private:
  ManualClock* const clock_;
  MemoryWorld* const world_;
};

TEST_F(TaskTest, TheWatermarkStaysWhereTheEndsWereSeen) {
  MakeWorld();
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  clock_.Set(Start() + Hours(1));
  LateOrder observer(&clock_, world_.get());
  Process process(world_.get(), &clock_, rules_.get(), &observer, {1, EagerOptions(), {}});
  process.Settle();
  EXPECT_EQ(Summary(world_->Actions()), (Lines{"2026-03-02T11:00:00Z u1 thank-you"}));
}

TEST_F(TaskTest, TimersAndMuchLaterRecordsWaitForCopiesOfOtherTopics) {
  Timestamp copied_until = Start() + Minutes(90);
  MakeWorld(
      {.inputs = {{"web", false}, {"events", true}}, .copied_until = [&] { return copied_until; }});
  Know("u1");
  Know("u2");
  Add(0, "u1", "Checkout Started", Hours(1));
  Add(0, "u2", "Order Completed", Hours(5));
  clock_.Set(Start() + Hours(6));
  Process process(world_.get(), &clock_, rules_.get(), &observer_, {1, EagerOptions(), {}});
  for (int turn = 0; turn < 10; ++turn) ASSERT_TRUE(process.Turn().ok());
  EXPECT_TRUE(world_->Actions().empty());
  EXPECT_FALSE(process.worker().idle());
  // The copy comes with its first log time, before the reminder of three o'clock.
  Add(1, "u1", "Order Completed", Hours(2));
  copied_until = Start() + Hours(6);
  process.Settle();
  EXPECT_EQ(Summary(world_->Actions()),
            (Lines{"2026-03-02T11:00:00Z u1 thank-you", "2026-03-02T14:00:00Z u2 thank-you"}));
}

TEST_F(TaskTest, ARecordThatIsLittleLaterThanTheCopiesNeedNotWait) {
  Timestamp copied_until = Start() + Hours(3);
  MakeWorld({.copied_until = [&] { return copied_until; }});
  Know("u1");
  Know("u2");
  Add(0, "u1", "Checkout Started", Hours(1));
  Add(0, "u2", "Order Completed", Hours(3) + TaskOptions().most_ahead_of_copies);
  clock_.Set(Start() + Hours(6));
  Process process(world_.get(), &clock_, rules_.get(), &observer_, {1, EagerOptions(), {}});
  for (int turn = 0; turn < 10; ++turn) ASSERT_TRUE(process.Turn().ok());
  // The reminder is due at the very moment up to which copies are known.
  EXPECT_EQ(Summary(world_->Actions()), (Lines{"2026-03-02T12:00:01Z u2 thank-you"}));
  copied_until = copied_until + Milliseconds(1);
  process.Settle();
  EXPECT_EQ(world_->Actions().size(), 2u);
}

// A log that never learns where it ends, and so knows no lag.
class EndlessLog final : public InputLog {
 public:
  explicit EndlessLog(InputLog* log) : log_(log) {}
  const std::vector<InputDescription>& inputs() const override { return log_->inputs(); }
  int32_t partition_count() const override { return log_->partition_count(); }
  Status Poll(Duration timeout) override { return log_->Poll(timeout); }
  void SetListener(AssignmentListener* listener) override { log_->SetListener(listener); }
  Result<FetchedRecords> Fetch(Partition partition, uint16_t input, size_t max_records) override {
    SOJOURN_ASSIGN_OR_RETURN(FetchedRecords fetched, log_->Fetch(partition, input, max_records));
    fetched.at_end = false;
    return fetched;
  }
  Status SetPositions(std::span<const PartitionPositions> positions) override {
    return log_->SetPositions(positions);
  }
  std::optional<int64_t> Lag(Partition, uint16_t, Offset) override { return std::nullopt; }
  void Wake() override { log_->Wake(); }

 private:
  InputLog* const log_;
};

TEST_F(TaskTest, WhereAnEndIsUnknownNothingWakesAndNoLagIsTold) {
  MakeWorld();
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  clock_.Set(Start() + Hours(1));
  Run();
  clock_.Set(Start() + Hours(9));
  const auto ports = world_->MakeWorkerPorts(0, 1);
  FormatDecoder decoder({model::EventFormat::kProtobuf});
  step::Secrets secrets;
  secrets.coupon_key = "key";
  EndlessLog log(ports.input.get());
  for (InputLog* input : {ports.input.get(), static_cast<InputLog*>(&log)}) {
    TaskEnvironment environment;
    environment.log = input;
    environment.decoder = &decoder;
    environment.clock = &clock_;
    environment.rules = rules_.get();
    environment.secrets = &secrets;
    environment.observer = &observer_;
    auto opened = ports.keeper->Open(Partition(0));
    ASSERT_TRUE(opened.ok());
    const PartitionPositions positions{Partition(0), opened->next};
    ASSERT_TRUE(input->SetPositions({&positions, 1}).ok());
    auto task = Task::Open(environment, Partition(0), *std::move(opened));
    ASSERT_TRUE(task.ok()) << task.status().message();
    ASSERT_TRUE((*task)->RunSlice().ok());
    const auto wake = (*task)->NextWakeUp();
    ASSERT_TRUE(wake.ok());
    EXPECT_EQ(*wake == Timestamp::Max(), input == &log);
    const auto gauges = (*task)->Gauges();
    ASSERT_TRUE(gauges.ok());
    EXPECT_EQ(gauges->lag_records.has_value(), input != &log);
    EXPECT_EQ(gauges->lag.has_value(), input != &log);
  }
}

class CommitCounter final : public Observer {
 public:
  void OnCommitted(const CommitReport&) override { ++commits; }
  int commits = 0;
};

TEST_F(TaskTest, WhereANewPartitionBeginsIsCommittedOnceBeforeAnythingHappens) {
  MakeWorld();
  CommitCounter observer;
  for (int life = 0; life < 2; ++life) {
    Process process(world_.get(), &clock_, rules_.get(), &observer, {1, EagerOptions(), {}});
    process.Settle();
    EXPECT_EQ(observer.commits, 1);
  }
  const auto ports = world_->MakeWorkerPorts(0, 1);
  const auto opened = ports.keeper->Open(Partition(0));
  ASSERT_TRUE(opened.ok());
  ASSERT_EQ(opened->store->meta().inputs.size(), 1u);
  EXPECT_EQ(opened->store->meta().inputs[0].next_offset, Offset(0));
}

TEST_F(TaskTest, OneTimestampOfTheFutureFiresNothing) {
  MakeWorld();
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  world_->Append(0, "u2", EventBytes("u2", "Product Viewed", Start()), Start() + Days(30'000));
  clock_.Set(Start() + Hours(1) + Minutes(1));
  Run();
  EXPECT_TRUE(world_->Actions().empty());
  clock_.Set(Start() + Hours(4));
  Run();
  EXPECT_EQ(world_->Actions().size(), 1u);
}

TEST_F(TaskTest, BetweenTheBracketsOfAnImportTheWallClockIsNotFollowed) {
  MakeWorld();
  clock_.Set(Start() + Days(1000));
  Run();  // lives on the wall clock for a moment
  const auto bracket = [&](model::EventType type) {
    world_->Append(0, "", BracketBytes(type), Start(), Partition(0));
  };
  bracket(model::EventType::kImportBegin);
  Know("u1");
  Add(0, "u1", "Checkout Started", Hours(1));
  Run();
  EXPECT_TRUE(world_->Actions().empty());  // the file may still bring the order
  Add(0, "u1", "Order Completed", Hours(2));
  Run();
  EXPECT_EQ(world_->Actions().size(), 1u);
  bracket(model::EventType::kImportEnd);
  Run();
  EXPECT_EQ(world_->Actions().size(), 3u);  // and the win-back, 90 days later
}

TEST_F(TaskTest, WhatIsNoEventBecomesADeadLetterWithItsPlace) {
  MakeWorld({.inputs = {{"web", false}}, .partition_count = 2});
  const Partition home(PartitionOfKey("u1", 2));
  const Partition other(1 - home.value());
  const std::string view = EventBytes("u1", "Product Viewed", Start());
  world_->Append(0, "u1", "\xff\xff not an event", Start(), home);
  world_->Append(0, "u1", EventBytes("u9", "Product Viewed", Start()), Start(), home);
  world_->Append(0, "", EventBytes("", "Product Viewed", Start()), Start(), home);
  world_->Append(0, std::string(257, 'x'), EventBytes("", "Product Viewed", Start()), Start(),
                 home);
  world_->Append(0, "\xc3\x28", EventBytes("", "Product Viewed", Start()), Start(), home);
  world_->Append(0, "", BracketBytes(model::EventType::kImportBegin), Start(), home);
  world_->Append(0, "u1", view, Start(), other);
  world_->Append(0, "u1", view, Start(), home);
  Run();
  std::vector<std::string> letters;
  for (const DeadLetter& letter : world_->DeadLetters()) {
    EXPECT_EQ(letter.topic, "web");
    EXPECT_FALSE(letter.message.empty());
    if (letter.partition == home) {
      letters.push_back(std::string(DeadLetterReasonName(letter.reason)) + " " +
                        std::to_string(letter.offset.value()));
    } else {
      EXPECT_EQ(letter.reason, DeadLetterReason::kWrongPartition);
    }
  }
  EXPECT_EQ(letters, (Lines{"undecodable 0", "key_mismatch 1", "bad_person_id 2", "bad_person_id 3",
                            "bad_person_id 4", "reserved_type 5"}));
  EXPECT_EQ(world_->DeadLetters().size(), 7u);
  EXPECT_EQ(world_->Records().size(), 1u);
}

TEST_F(TaskTest, APersonNeverOutgrowsTheLimit) {
  MakeWorld();
  const std::string large(100 * 1024, 'x');
  const int count = 8;
  for (int i = 0; i < count; ++i) {
    Add(0, "u1", "Identify", Minutes(i), {{"trait_" + std::to_string(i), Value::String(large)}});
  }
  clock_.Set(Start() + Hours(1));
  Run();
  const auto records = world_->Records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_LE(records[0].second.size(), kMaxPersonRecordBytes);
  EXPECT_GE(records[0].second.size(), 5 * large.size());
  ASSERT_EQ(world_->DeadLetters().size(), 3u);
  for (const DeadLetter& letter : world_->DeadLetters()) {
    EXPECT_EQ(letter.reason, DeadLetterReason::kPersonTooLarge);
    EXPECT_GT(letter.value.size(), large.size());
  }
}

TEST_F(TaskTest, AChangedKeyIsNoticed) {
  MakeWorld();
  Know("u1");
  Run();
  step::Secrets other;
  other.coupon_key = "another key";
  auto ports = world_->MakeWorkerPorts(0, 1);
  FormatDecoder decoder({model::EventFormat::kProtobuf});
  TaskEnvironment environment{ports.input.get(), &decoder, &clock_,
                              rules_.get(),      &other,   &observer_};
  const auto open = [&] {
    Result<OpenedPartition> opened = ports.keeper->Open(Partition(0));
    return Task::Open(environment, Partition(0), *std::move(opened)).status();
  };
  EXPECT_EQ(open().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(open().message().find("coupon_key"), std::string::npos);
  EXPECT_NE(open().message().find("--accept-changed-keys"), std::string::npos);
  environment.options.accept_changed_keys = true;
  {
    Worker worker(EagerOptions(), environment, ports.committer.get(), ports.keeper.get());
    for (int turn = 0; turn < 3; ++turn) ASSERT_TRUE(worker.RunOnce(Duration()).ok());
  }
  environment.options.accept_changed_keys = false;
  EXPECT_TRUE(open().ok()) << "it was accepted once";
}

// ---- the same result, whatever happens on the way --------------------------------------------

struct Outcome {
  Lines actions;
  std::vector<std::pair<std::string, std::string>> records;
  size_t dead_letters = 0;
  bool operator==(const Outcome&) const = default;
  std::vector<std::string> suppressions;
};

// Weeks of a shop with 30 people over three topics, two broken records among them.
void FillWorld(uint32_t seed, MemoryWorld* world) {
  std::mt19937 random(seed);
  std::vector<Timestamp> times(3, Start());
  for (int i = 0; i < 1500; ++i) {
    const uint16_t input = static_cast<uint16_t>(random() % 3);
    times[input] = times[input] + Minutes(random() % 600);
    const std::string person = "u" + std::to_string(random() % 30);
    const char* names[] = {"Checkout Started", "Product Viewed", "Order Completed"};
    const uint32_t what = random() % 12;
    const std::string id = "e" + std::to_string(random() % 4000);
    if (i % 500 == 499) {
      world->Append(input, person, "broken", times[input]);
    } else if (what == 11 && i % 3 == 0) {
      world->Append(
          input, person,
          EventBytes(person, "Email Bounced", times[input], {{"type", Value::String("hard")}}, id),
          times[input]);
    } else if (what < 2) {
      world->Append(input, person,
                    EventBytes(person, "Identify", times[input],
                               {{"email", Value::String(person + "@shop.example")}}, id),
                    times[input]);
    } else {
      world->Append(input, person,
                    EventBytes(person, names[what == 2 ? 2 : what % 2], times[input], {}, id),
                    times[input]);
    }
  }
}

MemoryWorldOptions ShopWorld(StateKeeping keeping) {
  MemoryWorldOptions options;
  options.inputs = {{"web", false}, {"email", false}, {"purchase", false}};
  options.partition_count = 4;
  options.keeping = keeping;
  return options;
}

std::vector<std::string> Suppressions(const MemoryWorld& world) {
  std::vector<std::string> lines;
  for (const model::Suppression& entry : world.Suppressions()) {
    lines.push_back(Hex(entry.hash.data(), entry.hash.size()) + " " +
                    std::to_string(static_cast<int>(entry.reason)) + " " +
                    FormatRfc3339(entry.since));
  }
  return lines;
}

Outcome Collect(MemoryWorld* world) {
  return {ActionBytes(world->Actions()), world->Records(), world->DeadLetters().size(),
          Suppressions(*world)};
}

class HostileTest : public ::testing::TestWithParam<StateKeeping> {
 protected:
  const ManualClock now_{Start() + Days(400)};
  Observer observer_;
  std::unique_ptr<RulesSource> rules_ = RulesSource::Fixed(LoadRules(ShopRules()));

  Outcome Quiet(uint32_t seed) {
    MemoryWorld world(ShopWorld(GetParam()));
    FillWorld(seed, &world);
    ManualClock clock(now_.Now());
    Process process(&world, &clock, rules_.get(), &observer_, {1, EagerOptions(), {}});
    process.Settle();
    return Collect(&world);
  }
};

TEST_P(HostileTest, FaultsKillsAndSmallBatchesChangeNothing) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Outcome expected = Quiet(seed);
    ASSERT_GT(expected.actions.size(), 100u);
    ASSERT_EQ(expected.dead_letters, 3u);
    ASSERT_GT(expected.suppressions.size(), 15u);

    std::mt19937 random(seed * 1000);
    int faults = 0;
    MemoryWorldOptions options = ShopWorld(GetParam());
    options.next_fault = [&] {
      const auto fault = static_cast<CommitFault>(random() % 10 < 4 ? random() % 4 : 0);
      faults += fault != CommitFault::kNone;
      return fault;
    };
    options.fetch_stalls = [&] { return random() % 3 == 0; };
    MemoryWorld world(options);
    FillWorld(seed, &world);
    ManualClock clock(now_.Now());
    int lives = 0;
    for (bool finished = false; !finished; ++lives) {
      ASSERT_LT(lives, 2000);
      Process::Setup setup{static_cast<int>(1 + random() % 3), EagerOptions(), {}};
      setup.worker.commit_interval = Duration();
      setup.task.fetch_records = 1 + random() % 7;
      setup.task.slice_inputs = 1 + random() % 40;
      setup.task.load_ahead_timers = 1 + random() % 5;
      Process process(&world, &clock, rules_.get(), &observer_, setup);
      // Dies with open work after some turns, unless it is the last life.
      const uint32_t turns = random() % 60;
      for (uint32_t turn = 0; turn < turns; ++turn) ASSERT_TRUE(process.Turn().ok());
      finished = lives > 40;
      if (finished) process.Settle();
    }
    EXPECT_GT(faults, 10);
    const Outcome outcome = Collect(&world);
    EXPECT_EQ(outcome.actions, expected.actions);
    EXPECT_EQ(outcome.dead_letters, expected.dead_letters);
    EXPECT_EQ(outcome.records, expected.records);
    EXPECT_EQ(outcome.suppressions, expected.suppressions);
  }
}

INSTANTIATE_TEST_SUITE_P(Keeping, HostileTest,
                         ::testing::Values(StateKeeping::kWithCommit, StateKeeping::kChangelog),
                         [](const auto& keeping) {
                           return keeping.param == StateKeeping::kChangelog ? "Changelog"
                                                                            : "WithCommit";
                         });

}  // namespace
}  // namespace sojourn::runtime
