#include "engine/deliver/suppression.h"

#include <gtest/gtest.h>

#include <vector>

namespace sojourn::deliver {
namespace {

constexpr Timestamp kThen(1'700'000'000'000);

TEST(Suppression, ReadsBackWhatItWrote) {
  const Suppression entry{HmacSha256("k", "ann@shop.example"), SuppressionReason::kComplained,
                          kThen};
  const std::string line = FormatSuppression(entry);
  EXPECT_EQ(line.substr(64), ",complained,2023-11-14T22:13:20Z");
  const auto back = ParseSuppression(line.substr(0, 64), "complained", "2023-11-14T22:13:20Z");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->hash, entry.hash);
  EXPECT_EQ(back->reason, entry.reason);
  EXPECT_EQ(back->since, entry.since);
  for (int number = 0; number < 6; ++number) {
    const auto reason = static_cast<SuppressionReason>(number);
    EXPECT_EQ(ParseSuppressionReason(SuppressionReasonName(reason)), reason);
  }
  EXPECT_EQ(SuppressionReasonName(static_cast<SuppressionReason>(6)), "");
}

TEST(Suppression, RefusesWhatIsNone) {
  const std::string hash(64, 'a');
  EXPECT_TRUE(ParseSuppression(hash, "manual", "2023-11-14T22:13:20Z"));
  EXPECT_FALSE(ParseSuppression(hash, "because", "2023-11-14T22:13:20Z"));
  EXPECT_FALSE(ParseSuppression(hash, "manual", "yesterday"));
  for (const std::string& bad : {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g'),
                                 "0x" + std::string(62, 'a'), std::string(63, 'a') + " "}) {
    EXPECT_FALSE(ParseSuppression(bad, "manual", "2023-11-14T22:13:20Z")) << bad;
  }
}

TEST(Suppression, KnowsAnAddressHoweverItIsWritten) {
  MemorySuppressionList list;
  const auto suppressions = Suppressions::Open("key", &list);
  ASSERT_TRUE(suppressions.ok());
  Suppressions& known = **suppressions;
  EXPECT_FALSE(*known.IsSuppressed("ann@shop.example"));
  EXPECT_TRUE(*known.Add(" Ann@Shop.example\r\n", SuppressionReason::kBounced, kThen));
  EXPECT_TRUE(*known.IsSuppressed("ann@shop.example"));
  EXPECT_TRUE(*known.IsSuppressed("\tANN@SHOP.EXAMPLE"));
  EXPECT_FALSE(*known.IsSuppressed("an@shop.example"));
  EXPECT_FALSE(*known.IsSuppressed(""));
  EXPECT_FALSE(*known.IsSuppressed("  "));
  EXPECT_TRUE((*known.Find("ann@shop.example")).has_value());
  // The first reason stays.
  EXPECT_FALSE(*known.Add("ann@shop.example", SuppressionReason::kManual, kThen + Hours(1)));
  const auto entry = *known.Find("ann@shop.example");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->reason, SuppressionReason::kBounced);
  EXPECT_EQ(entry->since, kThen);
  EXPECT_TRUE(*known.Remove("Ann@shop.example"));
  EXPECT_FALSE(*known.Remove("Ann@shop.example"));
  EXPECT_FALSE(*known.IsSuppressed("ann@shop.example"));
}

TEST(Suppression, HoldsNoAddress) {
  MemorySuppressionList list;
  const auto suppressions = Suppressions::Open("key", &list);
  ASSERT_TRUE((*suppressions)->Add("ann@shop.example", SuppressionReason::kManual, kThen).ok());
  std::vector<AddressHash> hashes;
  ASSERT_TRUE((*suppressions)
                  ->ForEach([&](const Suppression& entry) {
                    hashes.push_back(entry.hash);
                    return true;
                  })
                  .ok());
  EXPECT_EQ(hashes, std::vector{HmacSha256("key", "ann@shop.example")});
}

TEST(Suppression, RefusesAnotherKey) {
  MemorySuppressionList list;
  EXPECT_TRUE(Suppressions::Open("one", &list).ok());
  EXPECT_TRUE(Suppressions::Open("two", &list).ok());  // Nothing was ever added.
  const auto two = Suppressions::Open("two", &list);
  ASSERT_TRUE((*two)->Add("ann@shop.example", SuppressionReason::kManual, kThen).ok());
  EXPECT_TRUE(Suppressions::Open("two", &list).ok());
  const auto refused = Suppressions::Open("one", &list);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("address_key"), std::string::npos);
}

}  // namespace
}  // namespace sojourn::deliver
