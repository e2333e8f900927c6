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
  meta.coupons_taken = {{"winback", {0, 7, UINT32_MAX}}, {"vip", {4'000'000'000}}, {"gone", {}}};
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

// Both ends of the coupons in a meta of version 1: "p", of which three codes were given.
TEST(PartitionMetaTest, CountedCouponsOfVersion1AreRead) {
  PartitionMeta meta;
  meta.coupons_taken = {{"p", {5, 6, 7}}};
  std::string bytes = EncodePartitionMeta(meta);
  const std::string marks("\x01\x01p\x03\x05\x01\x01", 7);
  const size_t at = bytes.find(marks);
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, marks.size(), "\x01\x01p\x03");
  bytes[0] = 1;
  const auto decoded = DecodePartitionMeta(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_TRUE(decoded->coupons_taken.empty());
  ASSERT_TRUE(decoded->counted_coupons);
  EXPECT_EQ(*decoded->counted_coupons, (std::vector<CountedPoolUse>{{"p", 3}}));
}

TEST(PartitionMetaTest, MarksRise) {
  PartitionMeta meta;
  meta.coupons_taken = {{"p", {UINT32_MAX - 1, UINT32_MAX}}};
  const std::string bytes = EncodePartitionMeta(meta);
  const std::string marks("\xfe\xff\xff\xff\x0f\x01", 6);
  const size_t last = bytes.find(marks) + marks.size() - 1;
  for (const char difference : {0, 2}) {
    std::string changed = bytes;
    changed[last] = difference;
    EXPECT_EQ(DecodePartitionMeta(changed).status().code(), StatusCode::kDataLoss);
  }
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
