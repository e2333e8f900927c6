#include "connectors/feedback/feedback_event.h"

#include <gtest/gtest.h>

#include "engine/model/value.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);

deliver::LinkClaims Claims() {
  deliver::LinkClaims claims;
  claims.kind = deliver::LinkKind::kFeedback;
  claims.action_id = "act_1";
  claims.person = "ada";
  claims.journey = "offer";
  claims.template_name = "offer";
  claims.target = "ada@customer.example";
  return claims;
}

FeedbackFact Fact(FactKind kind, const std::string& id = "e1") {
  return {kind, "Ada@customer.example", kNow - Minutes(1), "", id, "550 gone"};
}

class FeedbackEventTest : public testing::Test {
 protected:
  model::Event Event(std::string_view provider, const FeedbackFact& fact,
                     const deliver::LinkClaims& claims = Claims()) {
    const auto event = ToEvent(provider, fact, claims, kNow, &arena_);
    EXPECT_TRUE(event.ok());
    return event.ok() ? *event : model::Event();
  }
  Arena arena_;
};

TEST_F(FeedbackEventTest, ABounce) {
  const model::Event event = Event("ses", Fact(FactKind::kBouncedHard));
  EXPECT_EQ(event.name, "Email Bounced");
  EXPECT_EQ(event.person, "ada");
  EXPECT_EQ(event.time, kNow - Minutes(1));
  EXPECT_EQ(model::DebugString(event.properties),
            R"({"action_id": "act_1", "email": "ada@customer.example", "journey": "offer", )"
            R"("provider": "ses", "reason": "550 gone", "template": "offer", "type": "hard"})");
  EXPECT_EQ(event.id.size(), 32u);
}

TEST_F(FeedbackEventTest, TheSameIsToldUnderTheSameId) {
  const std::string id(Event("ses", Fact(FactKind::kBouncedHard)).id);
  EXPECT_EQ(Event("ses", Fact(FactKind::kBouncedHard)).id, id);
  EXPECT_NE(Event("mailgun", Fact(FactKind::kBouncedHard)).id, id);
  EXPECT_NE(Event("ses", Fact(FactKind::kBouncedHard, "e2")).id, id);
  EXPECT_NE(Event("ses", Fact(FactKind::kComplained)).id, id);
  EXPECT_EQ(Event("ses", Fact(FactKind::kDelivered)).id, "act_1-delivered");
}

TEST_F(FeedbackEventTest, AnonymousPeopleAndNobody) {
  deliver::LinkClaims claims = Claims();
  claims.person = "a:x1";
  const model::Event event = Event("ses", Fact(FactKind::kComplained), claims);
  EXPECT_EQ(event.person, "a:x1");
  EXPECT_EQ(event.name, "Email Marked as Spam");
  for (const char* nobody : {"", "a:"}) {
    claims.person = nobody;
    EXPECT_FALSE(ToEvent("ses", Fact(FactKind::kComplained), claims, kNow, &arena_).ok());
  }
}

TEST_F(FeedbackEventTest, SoftBouncesSuppressNobody) {
  EXPECT_TRUE(Suppresses(FactKind::kBouncedHard));
  EXPECT_TRUE(Suppresses(FactKind::kComplained));
  EXPECT_FALSE(Suppresses(FactKind::kBouncedSoft));
  EXPECT_FALSE(Suppresses(FactKind::kDelivered));
}

}  // namespace
}  // namespace sojourn::feedback
