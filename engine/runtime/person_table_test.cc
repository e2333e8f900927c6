#include "engine/runtime/person_table.h"

#include <gtest/gtest.h>

#include "engine/store/memory_database.h"

namespace sojourn::runtime {
namespace {

TEST(PersonTableTest, GrowthCountsNewAndForgottenPersons) {
  store::MemoryDatabase database;
  auto store = store::PartitionStore::Open(&database, Partition(0));
  ASSERT_TRUE(store.ok());
  PersonTable table(store->get());
  (*table.Touch("new"))->known = true;
  (*table.Touch("kept"))->known = true;
  ASSERT_TRUE(table.Touch("looked-at").ok());
  EXPECT_EQ(table.Growth(), 2);

  const auto changes = table.Encode();
  ASSERT_TRUE(changes.ok());
  (*store)->ApplyCommitted(**changes, store::PartitionMeta());
  table.Clear();
  EXPECT_EQ(table.Growth(), 0);
  (*table.Touch("new"))->known = false;  // erased
  EXPECT_EQ(table.Growth(), -1);
  ASSERT_TRUE(table.Touch("kept").ok());
  EXPECT_EQ(table.Growth(), -1);
}

}  // namespace
}  // namespace sojourn::runtime
