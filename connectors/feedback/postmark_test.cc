#include "connectors/feedback/postmark.h"

#include <gtest/gtest.h>

#include "connectors/feedback/mark.h"
#include "connectors/feedback/test_keys.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);

// As Postmark posts it.
constexpr char kBounce[] = R"({"RecordType":"Bounce","MessageStream":"outbound",
  "ID":4323372036854775807,"Type":"HardBounce","TypeCode":1,"Name":"Hard bounce","Tag":"Test",
  "MessageID":"883953f4-6105-42a2-a16a-77a8eac79483",
  "Metadata":{"sojourn-mark-2":"bbb","sojourn-mark-1":"aaa","other":"x"},"ServerID":23,
  "Description":"The server was unable to deliver your message","Details":"smtp;550 5.1.1 unknown",
  "Email":"gone@customer.example","From":"hello@shop.example",
  "BouncedAt":"2026-03-02T09:59:30.1234567+01:00","DumpAvailable":true,"Inactive":true,
  "CanActivate":true,"Subject":"An offer"})";
constexpr char kComplaint[] = R"({"RecordType":"SpamComplaint","ID":42,"Type":"SpamComplaint",
  "MessageID":"m","Email":"eve@customer.example","BouncedAt":"2026-03-02T08:59:30Z"})";
constexpr char kDelivery[] = R"({"RecordType":"Delivery","MessageID":"m","Metadata":{},
  "Recipient":"ada@customer.example","DeliveredAt":"2026-03-02T08:59:30Z","Details":"250 OK"})";

Feedback Read(const std::string& body) {
  PostmarkProvider provider({});
  const auto feedback = provider.Read(TestRequest{body, {}}.View(), kNow);
  EXPECT_TRUE(feedback.ok()) << feedback.status().message();
  return feedback.ok() ? *feedback : Feedback();
}

FactKind KindOfBounce(const std::string& type) {
  std::string body = kBounce;
  body.replace(body.find("HardBounce"), 10, type);
  const Feedback feedback = Read(body);
  EXPECT_EQ(feedback.facts.size(), 1u) << type;
  return feedback.facts.at(0).kind;
}

TEST(PostmarkTest, TheThreeKinds) {
  Feedback feedback = Read(kBounce);
  ASSERT_EQ(feedback.facts.size(), 1u);
  EXPECT_EQ(feedback.facts[0].kind, FactKind::kBouncedHard);
  EXPECT_EQ(feedback.facts[0].address, "gone@customer.example");
  EXPECT_EQ(feedback.facts[0].mark, "aaabbb");
  EXPECT_EQ(feedback.facts[0].id, "Bounce/4323372036854775807/gone@customer.example");
  EXPECT_EQ(feedback.facts[0].diagnostic, "smtp;550 5.1.1 unknown");
  EXPECT_EQ(feedback.facts[0].time, Timestamp(1'772'441'970'123));
  feedback = Read(kComplaint);
  ASSERT_EQ(feedback.facts.size(), 1u);
  EXPECT_EQ(feedback.facts[0].kind, FactKind::kComplained);
  EXPECT_EQ(feedback.facts[0].mark, "");
  feedback = Read(kDelivery);
  ASSERT_EQ(feedback.facts.size(), 1u);
  EXPECT_EQ(feedback.facts[0].kind, FactKind::kDelivered);
  EXPECT_EQ(feedback.facts[0].id, "Delivery/m/ada@customer.example");
}

TEST(PostmarkTest, KindsOfBounces) {
  EXPECT_EQ(KindOfBounce("BadEmailAddress"), FactKind::kBouncedHard);
  for (const char* type :
       {"SoftBounce", "Transient", "DnsError", "Blocked", "DMARCPolicy", "New"}) {
    EXPECT_EQ(KindOfBounce(type), FactKind::kBouncedSoft) << type;
  }
  EXPECT_EQ(KindOfBounce("SpamComplaint"), FactKind::kComplained);
  std::string answer = kBounce;
  answer.replace(answer.find("HardBounce"), 10, "AutoResponder");
  EXPECT_EQ(Read(answer).others, 1);
  EXPECT_EQ(Read(R"({"RecordType":"Open","Email":"x"})").others, 1);
}

