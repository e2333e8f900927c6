#include "engine/store/partition_meta.h"

#include <random>

#include <gtest/gtest.h>

namespace sojourn::store {
namespace {

PartitionMeta FullMeta() {
  PartitionMeta meta;
  meta.persons = 23570;
  meta.inputs = {{"web", Partition(3), Offset(17)}, {"purchase", Partition(-1), Offset(-1)}};
  meta.clock = Timestamp(1'772'442'000'000);
  meta.watermark = Timestamp(-7);
  meta.timer_cursor = {Timestamp(1'772'441'999'999), "u1"};
  meta.sweeps = {{"weekly-digest", Timestamp(5), "u7"}, {"upgrade", Timestamp::Max(), ""}};
  meta.bundle = 12;
  meta.import_open = true;
  meta.timers_incomplete = true;
  meta.coupons_taken = {{"winback", 7}, {"vip", 4'000'000'000}};
  meta.key_fingerprints = {{"coupons", "0a1b"}};
  meta.identities = {{"app", "shop"}, {"topic web", "x-y-z"}};
  meta.changelog_next_offset = Offset(INT64_MAX);
  meta.written_at = Timestamp(99);
  return meta;
}

TEST(PartitionMetaTest, ComesBack) {
  for (const PartitionMeta& meta : {PartitionMeta(), FullMeta()}) {
    const auto decoded = DecodePartitionMeta(EncodePartitionMeta(meta));
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(*decoded, meta);
  }
}

TEST(PartitionMetaTest, AnyCutOrAdditionIsRefused) {
  const std::string bytes = EncodePartitionMeta(FullMeta());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodePartitionMeta(bytes.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodePartitionMeta(bytes + "x").status().code(), StatusCode::kDataLoss);
}

TEST(PartitionMetaTest, AnyBytesAreSafe) {
  std::mt19937_64 random(1);
  const std::string bytes = EncodePartitionMeta(FullMeta());
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string changed = bytes;
    for (int flips = 0; flips < 3; ++flips) {
      changed[1 + random() % (changed.size() - 1)] = static_cast<char>(random());
    }
    const auto decoded = DecodePartitionMeta(changed);
    if (!decoded.ok()) ++refused;
    EXPECT_TRUE(decoded.ok() || decoded.status().code() == StatusCode::kDataLoss);
  }
  EXPECT_GT(refused, 1000);
}

TEST(PartitionMetaTest, NewerVersionIsNamed) {
  std::string bytes = EncodePartitionMeta(FullMeta());
  bytes[0] = kPartitionMetaVersion + 1;
  const Status status = DecodePartitionMeta(bytes).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("newer sojourn"), std::string::npos);
}

}  // namespace
}  // namespace sojourn::store
