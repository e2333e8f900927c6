#include "engine/deliver/links.h"

#include <random>

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

LinkClaims SomeClaims(LinkKind kind) {
  LinkClaims claims;
  claims.kind = kind;
  claims.action_id = "act_0123456789abcdef0123456789abcdef";
  claims.person = "customer-1234567";
  claims.journey = "abandoned-cart";
  claims.template_name = "cart-last-reminder";
  claims.topic = "marketing";
  claims.language = "de";
  claims.sent_at = Timestamp(1772442000123);
  return claims;
}

TEST(Links, EveryClaimComesBack) {
  const LinkSigner signer({"first key"});
  LinkClaims claims = SomeClaims(LinkKind::kClick);
  claims.target = "https://shop.example/p/1?a=1&b=%C3%BC#part";
  EXPECT_EQ(signer.Verify(LinkKind::kClick, signer.Sign(claims)).value(), claims);
  claims = {};
  claims.sent_at = Timestamp::Min();
  EXPECT_EQ(signer.Verify(LinkKind::kUnsubscribe, signer.Sign(claims)).value(), claims);
  claims.person = std::string("\0\xff\n", 3) + std::string(253, 'x');
  claims.sent_at = Timestamp::Max();
  EXPECT_EQ(signer.Verify(LinkKind::kUnsubscribe, signer.Sign(claims)).value(), claims);
}

TEST(Links, FitIntoAnUrl) {
  const std::string token = LinkSigner({"k"}).Sign(SomeClaims(LinkKind::kUnsubscribe));
  EXPECT_LT(token.size(), 200U);
  EXPECT_EQ(token.find_first_not_of(kDigits), std::string::npos);
}

TEST(Links, AKindIsNoOther) {
  const LinkSigner signer({"k"});
  for (int made = 0; made < 4; ++made) {
    const std::string token = signer.Sign(SomeClaims(static_cast<LinkKind>(made)));
    for (int asked = 0; asked < 4; ++asked) {
      EXPECT_EQ(signer.Verify(static_cast<LinkKind>(asked), token).ok(), made == asked);
    }
  }
}

TEST(Links, KeysRotate) {
  const LinkClaims claims = SomeClaims(LinkKind::kOpen);
  const std::string old_token = LinkSigner({"old"}).Sign(claims);
  const LinkSigner both({"new", "old"});
  EXPECT_TRUE(both.Verify(LinkKind::kOpen, old_token).ok());
  const std::string new_token = both.Sign(claims);
  EXPECT_NE(new_token, old_token);
  EXPECT_TRUE(LinkSigner({"newest", "new"}).Verify(LinkKind::kOpen, new_token).ok());
  EXPECT_FALSE(LinkSigner({"newest", "new"}).Verify(LinkKind::kOpen, old_token).ok());
  EXPECT_TRUE(LinkSigner({"newest", "old"}).Verify(LinkKind::kOpen, old_token).ok());
}

// Neither a bit of the bytes nor one of their spelling may change.
TEST(Links, EveryBitCounts) {
  const LinkSigner signer({"k"});
  for (const size_t more : {0, 1, 2}) {  // ends of every length modulo 3
    LinkClaims claims = SomeClaims(LinkKind::kUnsubscribe);
    claims.person.append(more, 'x');
    const std::string token = signer.Sign(claims);
    for (size_t i = 0; i < token.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string forged = token;
        forged[i] = static_cast<char>(forged[i] ^ (1 << bit));
        EXPECT_FALSE(signer.Verify(LinkKind::kUnsubscribe, forged).ok()) << i << " " << bit;
      }
      for (const char digit : kDigits) {
        std::string forged = token;
        forged[i] = digit;
        EXPECT_EQ(signer.Verify(LinkKind::kUnsubscribe, forged).ok(), forged == token);
      }
    }
  }
}

TEST(Links, TruncatedAndProlonged) {
  const LinkSigner signer({"k"});
  const std::string token = signer.Sign(SomeClaims(LinkKind::kUnsubscribe));
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(signer.Verify(LinkKind::kUnsubscribe, token.substr(0, size)).ok()) << size;
  }
  for (const std::string_view more : {"A", "AA", "AAAA", "=", "==", " ", "\n", "/", "%20"}) {
    EXPECT_FALSE(signer.Verify(LinkKind::kUnsubscribe, token + std::string(more)).ok()) << more;
  }
}

TEST(Links, LimitOfLength) {
  const LinkSigner signer({"k"});
  LinkClaims claims = SomeClaims(LinkKind::kClick);
  claims.person = std::string(256, 'p');
  claims.target = std::string(kMaxClickTargetBytes, 't');
  EXPECT_TRUE(signer.Verify(LinkKind::kClick, signer.Sign(claims)).ok());
  while (signer.Sign(claims).size() < kMaxLinkTokenBytes) claims.target += 't';
  EXPECT_EQ(signer.Sign(claims).size(), kMaxLinkTokenBytes);
  EXPECT_TRUE(signer.Verify(LinkKind::kClick, signer.Sign(claims)).ok());
  claims.target += 't';
  EXPECT_FALSE(signer.Verify(LinkKind::kClick, signer.Sign(claims)).ok());
}

TEST(Links, AMillionForgedOnesAreRefused) {
  constexpr int kForged = 1'000'000;
  const LinkSigner signer({"new", "old"});
  const LinkSigner foreign({"foreign"});
  const std::string token = signer.Sign(SomeClaims(LinkKind::kUnsubscribe));
  std::mt19937_64 random(20260302);
  int accepted = 0;
  for (int i = 0; i < kForged; ++i) {
    std::string forged = token;
    if (i % 100 == 0) {  // well made, by somebody else
      LinkClaims claims = SomeClaims(LinkKind::kUnsubscribe);
      claims.person = std::to_string(i);
      forged = foreign.Sign(claims);
    } else if (i % 10 == 1) {  // noise
      for (char& c : forged) c = kDigits[random() % 64];
    } else {  // our header and key, other claims or another MAC
      const size_t first = 8;
      for (int change = 0; change < 1 + i % 4; ++change) {
        char& c = forged[first + random() % (forged.size() - first)];
        const size_t at = kDigits.find(c);
        c = kDigits[(at + 1 + random() % 63) % 64];
      }
    }
    if (forged == token) continue;
    accepted += signer.Verify(LinkKind::kUnsubscribe, forged).ok() ? 1 : 0;
  }
  EXPECT_EQ(accepted, 0);
  EXPECT_TRUE(signer.Verify(LinkKind::kUnsubscribe, token).ok());
}

}  // namespace
}  // namespace sojourn::deliver
