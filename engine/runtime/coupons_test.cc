// Listed codes and their counts amid commits that fail, refused steps and restores.
#include "engine/base/limits.h"
#include "engine/runtime/pool_uses.h"
#include "engine/runtime/task.h"
#include "engine/runtime/test_support.h"

namespace sojourn::runtime {
namespace {

using model::Value;

Files CouponRules() {
  Files files = ShopRules();
  files["journeys/gift.yaml"] =
      "journey: gift\ntrigger: {event: Gift}\none_run_per: event.key\n"
      "steps:\n  - coupon: {pool: winback}\n  - wait: 1 day\n"
      "  - webhook: {url: https://shop.example, data: {padding: trigger.padding}}\n";
  return files;
}

class CouponsTest : public ::testing::TestWithParam<StateKeeping> {
 protected:
  void MakeWorld(std::vector<CommitFault> faults = {}) {
    faults_ = std::move(faults);
    MemoryWorldOptions options;
    options.keeping = GetParam();
    options.next_fault = [this] {
      if (faults_.empty()) return CommitFault::kNone;
      const CommitFault fault = faults_.front();
      faults_.erase(faults_.begin());
      return fault;
    };
    world_ = std::make_unique<MemoryWorld>(options);
  }
  void Gift(const std::string& person, const std::string& key, const std::string& padding = "") {
    const Timestamp at = Start() + Seconds(++second_);
    world_->Append(0, person,
                   EventBytes(person, "Gift", at,
                              {{"key", Value::String(key)}, {"padding", Value::String(padding)}}),
                   at);
  }
  void Run(bool held = false) {
    clock_.Set(Start() + Hours(1));
    Process process(world_.get(), &clock_, rules_.get(), &observer_,
                    {.worker = EagerOptions(), .hold_coupon_lists = held});
    process.Settle();
  }
  Lines Codes() const {
    Lines codes;
    for (const model::Action& action : world_->Actions()) codes.push_back(action.coupon.code);
    return codes;
  }

  ManualClock clock_{Start()};
  Observer observer_;
  std::unique_ptr<RulesSource> rules_ = RulesSource::Fixed(LoadRules(CouponRules()));
  std::vector<CommitFault> faults_;
  std::unique_ptr<MemoryWorld> world_;
  int second_ = 0;
};

// What an undone interval gave is given again in the next, and only what is committed is taken.
TEST_P(CouponsTest, AnAbortedOrUncertainCommitTakesNoCode) {
  for (const CommitFault fault :
       {CommitFault::kRolledBack, CommitFault::kUncertainLost, CommitFault::kUncertainApplied}) {
    MakeWorld({fault, CommitFault::kNone, fault, fault});
    for (int i = 0; i < 3; ++i) Gift("u" + std::to_string(i), "a");
    Run();
    EXPECT_EQ(Codes(), (Lines{"A1", "A2", "A3"}));
    for (int i = 0; i < 3; ++i) Gift("u" + std::to_string(i), "b");
    Run();
    EXPECT_EQ(Codes(), (Lines{"A1", "A2", "A3", "A4", "A5", "A6"}));
  }
}

// A person who has no room for another run is given no code; the next one gets it.
TEST_P(CouponsTest, ARefusedStepTakesNoCode) {
  MakeWorld();
  const std::string padding(kMaxEventBytes - 4096, 'x');
  for (int i = 0; i < 3; ++i) Gift("large", std::to_string(i), padding);
  Gift("small", "a");
  Run();
  ASSERT_FALSE(world_->DeadLetters().empty());
  const size_t given = Codes().size();
  ASSERT_LT(given, 4u);
  const Lines all = {"A1", "A2", "A3", "A4"};
  EXPECT_EQ(Codes(), Lines(all.begin(), all.begin() + static_cast<ptrdiff_t>(given)));
  EXPECT_EQ(world_->Actions().back().person, "small");
}

TEST_P(CouponsTest, WhileListsAreHeldNoCodeIsGiven) {
  MakeWorld();
  Gift("u1", "a");
  Run(/*held=*/true);
  EXPECT_TRUE(Codes().empty());
  Gift("u1", "b");
  Run();
  EXPECT_EQ(Codes(), (Lines{"A1"}));
}

INSTANTIATE_TEST_SUITE_P(BothWays, CouponsTest,
                         ::testing::Values(StateKeeping::kWithCommit, StateKeeping::kChangelog));

TEST(PoolUsesTest, TheSearchGoesOnWhereNothingCameBack) {
  step::PartitionState state;
  step::PoolUse& use = state.pools["p"];
  use.taken = model::TakenCodes({1, 2});
  use.sources = {{"j", "", 2}};
  use.search = {7, 40, {100, 60}};
  const std::vector<store::PoolUse> committed = PoolUsesOf(state);
  use.sources[0].redeemed = 1;
  RestorePools(committed, &state);
  EXPECT_EQ(use.search.next, 40u);
  EXPECT_EQ(use.sources, (std::vector<model::CouponSource>{{"j", "", 2}}));
  ASSERT_TRUE(use.taken.Take(3));
  RestorePools(committed, &state);
  EXPECT_EQ(use.search.list, 0u);
  EXPECT_FALSE(use.taken.Has(3));
  EXPECT_TRUE(use.taken.Has(2));
}

}  // namespace
}  // namespace sojourn::runtime
