#include "connectors/kafka/suppression_record.h"

#include <gtest/gtest.h>

namespace sojourn::kafka {
namespace {

using deliver::Suppression;
using deliver::SuppressionReason;

TEST(SuppressionRecord, ReadsBackWhatItWrote) {
  Suppression entry{{}, SuppressionReason::kComplained, Timestamp(1'700'000'000'123)};
  entry.hash.fill(0xa5);
  const std::string key = SuppressionKey(entry.hash);
  const std::string value = EncodeSuppression(entry);
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(value, "complained,2023-11-14T22:13:20.123Z");
  const auto back = DecodeSuppression(key, value);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->hash, entry.hash);
  EXPECT_EQ(back->reason, entry.reason);
  EXPECT_EQ(back->since, entry.since);
}

TEST(SuppressionRecord, RefusesWhatIsNone) {
  const std::string key(64, 'a');
  EXPECT_TRUE(DecodeSuppression(key, "manual,2023-11-14T22:13:20Z"));
  EXPECT_FALSE(DecodeSuppression(key, ""));
  EXPECT_FALSE(DecodeSuppression(key, "manual"));
  EXPECT_FALSE(DecodeSuppression(key, "because,2023-11-14T22:13:20Z"));
  EXPECT_FALSE(DecodeSuppression(key, "manual,yesterday"));
  EXPECT_FALSE(DecodeSuppression("ann@shop.example", "manual,2023-11-14T22:13:20Z"));
}

}  // namespace
}  // namespace sojourn::kafka
