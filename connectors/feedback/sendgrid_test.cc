#include "connectors/feedback/sendgrid.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/feedback/test_keys.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);

// As SendGrid posts it.
constexpr char kEvents[] = R"([
 {"email":"gone@customer.example","timestamp":1772441990,"smtp-id":"<m1@shop.example>",
  "event":"bounce","type":"bounce","status":"5.1.1","reason":"550 5.1.1 unknown user",
  "sg_event_id":"e1","sg_message_id":"s1","sojourn_mark":"MARK","ip":"1.2.3.4","tls":1},
 {"email":"busy@customer.example","timestamp":1772441990,"event":"bounce","type":"blocked",
  "reason":"450 later","sg_event_id":"e2"},
 {"email":"ada@customer.example","timestamp":1772441990,"event":"delivered",
  "response":"250 OK","sg_event_id":"e3"},
 {"email":"eve@customer.example","timestamp":1772441990,"event":"spamreport","sg_event_id":"e4"},
 {"email":"old@customer.example","timestamp":1772441990,"event":"dropped",
  "reason":"Bounced Address","sg_event_id":"e5"},
 {"email":"cut@customer.example","timestamp":1772441990,"event":"dropped",
  "reason":"Unsubscribed Address","sg_event_id":"e6"},
 {"email":"ada@customer.example","timestamp":1772441990,"event":"open","sg_event_id":"e7"},
 {"email":"ada@customer.example","timestamp":1772441990,"event":"deferred","sg_event_id":"e8"},
 {"timestamp":1772441990,"event":"bounce","sg_event_id":"e9"},
 {"email":"no-id@customer.example","event":"bounce"}
])";

class SendGridTest : public testing::Test {
 protected:
  SendGridTest() : key_(TestKey::Kind::kP256), old_key_(TestKey::Kind::kP256) {
    provider_ = std::make_unique<SendGridProvider>(
        std::vector<PublicKey>{*PublicKey::ReadP256(EncodeBase64(key_.PublicDer())),
                               *PublicKey::ReadP256(old_key_.PublicPem())});
  }

  static TestRequest Signed(const TestKey& key, const std::string& body,
                            const std::string& timestamp = "1772441999") {
    const std::string signature = EncodeBase64(key.Sign(Digest::kSha256, timestamp + body));
    return {body,
            {{"x-twilio-email-event-webhook-signature", signature},
             {"x-twilio-email-event-webhook-timestamp", timestamp}}};
  }

  std::string Verdict(const TestRequest& request, Timestamp now = kNow) {
    const auto refusal = provider_->Verify(request.View(), now);
    return refusal ? std::string(refusal->reason) : "";
  }

  TestKey key_;
  TestKey old_key_;
  std::unique_ptr<SendGridProvider> provider_;
};

TEST_F(SendGridTest, EventsAreReadOneByOne) {
  const TestRequest request = Signed(key_, kEvents);
  EXPECT_EQ(Verdict(request), "");
  const auto feedback = provider_->Read(request.View(), kNow);
  ASSERT_TRUE(feedback.ok()) << feedback.status().message();
  ASSERT_EQ(feedback->facts.size(), 5u);
  const FeedbackFact& first = feedback->facts[0];
  EXPECT_EQ(first.kind, FactKind::kBouncedHard);
  EXPECT_EQ(first.address, "gone@customer.example");
  EXPECT_EQ(first.time, kNow - Seconds(10));
  EXPECT_EQ(first.mark, "MARK");
  EXPECT_EQ(first.id, "e1");
  EXPECT_EQ(first.diagnostic, "550 5.1.1 unknown user");
  EXPECT_EQ(feedback->facts[1].kind, FactKind::kBouncedSoft);
  EXPECT_EQ(feedback->facts[2].kind, FactKind::kDelivered);
  EXPECT_EQ(feedback->facts[2].diagnostic, "250 OK");
  EXPECT_EQ(feedback->facts[3].kind, FactKind::kComplained);
  EXPECT_EQ(feedback->facts[4].kind, FactKind::kBouncedHard);
  EXPECT_EQ(feedback->others, 3);
  ASSERT_EQ(feedback->unreadable.size(), 2u);
  EXPECT_NE(feedback->unreadable[0].text.find("e9"), std::string::npos);
}

TEST_F(SendGridTest, AnyOfTheKeysMaySign) {
  EXPECT_EQ(Verdict(Signed(old_key_, kEvents)), "");
  EXPECT_EQ(Verdict(Signed(TestKey(TestKey::Kind::kP256), kEvents)), "signature");
}

TEST_F(SendGridTest, WhatIsForgedOrOldIsRefused) {
  const TestRequest good = Signed(key_, kEvents);
  TestRequest forged = good;
  forged.body[20] ^= 1;
  EXPECT_EQ(Verdict(forged), "signature");
  forged = good;
  forged.headers["x-twilio-email-event-webhook-timestamp"] = "1772442000";
  EXPECT_EQ(Verdict(forged), "signature");
  forged = good;
  forged.headers["x-twilio-email-event-webhook-signature"] = "MEUCIQ==";
  EXPECT_EQ(Verdict(forged), "signature");
  forged.headers.erase("x-twilio-email-event-webhook-signature");
  EXPECT_EQ(Verdict(forged), "signature");
  EXPECT_EQ(Verdict(good, kNow + Hours(24)), "");
  EXPECT_EQ(Verdict(good, kNow + Hours(25)), "stale");
  EXPECT_EQ(Verdict(good, kNow - Minutes(6)), "stale");
  EXPECT_EQ(Verdict(Signed(key_, "[]", "soon")), "malformed");
}

TEST_F(SendGridTest, WhatIsNoListIsNamed) {
  for (const char* body : {"{}", "", "[{]", "17"}) {
    EXPECT_FALSE(provider_->Read(Signed(key_, body).View(), kNow).ok()) << body;
  }
  std::string many = "[";
  for (size_t i = 0; i < kMaxFactsPerRequest; ++i) many += "1,";
  EXPECT_TRUE(
      provider_->Read(Signed(key_, many.substr(0, many.size() - 1) + "]").View(), kNow).ok());
  EXPECT_FALSE(provider_->Read(Signed(key_, many + "1]").View(), kNow).ok());
}

TEST(PublicKeyTest, OnlyKeysOfP256) {
  EXPECT_FALSE(PublicKey::ReadP256("").ok());
  EXPECT_FALSE(PublicKey::ReadP256("MFkw").ok());
  EXPECT_FALSE(PublicKey::ReadP256(TestKey(TestKey::Kind::kP384).PublicPem()).ok());
  EXPECT_FALSE(PublicKey::ReadP256(EncodeBase64(TestKey(TestKey::Kind::kRsa).PublicDer())).ok());
}

}  // namespace
}  // namespace sojourn::feedback
