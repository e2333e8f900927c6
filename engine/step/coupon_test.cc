#include <set>

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

TEST(CouponTest, APartitionTakesItsShareOfListedCodes) {
  Driver driver(Pool("codes: [a, b, c, d, e]\n"));
  driver.partition.partition = Partition(1);
  driver.partition.partition_count = 2;
  for (int i = 0; i < 3; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  EXPECT_EQ(Codes(driver), (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(driver.Count(FactKind::kSkipped, "coupon_empty"), 1);
  EXPECT_EQ(driver.person.runs.size(), 3u);  // it went on without
  EXPECT_EQ(driver.partition.coupons_taken.at("p"), 2u);
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
