#include <set>

#include "engine/base/limits.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::FactKind;
using model::Value;

Files Pool(const std::string& pool) {
  return With({{"coupons/p.yaml", "coupon_pool: p\n" + pool}, {"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
one_run_per: event.key
steps: [{coupon: {pool: p}}, {wait: 1 day}]
)"}});
}

std::vector<std::string> Codes(const Driver& driver) {
  std::vector<std::string> codes;
  for (const model::Action& action : driver.output.actions) codes.push_back(action.coupon.code);
  return codes;
}

TEST(CouponTest, GeneratedCodesDifferByRunAndRepeatOnReplay) {
  std::set<std::string> all;
  std::vector<std::string> first;
  for (int replay = 0; replay < 2; ++replay) {
    Driver driver(Pool("generate: {prefix: \"P-\", length: 6}\n"));
    for (int i = 0; i < 5; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
    const std::vector<std::string> codes = Codes(driver);
    if (replay == 0) first = codes;
    EXPECT_EQ(codes, first);
    for (const std::string& code : codes) {
      EXPECT_EQ(code.size(), 8u);
      EXPECT_EQ(code.substr(0, 2), "P-");
      all.insert(code);
    }
  }
  EXPECT_EQ(all.size(), 5u);
}

std::string Listed(int from, int to) {
  std::string codes;
  for (int i = from; i < to; ++i) codes += (codes.empty() ? "c" : ", c") + std::to_string(i);
  return "codes: [" + codes + "]\n";
}

// Asks for `count` codes of the pool as it is now; of each run key there is one.
void Ask(Driver* driver, const std::string& pool, int count) {
  driver->Use({Load(Pool(pool))});
  const auto asked = static_cast<int>(driver->offset);
  for (int i = asked; i < asked + count; ++i) {
    driver->Apply("Go", Hours(25 * i), {{"key", Value::Int(i)}});
  }
}

TEST(CouponTest, EachListedCodeIsOfOnePartition) {
  std::multiset<std::string> given;
  for (int partition = 0; partition < 4; ++partition) {
    Driver driver(Pool(Listed(0, 100)));
    driver.partition.partition = Partition(partition);
    driver.partition.partition_count = 4;
    Ask(&driver, Listed(0, 100), 101);
    const std::vector<std::string> codes = Codes(driver);
    EXPECT_GT(codes.size(), 10u);
    EXPECT_EQ(driver.Count(FactKind::kSkipped, "coupon_empty"),
              101 - static_cast<int>(codes.size()));
    EXPECT_FALSE(driver.person.runs.empty());  // they went on without
    given.insert(codes.begin(), codes.end());
  }
  EXPECT_EQ(given.size(), 100u);
  EXPECT_EQ(std::set<std::string>(given.begin(), given.end()).size(), 100u);
}

TEST(CouponTest, AnEditedListGivesNoCodeTwiceAndNewOnesOut) {
  Driver driver(Pool(Listed(10, 20)));
  Ask(&driver, Listed(10, 20), 5);
  Ask(&driver, Listed(5, 20), 8);   // codes put before
  Ask(&driver, Listed(30, 33), 4);  // others instead; one too many
  Ask(&driver, Listed(0, 35), 18);  // all of them, and some more
  const std::vector<std::string> codes = Codes(driver);
  EXPECT_EQ(codes.size(), 5u + 8u + 3u + 18u);
  EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), codes.size());
  EXPECT_EQ(codes[0], "c10");
  EXPECT_EQ(codes[5], "c5");
  EXPECT_EQ(driver.Count(FactKind::kSkipped, "coupon_empty"), 1);
}

TEST(CouponTest, WhatCannotBeRememberedIsNotGiven) {
  Driver driver(Pool("codes: [a, b, c]\n"));
  std::vector<uint64_t> others(kMaxTakenCodes - 2);
  for (size_t i = 0; i < others.size(); ++i) others[i] = i << 32 | 1;
  driver.partition.pools["other"].taken = model::TakenCodes(std::move(others));
  Ask(&driver, "codes: [a, b, c]\n", 3);
  EXPECT_EQ(Codes(driver), (std::vector<std::string>{"a", "b"}));
}

// Every partition has given `given` codes, counted as in earlier versions.
TEST(CouponTest, CountedCodesAreNotGivenAgain) {
  for (const int partition_count : {1, 3}) {
    std::set<std::string> left;
    for (int partition = 0; partition < partition_count; ++partition) {
      Driver driver(Pool(Listed(0, 90)));
      driver.partition.partition = Partition(partition);
      driver.partition.partition_count = partition_count;
      AdoptCountedCoupons(driver.rules->current(), {{"p", 5}}, &driver.partition);
      Ask(&driver, Listed(0, 90), 90);
      for (const std::string& code : Codes(driver)) {
        EXPECT_GE(std::stoi(code.substr(1)), 5 * partition_count);
        EXPECT_TRUE(left.insert(code).second);
      }
    }
    EXPECT_GT(left.size(), 10u);
    if (partition_count == 1) {
      EXPECT_EQ(left.size(), 85u);
    }
  }
}

TEST(CouponTest, WhatIsLeftOfTheShareIsKnown) {
  size_t left = 0;
  for (int partition = 0; partition < 4; ++partition) {
    Driver driver(Pool(Listed(0, 100)));
    driver.partition.partition = Partition(partition);
    driver.partition.partition_count = 4;
    const auto now = [&] {
      return ShareOf(*driver.rules->current().pools[0], &driver.partition).left;
    };
    const size_t share = now();
    EXPECT_EQ(ShareOf(*driver.rules->current().pools[0], &driver.partition).codes, share);
    left += share;
    Ask(&driver, Listed(0, 100), 3);
    EXPECT_EQ(now(), share - 3);
    EXPECT_EQ(ShareOf(*driver.rules->current().pools[0], &driver.partition).codes, share);
    driver.Use({Load(Pool(Listed(0, 200)))});
    const size_t refilled = now();
    EXPECT_GT(refilled, share);
    Ask(&driver, Listed(0, 200), 2);
    EXPECT_EQ(now(), refilled - 2);
  }
  EXPECT_EQ(left, 100u);
}

// A run that follows an older revision of its journey takes from the pool as it is now.
TEST(CouponTest, ARefillReachesRunsOnOlderRules) {
  const auto rules = [](const std::string& codes, const std::string& wait) {
    return With({{"coupons/p.yaml", "coupon_pool: p\ncodes: " + codes},
                 {"journeys/j.yaml",
                  "journey: j\ntrigger: {event: Go}\none_run_per: event.key\n"
                  "steps: [{wait: " +
                      wait + "}, {coupon: {pool: p}}]\n"}});
  };
  const auto before = Load(rules("[a]\n", "1 hour"), 1);
  Driver driver({before});
  for (int i = 0; i < 2; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  driver.Use({Load(rules("[a, b]\n", "2 hours"), 2), before});
  driver.Apply("Other", Hours(1) + Seconds(10));
  EXPECT_EQ(Codes(driver), (std::vector<std::string>{"a", "b"}));
}

TEST(CouponTest, AnEmptyPoolCanEndTheRun) {
  Driver driver(Pool("codes: [a]\non_empty: exit\n"));
  for (int i = 0; i < 2; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  EXPECT_EQ(Codes(driver), (std::vector<std::string>{"a"}));
  EXPECT_EQ(driver.person.runs.size(), 1u);
}

TEST(CouponTest, AStaticCodeIsForEverybody) {
  Driver driver(Pool("static: WELCOME10\n"));
  for (int i = 0; i < 2; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  EXPECT_EQ(Codes(driver), (std::vector<std::string>{"WELCOME10", "WELCOME10"}));
}

}  // namespace
}  // namespace sojourn::step
