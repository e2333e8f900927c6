#include "engine/store/partition_meta.h"

#include <random>

#include <gtest/gtest.h>

#include "engine/model/coupon_bytes.h"

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
  meta.coupons = {{"gone", 0, {}},
                  {"vip", 4'000'000'000, {{"j", "", 5, 0, 0, 0}}},
                  {"winback", 1, {{"", "", 1, 0, 0, 0}, {"j", "offer.mail", 7, 3, 2, -0.5}}}};
  meta.codes_without_rows = true;
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

// A record of an older version: the coupons of an empty one replaced.
std::string OldMeta(uint8_t version, const std::string& coupons) {
  PartitionMeta meta;
  meta.coupons = {{"p", 5, {}}};
  std::string bytes = EncodePartitionMeta(meta);
  const std::string now("\x01\x01p\x05\x00", 5);
  const size_t at = bytes.find(now);
  EXPECT_NE(at, std::string::npos);
  bytes.replace(at, now.size(), coupons);
  bytes[0] = static_cast<char>(version);
  return bytes;
}

// "p", of which three codes were given.
TEST(PartitionMetaTest, CountedCouponsOfVersion1AreRead) {
  const auto decoded = DecodePartitionMeta(OldMeta(1, std::string("\x01\x01p\x03", 4)));
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_TRUE(decoded->coupons.empty());
  ASSERT_TRUE(decoded->counted_coupons);
  EXPECT_EQ(*decoded->counted_coupons, (std::vector<CountedPoolUse>{{"p", 3}}));
}

// As when a partition is stopped before its first commit.
TEST(PartitionMetaTest, CountedCouponsAreWrittenAsTheyWere) {
  const std::string bytes = OldMeta(1, std::string("\x01\x01p\x03", 4));
  EXPECT_EQ(EncodePartitionMeta(*DecodePartitionMeta(bytes)), bytes);
}

// The counts at their largest take no more of the record than is reckoned with.
TEST(PartitionMetaTest, TheBytesOfCountsAreBounded) {
  const PartitionMeta empty;
  PartitionMeta full;
  full.coupons = {{"p", UINT64_MAX, {{}, {"j", "path"}}}};
  for (model::CouponSource& source : full.coupons[0].sources) {
    source.allotted = source.redeemed = source.expired = UINT64_MAX;
  }
  EXPECT_LE(EncodePartitionMeta(full).size(),
            EncodePartitionMeta(empty).size() + model::MostBytes("p", full.coupons[0].sources));
}

// "p", of which the codes with the marks 5, 6 and 7 were given.
TEST(PartitionMetaTest, MarkedCouponsOfVersion2BecomeChunks) {
  const auto decoded = DecodePartitionMeta(OldMeta(2, std::string("\x01\x01p\x03\x05\x01\x01", 7)));
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(decoded->coupons, (std::vector<PoolUse>{{"p", 3, {}}}));
  const std::vector<uint64_t> codes = {uint64_t{5} << 32, uint64_t{6} << 32, uint64_t{7} << 32};
  EXPECT_EQ(decoded->code_chunks, (std::vector<CodeChunk>{{"p", 0, codes}}));
  EXPECT_TRUE(decoded->codes_without_rows);
  EXPECT_FALSE(decoded->counted_coupons);
}

TEST(PartitionMetaTest, MarksRise) {
  for (const char difference : {0, 2}) {
    const std::string marks("\x01\x01p\x02\xfe\xff\xff\xff\x0f", 9);
    EXPECT_EQ(DecodePartitionMeta(OldMeta(2, marks + difference)).status().code(),
              StatusCode::kDataLoss);
  }
}

TEST(PartitionMetaTest, ChunksHoldTheEndOfAList) {
  std::vector<uint64_t> codes(2 * kCodesPerChunk + 3);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = i * 7;
  std::vector<CodeChunk> chunks = ChunksOf("p", codes, 0);
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[2].hashes, (std::vector<uint64_t>(codes.end() - 3, codes.end())));
  EXPECT_EQ(ChunksOf("p", codes, 2 * kCodesPerChunk - 1).size(), 2u);
  EXPECT_EQ(ChunksOf("p", codes, 2 * kCodesPerChunk).size(), 1u);
  const std::string bytes = EncodeCodes(chunks[0].hashes);
  EXPECT_EQ(bytes.size(), 8 * kCodesPerChunk);
  EXPECT_EQ(*DecodeCodes(bytes), chunks[0].hashes);
  EXPECT_EQ(DecodeCodes("").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeCodes(bytes + "12345678").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeCodes(bytes.substr(1)).status().code(), StatusCode::kDataLoss);
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
