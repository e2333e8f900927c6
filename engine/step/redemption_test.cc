#include <cstring>
#include <vector>

#include "engine/base/limits.h"
#include "engine/model/coupon_bytes.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::FactKind;
using model::Value;

constexpr char kJourney[] = R"(
journey: j
trigger: {event: Go}
one_run_per: event.key
steps:
  - ab_test: offer
    paths:
      - {name: only, percent: 100, steps: [{coupon: {pool: p, expires_after: 2 days}}]}
  - wait: 30 days
)";
// One run for each redemption, which tells what the event holds.
constexpr char kWatcher[] = R"(
journey: watcher
trigger: {event: Coupon Redeemed}
one_run_per: event.order_id
steps:
  - webhook:
      url: https://shop.example/redeemed
      data:
        what: 'event.pool + " " + event.code + " " + event.journey + " " + event.step + " " + event.path'
        paid: event.total
        late: event.expired
        again: event.again
)";

Files Shop(const std::string& pool, const std::string& company = "") {
  return With({{"company.yaml", "company: Shop\n" + company},
               {"coupons/p.yaml", "coupon_pool: p\n" + pool},
               {"journeys/j.yaml", kJourney},
               {"journeys/watcher.yaml", kWatcher}});
}

void Order(Driver* driver, Duration at, const std::string& id, const Value& coupon,
           const char* name = "Order Completed") {
  driver->Apply(name, at,
                {{"order_id", Value::String(id)}, {"total", Value::Int(40)}, {"coupon", coupon}});
}

std::vector<std::string> Redemptions(const Driver& driver) {
  std::vector<std::string> told;
  for (const model::Action& action : driver.output.actions) {
    if (action.kind == model::ActionKind::kWebhook) told.push_back(action.values_json);
  }
  return told;
}

const model::CouponSource& OnlySource(const Driver& driver) {
  const auto& sources = driver.partition.pools.at("p").sources;
  EXPECT_EQ(sources.size(), 1u);
  return sources.at(0);
}

TEST(RedemptionTest, AnOrderIsAttributedToJourneyStepAndPath) {
  Driver driver(Shop("codes: [SPRING-1, SPRING-2]\n"));
  driver.Apply("Go", Hours(0), {{"key", Value::Int(1)}});
  ASSERT_EQ(driver.person.coupons.size(), 1u);
  const model::HeldCoupon& held = driver.person.coupons[0];
  EXPECT_EQ(held.code, "SPRING-1");
  EXPECT_EQ(held.path, "offer.only");
  EXPECT_EQ(held.expires_at, held.allotted_at + Days(2));
  Order(&driver, Hours(5), "o1", Value::String("  spring-1\n"));
  const std::vector<std::string> told = Redemptions(driver);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("p SPRING-1 j "), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("offer.only"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("\"paid\":40"), std::string::npos) << told[0];
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "redeemed"), 1);
  const model::CouponSource& source = OnlySource(driver);
  EXPECT_EQ(source, (model::CouponSource{"j", "offer.only", 1, 1, 0, 40.0}));
}

TEST(RedemptionTest, ACodeIsRedeemedOnceAndThenAgain) {
  Driver driver(Shop("codes: [SPRING-1]\n"));
  driver.Apply("Go", Hours(0), {{"key", Value::Int(1)}});
  Order(&driver, Hours(1), "o1", Value::String("SPRING-1"));
  Order(&driver, Hours(2), "o2", Value::String("SPRING-1"));
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "redeemed"), 1);
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "again"), 1);
  EXPECT_EQ(OnlySource(driver).redeemed, 1u);
  EXPECT_EQ(OnlySource(driver).total, 40.0);
  const std::vector<std::string> told = Redemptions(driver);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_NE(told[1].find("\"again\":true"), std::string::npos) << told[1];
}

TEST(RedemptionTest, AfterItsExpiryACodeCountsApart) {
  Driver driver(Shop("codes: [SPRING-1]\n"));
  driver.Apply("Go", Hours(0), {{"key", Value::Int(1)}});
  Order(&driver, Hours(48), "o1", Value::String("SPRING-1"));
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "expired"), 1);
  EXPECT_EQ(OnlySource(driver), (model::CouponSource{"j", "offer.only", 1, 0, 1, 0.0}));
  EXPECT_NE(Redemptions(driver).at(0).find("\"late\":true"), std::string::npos);
}

TEST(RedemptionTest, CodesOfOthersAreUnknown) {
  Driver driver(Shop("codes: [SPRING-1]\n"));
  Order(&driver, Hours(1), "o1", Value::String("SPRING-1"));  // nobody has given it
  Order(&driver, Hours(2), "o2", Value::String(""));
  Order(&driver, Hours(3), "o3", Value::Int(7));
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "unknown"), 1);
  EXPECT_TRUE(Redemptions(driver).empty());
}

