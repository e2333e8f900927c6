#include "engine/deliver/rate.h"

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

constexpr Timestamp kStart{1'000'000};

TEST(RateTest, Parses) {
  Rate rate;
  ASSERT_TRUE(ParseRate("10 per second", &rate));
  EXPECT_EQ(rate.mails, 10);
  EXPECT_EQ(rate.per, Seconds(1));
  ASSERT_TRUE(ParseRate("0.5 per hour", &rate));
  EXPECT_EQ(rate.mails, 0.5);
  ASSERT_TRUE(ParseRate("none", &rate));
  EXPECT_FALSE(rate.limited());
  for (const char* wrong : {"", "10", "10 per week", "0 per second", "-1 per second", "per second",
                            "inf per second", "nan per second", "10  per second"}) {
    EXPECT_FALSE(ParseRate(wrong, &rate)) << wrong;
  }
}

TEST(RateTest, DomainOfAnAddress) {
  EXPECT_EQ(DomainOf("Mia@Shop.EXAMPLE"), "shop.example");
  EXPECT_EQ(DomainOf("\"a@b\"@c.example"), "c.example");
  EXPECT_EQ(DomainOf("nothing"), "");
}

TEST(RateTest, WithoutLimitsEverythingMayGo) {
  RateLimiter limiter({});
  for (int i = 0; i < 1000; ++i) limiter.Take({"a", "b"}, kStart);
  EXPECT_EQ(limiter.NextAllowed({"a", "b"}, kStart), kStart);
}

TEST(RateTest, ASecondsWorthMayGoAtOnceThenOneByOne) {
  RateLimits limits;
  limits.per_domain = {2, Seconds(1)};
  RateLimiter limiter(limits);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(limiter.NextAllowed({"a", "b"}, kStart), kStart);
    limiter.Take({"a", "b"}, kStart);
  }
  EXPECT_EQ(limiter.NextAllowed({"a", "b"}, kStart), kStart + Milliseconds(500));
  EXPECT_EQ(limiter.NextAllowed({"a", "other"}, kStart), kStart);
  EXPECT_EQ(limiter.NextAllowed({"a", "b"}, kStart + Milliseconds(500)),
            kStart + Milliseconds(500));
}

TEST(RateTest, SlowRatesLetOneGoAtATime) {
  RateLimits limits;
  limits.per_sender = {60, Hours(1)};
  RateLimiter limiter(limits);
  limiter.Take({"a", "b"}, kStart);
  EXPECT_EQ(limiter.NextAllowed({"a", "c"}, kStart), kStart + Minutes(1));
}

TEST(RateTest, ADomainsOwnRateReplacesTheGeneralOne) {
  RateLimits limits;
  limits.per_domain = {1, Seconds(1)};
  limits.domains["big.example"] = {};
  RateLimiter limiter(limits);
  for (int i = 0; i < 100; ++i) limiter.Take({"a", "big.example"}, kStart);
  EXPECT_EQ(limiter.NextAllowed({"a", "big.example"}, kStart), kStart);
}

TEST(RateTest, ForgettingChangesNothing) {
  RateLimits limits;
  limits.per_domain = {1, Seconds(1)};
  RateLimiter limiter(limits);
  limiter.Take({"a", "b"}, kStart);
  limiter.Forget(kStart + Milliseconds(400));
  EXPECT_EQ(limiter.NextAllowed({"a", "b"}, kStart + Milliseconds(400)), kStart + Seconds(1));
  limiter.Forget(kStart + Seconds(1));
  EXPECT_EQ(limiter.NextAllowed({"a", "b"}, kStart + Seconds(1)), kStart + Seconds(1));
}

TEST(RateLimiter, AClockThatIsSetBackDoesNotStopMails) {
  RateLimits limits;
  limits.per_domain = {2, Seconds(1)};
  RateLimiter limiter(limits);
  Timestamp now(1'000'000'000);
  while (limiter.NextAllowed({"a", "b"}, now) <= now) limiter.Take({"a", "b"}, now);
  now = now - Hours(1);
  EXPECT_LE(limiter.NextAllowed({"a", "b"}, now), now + Seconds(1));
  now = now + Seconds(1);
  EXPECT_LE(limiter.NextAllowed({"a", "b"}, now), now);
}

}  // namespace
}  // namespace sojourn::deliver
