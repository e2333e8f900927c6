#include "connectors/feedback/ses.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/feedback/test_keys.h"
#include "engine/base/rfc3339.h"
#include "engine/model/json_writer.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);
constexpr char kTopic[] = "arn:aws:sns:eu-west-1:123456789012:bounces";
constexpr char kCertificateUrl[] =
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";

// As SES notifies of a bounce.
constexpr char kBounce[] = R"({"notificationType":"Bounce","bounce":{
  "feedbackId":"01020197-1","bounceType":"Permanent","bounceSubType":"General",
  "bouncedRecipients":[{"emailAddress":"gone@customer.example","action":"failed","status":"5.1.1",
    "diagnosticCode":"smtp; 550 5.1.1 user unknown"}],
  "timestamp":"2026-03-02T08:59:30.000Z","remoteMtaIp":"127.0.2.0","reportingMTA":"dns; x"},
  "mail":{"timestamp":"2026-03-02T08:59:20.000Z","source":"hello@shop.example",
    "messageId":"0102-m","destination":["gone@customer.example"],"headersTruncated":false,
    "headers":[{"name":"From","value":"hello@shop.example"},
               {"name":"X-Sojourn-Mark","value":"MARK"}]}})";

// As a configuration set publishes a complaint.
constexpr char kComplaint[] = R"({"eventType":"Complaint","complaint":{
  "complainedRecipients":[{"emailAddress":"ada@customer.example"}],
  "timestamp":"2026-03-02T08:59:30.000Z","feedbackId":"01020197-2","userAgent":"Yahoo!",
  "complaintFeedbackType":"abuse"},
  "mail":{"messageId":"0102-n","tags":{"ses:source-ip":["1.2.3.4"],"sojourn_mark":["TAG"]}}})";

constexpr char kDelivery[] = R"({"eventType":"Delivery","delivery":{
  "timestamp":"2026-03-02T08:59:30.000Z","processingTimeMillis":300,
  "recipients":["ada@customer.example"],"smtpResponse":"250 2.6.0 taken"},
  "mail":{"messageId":"0102-n","headers":[]}})";

class SesTest : public testing::Test {
 protected:
  SesTest() : authority_(TestKey::Kind::kRsa), key_(TestKey::Kind::kRsa) {
    ca_file_ = testing::TempDir() + fmt::format("ses_test_{}.pem", getpid());
    std::ofstream(ca_file_) << authority_.Certificate("Test CA", nullptr, "Test CA", kNow - Days(9),
                                                      kNow + Days(9), /*authority=*/true);
    certificate_ = key_.Certificate("sns.amazonaws.com", &authority_, "Test CA", kNow - Days(1),
                                    kNow + Days(1));
    provider_ = std::make_unique<SesProvider>(
        SesOptions{{kTopic}, ca_file_}, [this](const std::string& url) -> Result<std::string> {
          fetched_.push_back(url);
          if (certificate_.empty()) return Unavailable("no answer");
          return certificate_;
        });
  }
  ~SesTest() override { std::filesystem::remove(ca_file_); }

  // An envelope as SNS sends it, signed.
  TestRequest Envelope(const std::string& message, const std::string& version = "2") {
    fields_["Message"] = message;
    fields_["SignatureVersion"] = version;
    const bool confirmation = fields_["Type"] == "SubscriptionConfirmation";
    std::string text;
    for (const char* name : {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp",
                             "Token", "TopicArn", "Type"}) {
      const bool only_one = std::string(name) == "Subject";
      const bool only_other = std::string(name) == "SubscribeURL" || std::string(name) == "Token";
      if ((only_one && confirmation) || (only_other && !confirmation)) continue;
      if (fields_.contains(name)) text += std::string(name) + "\n" + fields_[name] + "\n";
    }
    const Digest digest = version == "1" ? Digest::kSha1 : Digest::kSha256;
    fields_["Signature"] = EncodeBase64(key_.Sign(digest, text));
    return Body();
  }

  TestRequest Body() {
    model::JsonWriter json;
    json.BeginObject();
    for (const auto& [name, value] : fields_) json.Member(name, model::Value::String(value));
    json.EndObject();
    return {json.Take(), {}};
  }

  std::string Verdict(const TestRequest& request, Timestamp now = kNow) {
    const auto refusal = provider_->Verify(request.View(), now);
    return refusal ? std::string(refusal->reason) : "";
  }

  Feedback Read(const TestRequest& request) {
    EXPECT_EQ(Verdict(request), "");
    const auto feedback = provider_->Read(request.View(), kNow);
    EXPECT_TRUE(feedback.ok()) << feedback.status().message();
    return feedback.ok() ? *feedback : Feedback();
  }

