#include "engine/deliver/endpoints.h"

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

constexpr Timestamp kNow{10'000'000};
const LaneKey kDead = {"https://dead.example", ""};
const LaneKey kOther = {"https://other.example", ""};

class EndpointsTest : public testing::Test {
 protected:
  bool May(const LaneKey& lane, Timestamp now = kNow) {
    return endpoints_.NextAllowed(lane, now) <= now;
  }
  // An attempt that fails, and whether it opens the circuit.
  bool Fail(Timestamp now = kNow) {
    EXPECT_TRUE(May(kDead, now));
    endpoints_.Take(kDead, now);
    const bool opened = endpoints_.HearFailure(kDead.first, now);
    endpoints_.Return(kDead);
    return opened;
  }
  void Open() {
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(Fail());
    EXPECT_TRUE(Fail());
  }

  Endpoints endpoints_{EndpointLimits{}};
};

TEST(EndpointNames, HaveNeitherUserNorQuery) {
  EXPECT_EQ(EndpointOf("https://User:secret@CRM.example:8443/Hook?key=1"),
            "https://crm.example:8443");
  EXPECT_EQ(EndpointOf("http://[::1]:80"), "http://[::1]:80");
  EXPECT_EQ(EndpointOf("https://crm.example?a=/@b"), "https://crm.example");
  EXPECT_EQ(PlainUrlOf("https://user:secret@CRM.example/Hook?key=1#x"), "https://crm.example/Hook");
  EXPECT_EQ(PlainUrlOf("https://crm.example"), "https://crm.example");
  EXPECT_EQ(HostOf("https://a:b@CRM.example:8443/x"), "crm.example");
  EXPECT_EQ(HostOf("http://[::1]:80/"), "[::1]");
  EXPECT_EQ(PlainUrlOf("https://crm.example/a@b"), "https://crm.example/a@b");
}

TEST_F(EndpointsTest, FewAreUnderWayAtATime) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(May(kOther));
    endpoints_.Take(kOther, kNow);
  }
  EXPECT_EQ(endpoints_.NextAllowed(kOther, kNow), Timestamp::Max());
  EXPECT_TRUE(May(kDead));
  endpoints_.Return(kOther);
  EXPECT_TRUE(May(kOther));
}

TEST_F(EndpointsTest, AfterAFailureOneAlone) {
  Fail();
  EXPECT_TRUE(May(kDead));
  endpoints_.Take(kDead, kNow);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), Timestamp::Max());
  endpoints_.HearAnswer(kDead.first);
  EXPECT_TRUE(May(kDead));
}

TEST_F(EndpointsTest, FailuresInARowOpenTheCircuitOfOneAlone) {
  Open();
  EXPECT_TRUE(endpoints_.IsOpen(kDead.first));
  EXPECT_EQ(endpoints_.open_count(), 1u);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), kNow + Seconds(30));
  EXPECT_TRUE(May(kOther));
}

// Of several that were under way, one is told to come back later and another is answered.
TEST_F(EndpointsTest, AnAnswerDoesNotUndoWhatWasAskedFor) {
  endpoints_.Take(kDead, kNow);
  endpoints_.Take(kDead, kNow);
  endpoints_.HearFailure(kDead.first, kNow);
  endpoints_.HearRetryAfter(kDead.first, Minutes(20), kNow);
  endpoints_.Return(kDead);
  EXPECT_FALSE(endpoints_.HearAnswer(kDead.first)) << "no circuit was open";
  endpoints_.Return(kDead);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), kNow + Minutes(20));
  endpoints_.Forget(kNow);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), kNow + Minutes(20));
  EXPECT_TRUE(May(kDead, kNow + Minutes(20)));
}

TEST_F(EndpointsTest, AnAnswerClosesTheCircuit) {
  Open();
  EXPECT_TRUE(endpoints_.IsShut(kDead));
  EXPECT_TRUE(endpoints_.HearAnswer(kDead.first));
  EXPECT_FALSE(endpoints_.IsShut(kDead));
  EXPECT_TRUE(May(kDead)) << "nothing was asked for";
}

TEST_F(EndpointsTest, AnAnswerBetweenThemDoesNot) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(Fail());
    if (i % 4 == 3) endpoints_.HearAnswer(kDead.first);
  }
  EXPECT_EQ(endpoints_.open_count(), 0u);
}

TEST_F(EndpointsTest, AProbeThatFailsDoublesTheRestUpToALimit) {
  Open();
  Timestamp now = kNow;
  for (const Duration rest : {Seconds(30), Seconds(60), Seconds(120), Seconds(240), Seconds(480),
                              Minutes(10), Minutes(10)}) {
    EXPECT_EQ(endpoints_.NextAllowed(kDead, now), now + rest);
    now = now + rest;
    EXPECT_FALSE(Fail(now));  // it was open before
  }
}

TEST_F(EndpointsTest, AProbeThatIsAnsweredClosesIt) {
  Open();
  const Timestamp later = kNow + Seconds(30);
  endpoints_.Take(kDead, later);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, later), Timestamp::Max()) << "one probe";
  endpoints_.HearAnswer(kDead.first);
  endpoints_.Return(kDead);
  EXPECT_FALSE(endpoints_.IsOpen(kDead.first));
  EXPECT_TRUE(May(kDead, later));
}

TEST_F(EndpointsTest, WhatFailsTogetherIsOneFailureOfAProbe) {
  for (int i = 0; i < 4; ++i) endpoints_.Take(kDead, kNow);
  for (int i = 0; i < 4; ++i) {
    endpoints_.HearFailure(kDead.first, kNow);
    endpoints_.Return(kDead);
  }
  Fail();
  endpoints_.HearFailure(kDead.first, kNow);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), kNow + Seconds(30));
}

TEST_F(EndpointsTest, ItRestsAsLongAsItAsksWithinALimit) {
  endpoints_.HearRetryAfter(kDead.first, Seconds(90), kNow);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), kNow + Seconds(90));
  EXPECT_TRUE(May(kDead, kNow + Seconds(90)));
  endpoints_.HearRetryAfter(kDead.first, Days(300), kNow);
  EXPECT_EQ(endpoints_.NextAllowed(kDead, kNow), kNow + Hours(1));
}

TEST_F(EndpointsTest, AClockThatIsSetBackDoesNotProlongTheRest) {
  Open();
  EXPECT_LE(endpoints_.NextAllowed(kDead, kNow - Days(10)), kNow - Days(10) + Hours(1));
}

TEST_F(EndpointsTest, ForgetsOnlyWhatIsAsAtFirst) {
  Open();
  endpoints_.Take(kOther, kNow);
  endpoints_.Forget(kNow);
  EXPECT_EQ(endpoints_.open_count(), 1u);
  for (int i = 0; i < 3; ++i) endpoints_.Take(kOther, kNow);
  EXPECT_FALSE(May(kOther));
}

}  // namespace
}  // namespace sojourn::deliver
