#include "connectors/webhook/signature.h"

#include <gtest/gtest.h>

namespace sojourn::webhook {
namespace {

// The published example of Standard Webhooks and its libraries.
constexpr char kSecret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr char kId[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr char kBody[] = R"({"test": 2432232314})";
constexpr char kSignature[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::string KeyOf(std::string_view secret) {
  const auto key = ParseSecret(secret);
  EXPECT_TRUE(key.ok());
  return key.ok() ? *key : "";
}

TEST(WebhookSignature, IsThatOfThePublishedExample) {
  EXPECT_EQ(SignatureHeader({KeyOf(kSecret)}, kId, 1614265330, kBody), kSignature);
}

TEST(WebhookSignature, DependsOnEveryPart) {
  const std::vector keys = {KeyOf(kSecret)};
  EXPECT_NE(SignatureHeader(keys, "msg_other", 1614265330, kBody), kSignature);
  EXPECT_NE(SignatureHeader(keys, kId, 1614265331, kBody), kSignature);
  EXPECT_NE(SignatureHeader(keys, kId, 1614265330, "{}"), kSignature);
}

TEST(WebhookSignature, OneForEachSecretWhileTheyRotate) {
  const auto fresh = NewSecret();
  ASSERT_TRUE(fresh.ok());
  const std::string key = KeyOf(*fresh);
  const std::string header = SignatureHeader({key, KeyOf(kSecret)}, kId, 1614265330, kBody);
  EXPECT_EQ(header, SignatureHeader({key}, kId, 1614265330, kBody) + " " + kSignature);
  EXPECT_EQ(SignatureHeader({}, kId, 1614265330, kBody), "");
}

TEST(WebhookSecret, NewOnesDifferAndAreRead) {
  const auto one = NewSecret();
  const auto two = NewSecret();
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(*one, *two);
  EXPECT_EQ(KeyOf(*one).size(), 32u);
}

TEST(WebhookSecret, PaddingMayBeMissing) {
  EXPECT_EQ(KeyOf("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="), std::string(25, '\0'));
  EXPECT_EQ(KeyOf("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), std::string(25, '\0'));
}

TEST(WebhookSecret, WhatIsNoneIsRefusedWithoutBeingShown) {
  for (const char* text :
       {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjU",
        "whsec_MfKQ9r8GKYqr TwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqr=wjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqr-_jUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL===",
        "whsec_"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "="}) {
    const auto key = ParseSecret(text);
    EXPECT_EQ(key.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(key.status().message().find("MfKQ"), std::string::npos) << key.status().message();
  }
}

}  // namespace
}  // namespace sojourn::webhook
