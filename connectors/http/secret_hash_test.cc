#include "connectors/http/secret_hash.h"

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

// printf 'a key' | sha256sum
constexpr char kHash[] = "sha256:8fa3aab2faa9b79e0a0398da5b5abd0780142442a5be80b9a64608d718cb1fcd";

TEST(SecretHashTest, MatchesTheSecretAlone) {
  const SecretHash hash = SecretHash::Of("a key");
  EXPECT_TRUE(hash.Matches("a key"));
  for (const char* other : {"", "a ke", "a key ", "A key", "b key"}) {
    EXPECT_FALSE(hash.Matches(other)) << other;
  }
}

TEST(SecretHashTest, AHashStandsForItsSecretAndIsNone) {
  const std::string text = SecretHash::Of("a key").ToText();
  EXPECT_EQ(text, kHash);
  const auto hash = SecretHash::Parse(text);
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(hash->Matches("a key"));
  EXPECT_FALSE(hash->Matches(text));  // who sees the configuration cannot use it
}

TEST(SecretHashTest, APlainTextIsTheSecret) {
  const auto hash = SecretHash::Parse("a key");
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(hash->Matches("a key"));
}

TEST(SecretHashTest, RefusesWhatIsNoHashWithoutShowingIt) {
  const std::string text = SecretHash::Of("a key").ToText();
  for (const std::string& broken : {std::string("sha256:"), text.substr(0, text.size() - 1),
                                    text + "0", text.substr(0, text.size() - 1) + "g"}) {
    const auto hash = SecretHash::Parse(broken);
    ASSERT_FALSE(hash.ok()) << broken;
    if (broken == "sha256:") continue;  // which the message names
    EXPECT_EQ(hash.status().message().find(broken), std::string::npos);
  }
}

TEST(SecretHashTest, RefusesHashesWithAnotherBeginning) {
  const std::string digits(std::string_view(kHash).substr(7));
  for (const std::string beginning :
       {"sha265:", "sha-256:", "SHA256:", "sha1:", "sha_256:", "sah256:", "hash:", "Sha256 :"}) {
    const auto hash = SecretHash::Parse(beginning + digits);
    ASSERT_FALSE(hash.ok()) << beginning;
    EXPECT_EQ(hash.status().message().find(digits), std::string::npos);
  }
  EXPECT_FALSE(SecretHash::Parse("sha265:12").ok());
  for (const std::string& secret : {digits, std::string("share:12"), std::string("sha:12"),
                                    "web:" + digits.substr(1), ":" + digits}) {
    EXPECT_TRUE(SecretHash::Parse(secret).ok()) << secret;
  }
}

}  // namespace
}  // namespace sojourn::http
