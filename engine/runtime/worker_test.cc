#include "engine/runtime/worker.h"

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "engine/runtime/test_support.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

using model::Value;

// Bundles in memory.
class MemoryBundles final : public BundleStore {
 public:
  Result<std::vector<StoredBundle>> ReadAll() override { return bundles_; }
  Result<uint32_t> Append(const Files& files) override {
    if (bundles_.empty() || bundles_.back().files != files) {
      bundles_.push_back({static_cast<uint32_t>(bundles_.size() + 1), files});
    }
    return bundles_.back().number;
  }

 private:
  std::vector<StoredBundle> bundles_;
};

class CountingObserver final : public Observer {
 public:
  void OnCommitted(const CommitReport& report) override {
    records += report.records;
    actions += static_cast<int64_t>(report.actions.size());
  }
  void OnRolledBack(Partition, CommitOutcome, const Status&) override { ++rollbacks; }
  void OnRulesSwitched(Partition, uint32_t bundle) override { switched_to = bundle; }
  void OnGauges(const PartitionGauges& gauges) override {
    upgrading = gauges.upgrading;
    ++gauge_reports;
  }

  std::atomic<int64_t> records = 0;
  std::atomic<int64_t> actions = 0;
  std::atomic<int> rollbacks = 0;
  std::atomic<int> gauge_reports = 0;
  std::atomic<uint32_t> switched_to = 0;
  std::atomic<bool> upgrading = false;
};

void AddPurchase(MemoryWorld* world, const std::string& person, Timestamp at) {
  world->Append(
      0, person,
      EventBytes(person, "Identify", at, {{"email", Value::String(person + "@shop.example")}}), at);
  world->Append(0, person, EventBytes(person, "Order Completed", at), at);
}