  TestKey authority_;
  TestKey key_;
  std::string ca_file_;
  std::string certificate_;
  std::vector<std::string> fetched_;
  std::map<std::string, std::string> fields_ = {{"Type", "Notification"},
                                                {"MessageId", "m1"},
                                                {"TopicArn", kTopic},
                                                {"Timestamp", "2026-03-02T08:59:31.000Z"},
                                                {"SigningCertURL", kCertificateUrl}};
  std::unique_ptr<SesProvider> provider_;
};

TEST_F(SesTest, ABounceInBothVersionsOfTheSignature) {
  for (const char* version : {"1", "2"}) {
    const Feedback feedback = Read(Envelope(kBounce, version));
    ASSERT_EQ(feedback.facts.size(), 1u);
    const FeedbackFact& fact = feedback.facts[0];
    EXPECT_EQ(fact.kind, FactKind::kBouncedHard);
    EXPECT_EQ(fact.address, "gone@customer.example");
    EXPECT_EQ(fact.time, kNow - Seconds(30));
    EXPECT_EQ(fact.mark, "MARK");
    EXPECT_EQ(fact.id, "01020197-1/gone@customer.example");
    EXPECT_EQ(fact.diagnostic, "smtp; 550 5.1.1 user unknown");
  }
  EXPECT_EQ(fetched_, std::vector<std::string>{kCertificateUrl});  // once
}

TEST_F(SesTest, PublishedEventsAndTheOtherKinds) {
  Feedback feedback = Read(Envelope(kComplaint));
  ASSERT_EQ(feedback.facts.size(), 1u);
  EXPECT_EQ(feedback.facts[0].kind, FactKind::kComplained);
  EXPECT_EQ(feedback.facts[0].mark, "TAG");
  feedback = Read(Envelope(kDelivery));
  ASSERT_EQ(feedback.facts.size(), 1u);
  EXPECT_EQ(feedback.facts[0].kind, FactKind::kDelivered);
  EXPECT_EQ(feedback.facts[0].diagnostic, "250 2.6.0 taken");
  std::string soft = kBounce;
  soft.replace(soft.find("Permanent"), 9, "Transient");
  EXPECT_EQ(Read(Envelope(soft)).facts[0].kind, FactKind::kBouncedSoft);
  std::string not_spam = kComplaint;
  not_spam.replace(not_spam.find("abuse"), 5, "not-spam");
  EXPECT_TRUE(Read(Envelope(not_spam)).facts.empty());
  EXPECT_EQ(Read(Envelope(R"({"eventType":"Open","open":{}})")).others, 1);
  EXPECT_EQ(Read(Envelope("Successfully validated SNS topic")).others, 1);
}

TEST_F(SesTest, ASubjectIsSigned) {
  fields_["Subject"] = "Amazon SES Email Event Notification";
  EXPECT_EQ(Verdict(Envelope(kBounce)), "");
  Envelope(kBounce);
  fields_["Subject"] = "Another";
  EXPECT_EQ(Verdict(Body()), "signature");
}

TEST_F(SesTest, WhatIsForgedIsRefused) {
  Envelope(kBounce);
  const auto good = fields_;
  EXPECT_EQ(Verdict(Body()), "");
  for (const char* name : {"Message", "MessageId", "Timestamp", "Type"}) {
    fields_ = good;
    fields_[name].insert(fields_[name].size() - 1, "0");
    EXPECT_NE(Verdict(Body()), "") << name;
  }
  fields_ = good;
  fields_["Signature"] = "AAAA";
  EXPECT_EQ(Verdict(Body()), "signature");
  fields_["Signature"] = "!";
  EXPECT_EQ(Verdict(Body()), "signature");
  fields_ = good;
  fields_["SignatureVersion"] = "1";  // the other digest
  EXPECT_EQ(Verdict(Body()), "signature");
  fields_ = good;
  fields_["TopicArn"] += "2";
  EXPECT_EQ(Verdict(Body()), "topic");
  fields_ = good;
  EXPECT_EQ(Verdict(Body(), kNow + Hours(23)), "");
  EXPECT_EQ(Verdict(Body(), kNow + Hours(26)), "stale");
  EXPECT_EQ(Verdict({"[1", {}}), "malformed");
  EXPECT_EQ(Verdict({"[1]", {}}), "topic");
  EXPECT_EQ(Verdict({Body().body, {{"x-amz-sns-rawdelivery", "true"}}}), "signature");
}