TEST(RedemptionTest, TheCompanySaysWhichEventTells) {
  Driver driver(Shop("codes: [SPRING-1, SPRING-2]\n",
                     "coupon_redemption: {event: Paid, property: codes, total: sum}\n"));
  for (int i = 0; i < 2; ++i) driver.Apply("Go", Hours(i), {{"key", Value::Int(i)}});
  Order(&driver, Hours(3), "o1", Value::String("SPRING-1"));  // the default one says nothing
  const Value codes[] = {Value::String("SPRING-1"), Value::String("x"), Value::String("SPRING-2")};
  driver.Apply("Paid", Hours(4),
               {{"order_id", Value::String("o2")},
                {"sum", Value::Double(12.5)},
                {"codes", Value::List(codes, 3)}});
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "redeemed"), 2);
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "unknown"), 1);
  EXPECT_EQ(OnlySource(driver).total, 25.0);
}

TEST(RedemptionTest, OfAStaticCodeTheNewestThatIsOpenIsMeant) {
  Driver driver(Shop("static: WELCOME\n"));
  for (int i = 0; i < 3; ++i) driver.Apply("Go", Hours(i), {{"key", Value::Int(i)}});
  Order(&driver, Hours(4), "o1", Value::String("welcome"));
  const auto& coupons = driver.person.coupons;
  ASSERT_EQ(coupons.size(), 3u);
  EXPECT_EQ(coupons[0].redeemed_at, Timestamp::Max());
  EXPECT_EQ(coupons[1].redeemed_at, Timestamp::Max());
  EXPECT_NE(coupons[2].redeemed_at, Timestamp::Max());
  Order(&driver, Hours(5), "o2", Value::String("welcome"));
  EXPECT_NE(coupons[1].redeemed_at, Timestamp::Max());
  EXPECT_EQ(OnlySource(driver).redeemed, 2u);
}

TEST(RedemptionTest, OnlyTheNewestCouponsAreKept) {
  Driver driver(Shop("generate: {prefix: \"P-\"}\n"));
  const int count = static_cast<int>(kMaxHeldCoupons) + 2;
  for (int i = 0; i < count; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  ASSERT_EQ(driver.person.coupons.size(), kMaxHeldCoupons);
  EXPECT_EQ(OnlySource(driver).allotted, static_cast<uint64_t>(count));
  std::vector<std::string> codes;
  for (const model::Action& action : driver.output.actions) codes.push_back(action.coupon.code);
  EXPECT_EQ(driver.person.coupons[0].code, codes[2]);
  Order(&driver, Hours(1), "o1", Value::String(codes[1]));
  EXPECT_EQ(driver.Count(FactKind::kCouponRedeemed, "unknown"), 1);
}

TEST(RedemptionTest, AnExpiredPoolGivesNothing) {
  Driver driver(Shop("codes: [SPRING-1]\nexpires_at: \"2026-03-02T12:00:00Z\"\n"));
  driver.Apply("Go", Hours(1), {{"key", Value::Int(1)}});
  ASSERT_EQ(driver.person.coupons.size(), 1u);
  EXPECT_EQ(driver.person.coupons[0].expires_at, Start() + Hours(3));  // before 2 days
  driver.Apply("Go", Hours(3), {{"key", Value::Int(2)}});
  EXPECT_EQ(driver.Count(FactKind::kSkipped, "coupon_expired"), 1);
  EXPECT_EQ(driver.person.coupons.size(), 1u);
}

// A pool's sources are counted apart while the partition's record has room for their names.
TEST(RedemptionTest, TheNamesOfSourcesAreLimitedInBytes) {
  for (const size_t missing : {0u, 1u}) {
    Driver driver(Shop("static: WELCOME\n"));
    const size_t fixed = model::MostBytes("p", {}) + model::MostBytes("old", {}) +
                         2 * model::MostBytes(model::CouponSource()) + 2 +
                         std::strlen("offer.only");
    driver.partition.pools["old"].sources = {
        {"i", std::string(kMaxCouponUseBytes - fixed + missing, 'x')}};
    for (int i = 0; i < 2; ++i) driver.Apply("Go", Hours(i), {{"key", Value::Int(i)}});
    const model::CouponSource& source = OnlySource(driver);
    EXPECT_EQ(source.journey, missing == 0 ? "j" : "");
    EXPECT_EQ(source.path, missing == 0 ? "offer.only" : "");
    EXPECT_EQ(source.allotted, 2u);
  }
}

// Pools beyond it are counted together, and listed ones give nothing that could not be remembered.
TEST(RedemptionTest, ThePoolsAreLimitedInBytes) {
  for (const size_t missing : {0u, 1u}) {
    for (const bool list : {false, true}) {
      Driver driver(Shop(list ? "codes: [SPRING-1]\n" : "static: WELCOME\n"));
      const std::string name(
          kMaxCouponUseBytes - model::MostBytes("", {}) - model::MostBytes("p", {}) + missing, 'x');
      driver.partition.pools[name];
      driver.Apply("Go", Hours(0), {{"key", Value::Int(1)}});
      EXPECT_EQ(driver.person.coupons.size(), list && missing == 1 ? 0u : 1u);
      EXPECT_EQ(driver.partition.pools.contains("p"), missing == 0);
      EXPECT_EQ(driver.partition.pools.contains(kOtherPools), !list && missing == 1);
    }
  }
}

}  // namespace
}  // namespace sojourn::step
