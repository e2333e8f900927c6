#include "engine/step/bucket.h"

#include <gtest/gtest.h>

#include "engine/base/limits.h"

namespace sojourn::step {
namespace {

// Numbers from an independent implementation.
TEST(BucketTest, IsTheHashOfKindJourneyNameAndPerson) {
  EXPECT_EQ(Bucket(BucketKind::kAbTest, "win-back", "offer", "u1"), 4609);
  EXPECT_EQ(Bucket(BucketKind::kHoldout, "", "", "u1"), 913);
  EXPECT_EQ(Bucket(BucketKind::kSpread, "news", "", "\xc3\xa9"), 2027);
}

TEST(BucketTest, SharesAreEven) {
  int low = 0;
  for (int i = 0; i < 10'000; ++i) {
    low += Bucket(BucketKind::kAbTest, "j", "t", std::to_string(i)) < kBuckets / 10 ? 1 : 0;
  }
  EXPECT_GT(low, 900);
  EXPECT_LT(low, 1100);
}

}  // namespace
}  // namespace sojourn::step
