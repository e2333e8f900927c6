#include "engine/model/taken_codes.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace sojourn::model {
namespace {

TEST(TakenCodesTest, TakesEachCodeOnceAndKeepsTheOrder) {
  std::mt19937_64 random(7);
  TakenCodes taken;
  std::set<uint64_t> expected;
  std::vector<uint64_t> order;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t hash = (random() % 10'000 << 32) + 4 * (random() % 3) + 1;  // some come again
    EXPECT_EQ(taken.Has(hash), expected.count(hash) == 1);
    const bool is_new = expected.insert(hash).second;
    EXPECT_EQ(taken.Take(hash), is_new);
    if (is_new) order.push_back(hash);
  }
  EXPECT_EQ(std::vector<uint64_t>(taken.in_order().begin(), taken.in_order().end()), order);
  EXPECT_LT(order.size(), 20'000u);
}

TEST(TakenCodesTest, WhatIsCutOffCanBeTakenAgain) {
  TakenCodes taken;
  for (uint64_t hash = 1; hash <= 1000; ++hash) ASSERT_TRUE(taken.Take(hash << 33 | 1));
  taken.Truncate(400);
  taken.Truncate(900);  // nothing more
  EXPECT_EQ(taken.size(), 400u);
  for (uint64_t hash = 1; hash <= 1000; ++hash) {
    EXPECT_EQ(taken.Has(hash << 33 | 1), hash <= 400);
    EXPECT_EQ(taken.Take(hash << 33 | 1), hash > 400);
  }
}

TEST(TakenCodesTest, AMarkStandsForAllCodesWithItsUpperHalf) {
  TakenCodes taken({uint64_t{7} << 32, uint64_t{0}});
  EXPECT_TRUE(taken.Has(uint64_t{7} << 32 | 12345));
  EXPECT_FALSE(taken.Take(uint64_t{7} << 32 | 1));
  EXPECT_FALSE(taken.Take(99));  // the mark 0
  EXPECT_TRUE(taken.Take(uint64_t{8} << 32 | 1));
  EXPECT_FALSE(taken.Has(uint64_t{8} << 32 | 2));
}

TEST(TakenCodesTest, ComesBackFromItsOrder) {
  TakenCodes taken;
  for (uint64_t hash = 1; hash <= 77; ++hash) taken.Take(hash * 0x100000001);
  TakenCodes again({taken.in_order().begin(), taken.in_order().end()});
  for (uint64_t hash = 1; hash <= 77; ++hash) EXPECT_FALSE(again.Take(hash * 0x100000001));
  EXPECT_EQ(again.size(), 77u);
}

}  // namespace
}  // namespace sojourn::model
