#include "engine/cli/moved_meta.h"

#include <gtest/gtest.h>

#include "engine/model/coupon_bytes.h"

namespace sojourn::cli {
namespace {

OldPartition Old(int64_t watermark, const std::vector<uint64_t>& codes = {}) {
  store::PartitionMeta meta;
  meta.inputs = {{"events", Partition(0), Offset(7)}};
  meta.watermark = Timestamp(watermark);
  meta.clock = Timestamp(watermark - 1);
  meta.timer_cursor = {Timestamp(watermark), "somebody"};
  meta.bundle = 3;
  meta.persons = 12;
  if (codes.empty()) return {meta, {}, false};
  meta.coupons = {{"spring", codes.size(), {{"j", "", codes.size(), 1, 0, 2.5}}}};
  return {meta, {{"spring", codes}}, false};
}

// The codes that a new partition begins with.
std::vector<uint64_t> CodesOf(const store::PartitionMeta& meta) {
  std::vector<uint64_t> codes;
  for (const store::CodeChunk& chunk : meta.code_chunks) {
    EXPECT_EQ(chunk.pool, "spring");
    EXPECT_EQ(chunk.index * store::kCodesPerChunk, codes.size());
    codes.insert(codes.end(), chunk.hashes.begin(), chunk.hashes.end());
  }
  EXPECT_EQ(meta.coupons.at(0).taken, codes.size());
  return codes;
}

TEST(MovedMetaTest, WithAsManyPartitionsEachGoesOnWhereItStood) {
  std::vector<OldPartition> old = {Old(1000, {5}), Old(2000), {}};
  old[1].meta->sweeps = {{":upgrade", Timestamp(1), "p"}};
  const auto moved = MoveMetas(old, 3);
  ASSERT_TRUE(moved.ok()) << moved.status().message();
  ASSERT_EQ(moved->size(), 3u);
  EXPECT_EQ((*moved)[0]->watermark, Timestamp(1000));
  EXPECT_EQ((*moved)[0]->coupons, old[0].meta->coupons);
  EXPECT_EQ(CodesOf(*(*moved)[0]), (std::vector<uint64_t>{5}));
  EXPECT_EQ((*moved)[0]->bundle, 3u);
  EXPECT_TRUE((*moved)[0]->inputs.empty());
  EXPECT_EQ((*moved)[0]->timer_cursor, store::TimerRow());
  EXPECT_EQ((*moved)[0]->persons, 0u);
  EXPECT_EQ((*moved)[1]->watermark, Timestamp(2000));
  EXPECT_EQ((*moved)[1]->sweeps, old[1].meta->sweeps);
  EXPECT_FALSE((*moved)[2].has_value());
}

TEST(MovedMetaTest, WithAnotherNumberAllStandWhereTheSlowestStood) {
  // By their hashes modulo 3; of the last only the upper half is known.
  constexpr uint64_t kMark = uint64_t{9} << 32;
  const std::vector<OldPartition> old = {Old(3000, {5, 9, kMark}), Old(2000, {7, 11})};
  const auto moved = MoveMetas(old, 3);
  ASSERT_TRUE(moved.ok()) << moved.status().message();
  ASSERT_EQ(moved->size(), 3u);
  for (const auto& meta : *moved) {
    ASSERT_TRUE(meta.has_value());
    EXPECT_EQ(meta->watermark, Timestamp(2000));
    EXPECT_EQ(meta->clock, Timestamp(2999));
  }
  EXPECT_EQ(CodesOf(*(*moved)[0]), (std::vector<uint64_t>{9, kMark}));
  EXPECT_EQ(CodesOf(*(*moved)[1]), (std::vector<uint64_t>{7, kMark}));
  EXPECT_EQ(CodesOf(*(*moved)[2]), (std::vector<uint64_t>{5, 11, kMark}));
  // What came of them is counted once.
  EXPECT_EQ((*moved)[0]->coupons[0].sources,
            (std::vector<model::CouponSource>{{"j", "", 5, 2, 0, 5.0}}));
  EXPECT_TRUE((*moved)[1]->coupons[0].sources.empty());
}

// Each old record has room for its counts; that of one new partition has not.
TEST(MovedMetaTest, CountsBeyondOneRecordHaveNoName) {
  const std::string name(kMaxCouponUseBytes / 4, 'x');
  std::vector<OldPartition> old;
  for (int p = 0; p < 6; ++p) {
    old.push_back(Old(1000, {static_cast<uint64_t>(p) + 1}));
    old.back().meta->coupons[0].sources = {{"", "", 1, 0, 0, 0},
                                           {"j", std::to_string(p) + name, 10, 5, 1, 2.5}};
  }
  const auto moved = MoveMetas(old, 1);
  ASSERT_TRUE(moved.ok()) << moved.status().message();
  const auto& sources = (*moved)[0]->coupons.at(0).sources;
  ASSERT_EQ(sources.size(), 4u);
  EXPECT_EQ(sources[0], (model::CouponSource{"", "", 6 + 30, 15, 3, 7.5}));
  EXPECT_EQ(sources[3].path, "2" + name);
  EXPECT_LE(model::MostBytes("spring", sources), kMaxCouponUseBytes);
}

TEST(MovedMetaTest, APartitionThatOnlyHasATailMayBeTheSlowest) {
  std::vector<OldPartition> old = {Old(3000), {}};
  EXPECT_EQ((*MoveMetas(old, 1))[0]->watermark, Timestamp(3000));
  old[1].has_tail = true;
  EXPECT_EQ((*MoveMetas(old, 1))[0]->watermark, Timestamp::Min());
}

TEST(MovedMetaTest, WhatCannotBePutTogetherIsRefused) {
  std::vector<OldPartition> old = {Old(3000), Old(2000)};
  old[1].meta->bundle = 2;
  EXPECT_EQ(MoveMetas(old, 3).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(MoveMetas(old, 2).ok());
  old = {Old(3000), Old(2000)};
  old[0].meta->sweeps = {{":upgrade", Timestamp(1), "p"}};
  EXPECT_EQ(MoveMetas(old, 3).status().code(), StatusCode::kFailedPrecondition);
  old = {Old(3000), Old(2000)};
  old[0].meta->counted_coupons.emplace();
  EXPECT_EQ(MoveMetas(old, 2).status().code(), StatusCode::kFailedPrecondition);
}

TEST(MovedMetaTest, AnEmptyDirectoryMovesNothing) {
  const auto moved = MoveMetas({{}, {}}, 3);
  ASSERT_TRUE(moved.ok());
  for (const auto& meta : *moved) EXPECT_FALSE(meta.has_value());
}

}  // namespace
}  // namespace sojourn::cli
