#include "engine/cli/moved_meta.h"

#include <gtest/gtest.h>

#include "engine/base/limits.h"

namespace sojourn::cli {
namespace {

OldPartition Old(int64_t watermark, std::vector<uint32_t> codes = {}) {
  store::PartitionMeta meta;
  meta.inputs = {{"events", Partition(0), Offset(7)}};
  meta.watermark = Timestamp(watermark);
  meta.clock = Timestamp(watermark - 1);
  meta.timer_cursor = {Timestamp(watermark), "somebody"};
  meta.bundle = 3;
  meta.persons = 12;
  if (!codes.empty()) meta.coupons_taken = {{"spring", std::move(codes)}};
  return {meta, false};
}

TEST(MovedMetaTest, WithAsManyPartitionsEachGoesOnWhereItStood) {
  std::vector<OldPartition> old = {Old(1000, {5}), Old(2000), {}};
  old[1].meta->sweeps = {{":upgrade", Timestamp(1), "p"}};
  const auto moved = MoveMetas(old, 3);
  ASSERT_TRUE(moved.ok()) << moved.status().message();
  ASSERT_EQ(moved->size(), 3u);
  EXPECT_EQ((*moved)[0]->watermark, Timestamp(1000));
  EXPECT_EQ((*moved)[0]->coupons_taken, old[0].meta->coupons_taken);
  EXPECT_EQ((*moved)[0]->bundle, 3u);
  EXPECT_TRUE((*moved)[0]->inputs.empty());
  EXPECT_EQ((*moved)[0]->timer_cursor, store::TimerRow());
  EXPECT_EQ((*moved)[0]->persons, 0u);
  EXPECT_EQ((*moved)[1]->watermark, Timestamp(2000));
  EXPECT_EQ((*moved)[1]->sweeps, old[1].meta->sweeps);
  EXPECT_FALSE((*moved)[2].has_value());
}

TEST(MovedMetaTest, WithAnotherNumberAllStandWhereTheSlowestStood) {
  const std::vector<OldPartition> old = {Old(3000, {5, 9}), Old(2000, {7, 9})};
  const auto moved = MoveMetas(old, 3);
  ASSERT_TRUE(moved.ok()) << moved.status().message();
  ASSERT_EQ(moved->size(), 3u);
  for (const auto& meta : *moved) {
    ASSERT_TRUE(meta.has_value());
    EXPECT_EQ(meta->watermark, Timestamp(2000));
    EXPECT_EQ(meta->clock, Timestamp(2999));
    ASSERT_EQ(meta->coupons_taken.size(), 1u);
    EXPECT_EQ(meta->coupons_taken[0].taken, (std::vector<uint32_t>{5, 7, 9}));
  }
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

TEST(MovedMetaTest, MoreCodesThanAPartitionRemembersAreRefused) {
  std::vector<uint32_t> codes(kMaxTakenCodes);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint32_t>(i);
  std::vector<OldPartition> old = {Old(1, codes), Old(1)};
  EXPECT_TRUE(MoveMetas(old, 3).ok());
  old[1] = Old(1, {static_cast<uint32_t>(kMaxTakenCodes)});
  EXPECT_EQ(MoveMetas(old, 3).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(MoveMetas(old, 2).ok());
}

TEST(MovedMetaTest, AnEmptyDirectoryMovesNothing) {
  const auto moved = MoveMetas({{}, {}}, 3);
  ASSERT_TRUE(moved.ok());
  for (const auto& meta : *moved) EXPECT_FALSE(meta.has_value());
}

}  // namespace
}  // namespace sojourn::cli