TEST_F(SesTest, CertificatesComeFromSnsAlone) {
  for (const char* url :
       {"http://sns.eu-west-1.amazonaws.com/a.pem", "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://s3.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://evil.example#.sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.evil.amazonaws.com/a.pem", "https://sns.eu-west-1.amazonaws.com\\@x/a.pem"}) {
    fields_["SigningCertURL"] = url;
    EXPECT_EQ(Verdict(Envelope(kBounce)), "certificate") << url;
  }
  EXPECT_TRUE(fetched_.empty());
  EXPECT_EQ(SnsHostOf("https://sns.cn-north-1.amazonaws.com.cn/x.pem"),
            "sns.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(SnsHostOf("https://sns.us-gov-west-1.amazonaws.com/"),
            "sns.us-gov-west-1.amazonaws.com");
}

TEST_F(SesTest, CertificatesOfOthersAreRefused) {
  const TestKey other(TestKey::Kind::kRsa);
  const Timestamp begins = kNow - Days(1);
  const Timestamp expires = kNow + Days(1);
  const std::string bad[] = {
      "no certificate",
      key_.Certificate("sns.amazonaws.com", nullptr, "sns.amazonaws.com", begins, expires),
      key_.Certificate("sns.evil.example", &authority_, "Test CA", begins, expires),
      key_.Certificate("sns.amazonaws.com", &authority_, "Test CA", begins, kNow),
      key_.Certificate("sns.amazonaws.com", &authority_, "Test CA", expires, expires + Days(1)),
      // Issuers that came along lead to no authority.
      key_.Certificate("sns.amazonaws.com", &other, "Other CA", begins, expires) +
          other.Certificate("Other CA", nullptr, "Other CA", begins, expires, true),
      // The name of the authority, and not its key.
      key_.Certificate("sns.amazonaws.com", &other, "Test CA", begins, expires),
  };
  for (const std::string& certificate : bad) {
    certificate_ = certificate;
    const auto refusal = provider_->Verify(Envelope(kBounce).View(), kNow);
    ASSERT_TRUE(refusal.has_value()) << certificate;
    EXPECT_EQ(refusal->reason, "certificate") << certificate;
    EXPECT_FALSE(refusal->try_later);
  }
}

TEST_F(SesTest, WithoutACertificateItIsToComeAgain) {
  const std::string good = std::exchange(certificate_, "");
  const auto refusal = provider_->Verify(Envelope(kBounce).View(), kNow);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_TRUE(refusal->try_later);
  certificate_ = good;
  EXPECT_EQ(Verdict(Body()), "");
}

TEST_F(SesTest, FewCertificatesAreFetched) {
  certificate_.clear();
  for (int i = 0; i < 3 * SesProvider::kMaxFetchesPerMinute; ++i) {
    fields_["SigningCertURL"] = fmt::format("https://sns.eu-west-1.amazonaws.com/{}.pem", i);
    EXPECT_EQ(Verdict(Envelope(kBounce)), "certificate");
  }
  EXPECT_EQ(fetched_.size(), size_t{SesProvider::kMaxFetchesPerMinute});
  EXPECT_EQ(Verdict(Body(), kNow + Minutes(1)), "certificate");
  EXPECT_EQ(fetched_.size(), size_t{SesProvider::kMaxFetchesPerMinute} + 1);
}

TEST_F(SesTest, ASubscriptionIsToBeConfirmed) {
  fields_["Type"] = "SubscriptionConfirmation";
  fields_["Token"] = "abc";
  fields_["SubscribeURL"] =
      "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=a&Token=abc";
  EXPECT_EQ(Read(Envelope("You have chosen to subscribe")).confirm_url, fields_["SubscribeURL"]);
  fields_["SubscribeURL"] = "https://evil.example/?Action=ConfirmSubscription";
  const TestRequest request = Envelope("You have chosen to subscribe");
  EXPECT_EQ(Verdict(request), "");
  EXPECT_FALSE(provider_->Read(request.View(), kNow).ok());
  fields_["TopicArn"] += "2";
  EXPECT_EQ(Verdict(Envelope("You have chosen to subscribe")), "topic");
}

TEST_F(SesTest, WhatCannotBeReadIsNamed) {
  for (const char* message :
       {"{", R"({"eventType":"Bounce"})", R"({"eventType":"Bounce","bounce":{},"mail":{}})",
        R"({"eventType":"Delivery","delivery":{"recipients":["x"]},"mail":{}})",
        R"({"eventType":"Delivery","delivery":{"recipients":[{"emailAddress":7}]},"mail":{}})"}) {
    const TestRequest request = Envelope(message);
    EXPECT_EQ(Verdict(request), "");
    EXPECT_FALSE(provider_->Read(request.View(), kNow).ok()) << message;
  }
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += R"({"a":)";
  EXPECT_FALSE(provider_->Read(Envelope(deep + "1" + std::string(40, '}')).View(), kNow).ok());
}

}  // namespace
}  // namespace sojourn::feedback
