#include "connectors/feedback/mailgun.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/feedback/test_keys.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);
constexpr char kKey[] = "key-0123456789abcdef";

// As Mailgun posts it.
constexpr char kFailed[] = R"({"id":"G9Bn5sl1TC6nu79C8C0bwg","timestamp":1772441990.250,
  "log-level":"error","event":"failed","severity":"permanent","reason":"bounce",
  "delivery-status":{"attempt-no":1,"message":"","code":550,"enhanced-code":"5.1.1",
    "description":"No such mailbox","session-seconds":0.43},
  "message":{"headers":{"to":"Gone <gone@customer.example>","message-id":"m1@shop.example"},
    "attachments":[],"size":111},
  "recipient":"gone@customer.example","recipient-domain":"customer.example",
  "user-variables":{"sojourn_mark":"MARK"},"flags":{"is-test-mode":false},"tags":[]})";

class MailgunTest : public testing::Test {
 protected:
  static TestRequest Signed(const std::string& event, const std::string& token = "t1",
                            const std::string& key = kKey,
                            const std::string& timestamp = "1772441999") {
    const Sha256Digest mac = HmacSha256(key, timestamp + token);
    return {fmt::format(R"({{"signature":{{"timestamp":"{}","token":"{}","signature":"{}"}},)"
                        R"("event-data":{}}})",
                        timestamp, token, Hex(mac.data(), mac.size()), event),
            {}};
  }

  std::string Verdict(const TestRequest& request, Timestamp now = kNow) {
    const auto refusal = provider_.Verify(request.View(), now);
    return refusal ? std::string(refusal->reason) : "";
  }

  std::string KindOf(const std::string& from, const std::string& to) {
    std::string event = kFailed;
    event.replace(event.find(from), from.size(), to);
    const auto feedback = provider_.Read(Signed(event).View(), kNow);
    if (!feedback.ok()) return feedback.status().message();
    return feedback->facts.empty() ? "" : std::string(FactKindName(feedback->facts[0].kind));
  }

  static constexpr size_t kMaxTokens = 100;
  MailgunProvider provider_{{"an older key", kKey}, kMaxTokens};
};

TEST_F(MailgunTest, AFailure) {
  const TestRequest request = Signed(kFailed);
  EXPECT_EQ(Verdict(request), "");
  const auto feedback = provider_.Read(request.View(), kNow);
  ASSERT_TRUE(feedback.ok()) << feedback.status().message();
  ASSERT_EQ(feedback->facts.size(), 1u);
  const FeedbackFact& fact = feedback->facts[0];
  EXPECT_EQ(fact.kind, FactKind::kBouncedHard);
  EXPECT_EQ(fact.address, "gone@customer.example");
  EXPECT_EQ(fact.time, kNow - Milliseconds(9750));
  EXPECT_EQ(fact.mark, "MARK");
  EXPECT_EQ(fact.id, "G9Bn5sl1TC6nu79C8C0bwg");
  EXPECT_EQ(fact.diagnostic, "No such mailbox");
}

TEST_F(MailgunTest, Kinds) {
  EXPECT_EQ(KindOf("permanent", "temporary"), "bounced_soft");
  EXPECT_EQ(KindOf("\"bounce\"", "\"old\""), "bounced_soft");
  EXPECT_EQ(KindOf("\"bounce\"", "\"suppress-bounce\""), "bounced_hard");
  EXPECT_EQ(KindOf("\"bounce\"", "\"suppress-complaint\""), "complained");
  EXPECT_EQ(KindOf("\"bounce\"", "\"suppress-unsubscribe\""), "");
  EXPECT_EQ(KindOf("\"failed\"", "\"delivered\""), "delivered");
  EXPECT_EQ(KindOf("\"failed\"", "\"complained\""), "complained");
  EXPECT_EQ(KindOf("\"failed\"", "\"opened\""), "");
}

TEST_F(MailgunTest, WhatIsForgedOrOldIsRefused) {
  EXPECT_EQ(Verdict(Signed(kFailed, "t1", "another key")), "signature");
  TestRequest forged = Signed(kFailed, "t2");
  forged.body.replace(forged.body.find("1772441999"), 10, "1772441998");
  EXPECT_EQ(Verdict(forged), "signature");
  EXPECT_EQ(Verdict({R"({"event-data":{}})", {}}), "signature");
  EXPECT_EQ(Verdict({R"({"signature":{"timestamp":"1","token":"","signature":""}})", {}}),
            "signature");
  EXPECT_EQ(Verdict({"{", {}}), "malformed");
  EXPECT_EQ(Verdict(Signed(kFailed, "t3"), kNow + Hours(25)), "stale");
  EXPECT_EQ(Verdict(Signed(kFailed, "t3"), kNow - Hours(1)), "stale");
  EXPECT_EQ(Verdict(Signed(kFailed, "t4", "an older key")), "");
}

TEST_F(MailgunTest, ATokenBelongsToItsBody) {
  EXPECT_EQ(Verdict(Signed(kFailed)), "");
  EXPECT_EQ(Verdict(Signed(kFailed)), "");  // told again
  std::string other = kFailed;
  other.replace(other.find("gone@"), 4, "king");
  EXPECT_EQ(Verdict(Signed(other)), "replayed");
  EXPECT_EQ(Verdict(Signed(other, "t2")), "");
}

TEST_F(MailgunTest, TokensAreRememberedUpToALimit) {
  EXPECT_EQ(Verdict(Signed("{}", "first")), "");
  for (size_t i = 1; i < kMaxTokens; ++i) {
    ASSERT_EQ(Verdict(Signed("{}", fmt::format("t{}", i))), "");
  }
  EXPECT_EQ(Verdict(Signed("[]", "first")), "replayed");
  EXPECT_EQ(Verdict(Signed("{}", "one more")), "");
  EXPECT_EQ(Verdict(Signed("[]", "first")), "");
}

TEST_F(MailgunTest, WhatCannotBeReadIsNamed) {
  for (const char* event :
       {"7", R"({"event":"delivered","id":"1"})", R"({"event":"delivered","recipient":"a@b.c"})"}) {
    EXPECT_FALSE(provider_.Read(Signed(event).View(), kNow).ok()) << event;
  }
}

}  // namespace
}  // namespace sojourn::feedback