TEST(PostmarkTest, CredentialsAndHeaders) {
  PostmarkProvider basic({"shop", "secret", {}});
  const auto header = [](const std::string& text) {
    return TestRequest{kBounce, {{"authorization", text}}};
  };
  const std::string good = EncodeBase64("shop:secret");
  EXPECT_FALSE(basic.Verify(header("Basic " + good).View(), kNow).has_value());
  EXPECT_FALSE(basic.Verify(header("basic " + good).View(), kNow).has_value());
  for (const std::string& bad :
       {std::string(""), std::string("Basic"), "Bearer " + good,
        "Basic " + EncodeBase64("shop:secret2"), "Basic " + EncodeBase64("shop"),
        std::string("Basic !!"), "Basic " + EncodeBase64(":")}) {
    const auto refusal = basic.Verify(header(bad).View(), kNow);
    ASSERT_TRUE(refusal.has_value()) << bad;
    EXPECT_EQ(refusal->reason, "credentials");
  }
  EXPECT_TRUE(basic.Verify(TestRequest{kBounce, {}}.View(), kNow).has_value());
  PostmarkProvider both({"shop", "secret", {{"X-Hook", "key"}}});
  TestRequest request = header("Basic " + good);
  EXPECT_TRUE(both.Verify(request.View(), kNow).has_value());
  request.headers["x-hook"] = "ke";
  EXPECT_TRUE(both.Verify(request.View(), kNow).has_value());
  request.headers["x-hook"] = "key";
  EXPECT_FALSE(both.Verify(request.View(), kNow).has_value());
  request.headers.erase("authorization");
  EXPECT_TRUE(both.Verify(request.View(), kNow).has_value());
}

TEST(PostmarkTest, WhatCannotBeReadIsNamed) {
  PostmarkProvider provider({});
  for (const char* body : {"", "{", R"({"RecordType":"Bounce","Type":"HardBounce","ID":1})",
                           R"({"RecordType":"Bounce","Type":"HardBounce","Email":"a@b.example"})",
                           R"({"RecordType":"Delivery","Recipient":"a b@c","MessageID":"m"})"}) {
    EXPECT_FALSE(provider.Read(TestRequest{body, {}}.View(), kNow).ok()) << body;
  }
}

TEST(MarkTest, EachProviderGetsWhatItHandsBack) {
  const std::string token(250, 'a');
  const auto headers = MarkHeaders({true, true, true, true}, token);
  const std::map<std::string, std::string> by_name(headers.begin(), headers.end());
  EXPECT_EQ(by_name.at("X-Sojourn-Mark"), token);
  EXPECT_EQ(by_name.at("X-SES-MESSAGE-TAGS"), "sojourn_mark=" + token);
  EXPECT_EQ(by_name.at("X-SMTPAPI"), "{\"unique_args\":{\"sojourn_mark\":\"" + token + "\"}}");
  EXPECT_EQ(by_name.at("X-Mailgun-Variables"), "{\"sojourn_mark\":\"" + token + "\"}");
  EXPECT_EQ(by_name.at("X-PM-Metadata-sojourn-mark-1").size(), 80u);
  EXPECT_EQ(by_name.at("X-PM-Metadata-sojourn-mark-4").size(), 10u);
  EXPECT_EQ(MarkHeaders({}, token).size(), 1u);
  const auto longest = MarkHeaders({true, true, true, true}, std::string(801, 'a'));
  EXPECT_EQ(longest.size(), 3u);  // neither SES nor Postmark
}

}  // namespace
}  // namespace sojourn::feedback