bool WaitUntil(const std::function<bool()>& reached) {
  for (int i = 0; i < 3000 && !reached(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return reached();
}

// Workers on threads of their own while records arrive, rules change and commits fail.
TEST(WorkerTest, WorkersShareTheWorldAndTheRules) {
  ManualClock clock(Start() + Days(1));
  MemoryBundles bundles;
  auto rules = RulesSource::Open(&bundles);
  ASSERT_TRUE(rules.ok());
  ASSERT_EQ((*rules)->Offer(ShopRules(), false)->outcome, RulesSource::OfferOutcome::kSwitched);
  MemoryWorldOptions options;
  options.partition_count = 4;
  int commits = 0;  // the world's lock guards it
  options.next_fault = [&] {
    ++commits;
    return commits % 7 == 3   ? CommitFault::kRolledBack
           : commits % 7 == 5 ? CommitFault::kUncertainApplied
                              : CommitFault::kNone;
  };
  MemoryWorld world(options);
  CountingObserver observer;
  Process::Setup setup{2, EagerOptions(), {}};
  setup.worker.gauge_interval = Milliseconds(5);
  setup.worker.max_poll = Milliseconds(5);
  Process process(&world, &clock, rules->get(), &observer, setup);
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (size_t i = 0; i < process.size(); ++i) {
    threads.emplace_back([&, i] { failures += !process.worker(i).Run().ok(); });
  }
  constexpr int kPersons = 200;
  for (int i = 0; i < kPersons; ++i) {
    AddPurchase(&world, "u" + std::to_string(i), Start());
    if (i == kPersons / 2) {
      Files changed = ShopRules();
      changed["journeys/more.yaml"] =
          "journey: more\ntrigger: {event: Order Completed}\nsteps:\n  - send_email: come-back\n";
      EXPECT_EQ((*rules)->Offer(changed, true)->outcome, RulesSource::OfferOutcome::kSwitched);
    }
    if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const auto thanked = [&] {
    int64_t count = 0;
    for (const model::Action& action : world.Actions()) count += action.journey == "thanks";
    return count;
  };
  EXPECT_TRUE(WaitUntil([&] { return thanked() == kPersons && observer.switched_to == 2u; }));
  EXPECT_TRUE(WaitUntil([&] { return !observer.upgrading; }));
  for (size_t i = 0; i < process.size(); ++i) process.worker(i).Stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(thanked(), kPersons);
  EXPECT_GT(observer.rollbacks, 0);
  EXPECT_GT(observer.gauge_reports, 0);
  std::set<std::string> ids;
  for (const model::Action& action : world.Actions()) ids.insert(action.id);
  EXPECT_EQ(ids.size(), world.Actions().size());
  EXPECT_EQ(world.Records().size(), static_cast<size_t>(kPersons));
}

TEST(WorkerTest, WhileHaltedNothingIsTakenAndNoTimerFires) {
  ManualClock clock(Start() + Days(1));
  auto rules = RulesSource::Fixed(LoadRules(ShopRules()));
  MemoryWorld world({});
  Observer observer;
  WorkerOptions lazy = EagerOptions();
  lazy.commit_when_idle = false;
  lazy.commit_interval = Hours(1);  // only what is said below makes it commit
  Process process(&world, &clock, rules.get(), &observer, {1, lazy, {}});
  Worker& worker = process.worker(0);
  const auto turn = [&](int times) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(worker.RunOnce(Duration()).ok());
  };
  AddPurchase(&world, "u1", Start());
  turn(5);
  EXPECT_EQ(world.Actions().size(), 0u);
  worker.Halt(true);
  turn(1);
  EXPECT_EQ(world.Actions().size(), 1u);  // what was done by then is committed
  AddPurchase(&world, "u2", Start());
  clock.Set(Start() + Days(100));  // u1 has lapsed
  turn(5);
  EXPECT_EQ(world.Actions().size(), 1u);
  EXPECT_TRUE(worker.ready());
  worker.Halt(false);
  turn(5);
  ASSERT_TRUE(worker.CommitAll().ok());
  EXPECT_EQ(world.Actions().size(), 6u);  // u2's thanks, and for each a coupon and a mail
}

TEST(WorkerTest, ANewSegmentReachesKnownPeopleInTheBackgroundAndSilently) {
  ManualClock clock(Start() + Days(1));
  MemoryBundles bundles;
  auto rules = RulesSource::Open(&bundles);
  ASSERT_TRUE(rules.ok());
  ASSERT_TRUE((*rules)->Offer(ShopRules(), false).ok());
  MemoryWorld world({});
  for (int i = 0; i < 50; ++i) AddPurchase(&world, "u" + std::to_string(i), Start());
  CountingObserver observer;
  Process::Setup setup{1, EagerOptions(), {}};
  setup.task.upgrade_slice_persons = 8;
  Process process(&world, &clock, rules->get(), &observer, setup);
  process.Settle();
  ASSERT_EQ(world.Actions().size(), 50u);

  Files changed = ShopRules();
  changed["segments/recent.yaml"] =
      "segment: recent\nwhere: now - last(\"Order Completed\") <= days(10)\n";
  changed["journeys/recent.yaml"] =
      "journey: recent\ntrigger: {leaves_segment: recent}\nsteps:\n  - send_email: come-back\n";
  ASSERT_EQ((*rules)->Offer(changed, true)->outcome, RulesSource::OfferOutcome::kSwitched);
  process.Settle();
  EXPECT_EQ(observer.switched_to, 2u);
  EXPECT_EQ(world.Actions().size(), 50u);  // the pass itself makes no entries
  for (const auto& [key, record] : world.Records()) EXPECT_EQ(store::RecordBundle(record), 2u);

  clock.Set(Start() + Days(11));
  process.Settle();
  const auto actions = world.Actions();
  ASSERT_EQ(actions.size(), 100u);
  EXPECT_EQ(actions.back().time, Start() + Days(10) + Milliseconds(1));
}

TEST(WorkerTest, WhatIsDueAtTheVeryMomentOfAChangeStillHappens) {
  ManualClock clock(Start() + Days(1));
  MemoryBundles bundles;
  auto rules = RulesSource::Open(&bundles);
  ASSERT_TRUE(rules.ok());
  ASSERT_TRUE((*rules)->Offer(ShopRules(), false).ok());
  MemoryWorld world({});
  AddPurchase(&world, "u1", Start());
  Observer observer;
  const Process::Setup setup{1, EagerOptions(), {}};
  Process process(&world, &clock, rules->get(), &observer, setup);
  process.Settle();
  // Time has come to the moment at which they are lapsed, but is not over it.
  const Timestamp lapsed = Start() + Days(90) + Milliseconds(1);
  clock.Set(lapsed + setup.task.watermark_slack);
  process.Settle();
  ASSERT_EQ(world.Actions().size(), 1u);
  Files changed = ShopRules();
  changed["company.yaml"] += "currency: EUR\n";
  ASSERT_EQ((*rules)->Offer(changed, true)->outcome, RulesSource::OfferOutcome::kSwitched);
  process.Settle();
  clock.Set(lapsed + Days(1));
  process.Settle();
  ASSERT_EQ(world.Actions().size(), 3u);  // a coupon and a mail
  EXPECT_EQ(world.Actions().back().time, lapsed);
}

TEST(WorkerTest, ExistingMembersEnterWhenAJourneyIsFirstLoadedAndNeverAgain) {
  ManualClock clock(Start() + Days(100));
  MemoryBundles bundles;
  auto rules = RulesSource::Open(&bundles);
  ASSERT_TRUE(rules.ok());
  ASSERT_TRUE((*rules)->Offer(ShopRules(), false).ok());
  MemoryWorld world({});
  for (int i = 0; i < 3; ++i) AddPurchase(&world, "u" + std::to_string(i), Start());
  Observer observer;
  Process process(&world, &clock, rules->get(), &observer, {1, EagerOptions(), {}});
  process.Settle();
  const size_t before = world.Actions().size();

  // One file more, and nothing else.
  Files more = ShopRules();
  more["journeys/more.yaml"] =
      "journey: more\ntrigger: {enters_segment: lapsed, existing: enter}\n"
      "steps:\n  - send_email: thank-you\n";
  const auto offer = [&](const Files& files) {
    EXPECT_EQ((*rules)->Offer(files, true)->outcome, RulesSource::OfferOutcome::kSwitched);
    process.Settle();
    clock.Set(clock.Now() + Hours(1));
    process.Settle();
  };
  offer(more);
  const auto actions = world.Actions();
  ASSERT_EQ(actions.size(), before + 3);
  EXPECT_EQ(actions.back().journey, "more");

  // It goes and comes back, in another edition even.
  offer(ShopRules());
  offer(more);
  offer(ShopRules());
  more["journeys/more.yaml"] += "  - wait: 1 day\n";
  offer(more);
  EXPECT_EQ(world.Actions().size(), before + 3);
}

// Keeps an eye on the stores that it opens.
class WatchingKeeper final : public StateKeeper {
 public:
  explicit WatchingKeeper(StateKeeper* keeper) : keeper_(keeper) {}
  Result<OpenedPartition> Open(Partition partition) override {
    auto opened = keeper_->Open(partition);
    if (opened.ok()) store = opened->store.get();
    return opened;
  }
  store::PartitionStore* store = nullptr;

 private:
  StateKeeper* const keeper_;
};

TEST(WorkerTest, NothingCommittedIsLeftUnflushedAtTheStop) {
  ManualClock clock(Start() + Days(1));
  auto rules = RulesSource::Fixed(LoadRules(ShopRules()));
  MemoryWorldOptions options;
  options.keeping = StateKeeping::kChangelog;
  options.flush_every_commits = 1000;
  MemoryWorld world(options);
  AddPurchase(&world, "u1", Start());
  const auto ports = world.MakeWorkerPorts(0, 1);
  FormatDecoder decoder({model::EventFormat::kProtobuf});
  step::Secrets secrets;
  Observer observer;
  TaskEnvironment environment;
  environment.log = ports.input.get();
  environment.decoder = &decoder;
  environment.clock = &clock;
  environment.rules = rules.get();
  environment.secrets = &secrets;
  environment.observer = &observer;
  WatchingKeeper keeper(ports.keeper.get());
  Worker worker(EagerOptions(), environment, ports.committer.get(), &keeper);
  for (int turn = 0; turn < 5; ++turn) ASSERT_TRUE(worker.RunOnce(Duration()).ok());
  ASSERT_NE(keeper.store, nullptr);
  EXPECT_GT(keeper.store->unflushed_count(), 0u);
  worker.Stop();
  ASSERT_TRUE(worker.Run().ok());
  EXPECT_EQ(keeper.store->unflushed_count(), 0u);
}

// Takes the partitions away while they are opened.
class LosingKeeper final : public StateKeeper {
 public:
  Result<OpenedPartition> Open(Partition) override { return Aborted("not ours any more"); }
};

class AssignmentCounter final : public Observer {
 public:
  void OnAssigned(Partition) override { ++assigned; }
  void OnReleased(Partition) override { ++released; }
  int assigned = 0;
  int released = 0;
};

TEST(WorkerTest, PartitionsThatAreLostWhileTheyAreOpenedAreReleased) {
  ManualClock clock(Start());
  auto rules = RulesSource::Fixed(LoadRules(ShopRules()));
  MemoryWorld world(MemoryWorldOptions{.partition_count = 3});
  const auto ports = world.MakeWorkerPorts(0, 1);
  FormatDecoder decoder({model::EventFormat::kProtobuf});
  step::Secrets secrets;
  AssignmentCounter observer;
  TaskEnvironment environment;
  environment.log = ports.input.get();
  environment.decoder = &decoder;
  environment.clock = &clock;
  environment.rules = rules.get();
  environment.secrets = &secrets;
  environment.observer = &observer;
  LosingKeeper keeper;
  Worker worker(EagerOptions(), environment, ports.committer.get(), &keeper);
  ASSERT_TRUE(worker.RunOnce(Duration()).ok());
  EXPECT_FALSE(worker.ready());
  EXPECT_EQ(observer.assigned, 3);
  EXPECT_EQ(observer.released, 3);
}

TEST(RulesSourceTest, ARestartGoesOnWithTheNewestBundleNotWithAnOldCopy) {
  MemoryBundles bundles;
  Files newer = ShopRules();
  newer["company.yaml"] += "currency: EUR\n";
  {
    auto rules = RulesSource::Open(&bundles);
    ASSERT_TRUE(rules.ok());
    EXPECT_EQ((*rules)->current(), nullptr);
    ASSERT_TRUE((*rules)->Offer(ShopRules(), false).ok());
    ASSERT_TRUE((*rules)->Offer(newer, true).ok());
  }
  auto rules = RulesSource::Open(&bundles);
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ((*rules)->current()->current().number, 2u);
  EXPECT_EQ((*rules)->Offer(newer, false)->outcome, RulesSource::OfferOutcome::kUnchanged);
  EXPECT_EQ((*rules)->Offer(ShopRules(), false)->outcome, RulesSource::OfferOutcome::kOlder);
  EXPECT_EQ((*rules)->current()->current().number, 2u);
  EXPECT_EQ((*rules)->Offer(ShopRules(), true)->outcome, RulesSource::OfferOutcome::kSwitched);
  EXPECT_EQ((*rules)->current()->current().number, 3u);

  const auto refused = (*rules)->Offer({{"company.yaml", "compani: x\n"}}, true);
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->outcome, RulesSource::OfferOutcome::kRefused);
  EXPECT_FALSE(refused->diagnostics.empty());
  EXPECT_EQ(refused->number, 3u);
  EXPECT_EQ((*rules)->CatchUp(9).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(bundles.Append(newer).ok());  // by another instance
  EXPECT_TRUE((*rules)->CatchUp(4).ok());
  EXPECT_EQ((*rules)->current()->current().number, 4u);
}

}  // namespace
}  // namespace sojourn::runtime
