#include "connectors/kafka/state_databases.h"

#include <gtest/gtest.h>

#include "engine/store/memory_database.h"

namespace sojourn::kafka {
namespace {

class StateDatabasesTest : public testing::Test {
 protected:
  int opened_ = 0;
  int destroyed_ = 0;
  StateDatabases databases_{
      [this](Partition) -> Result<std::unique_ptr<store::Database>> {
        ++opened_;
        return std::unique_ptr<store::Database>(std::make_unique<store::MemoryDatabase>());
      },
      [this](Partition) {
        ++destroyed_;
        return Status::Ok();
      }};
  const int first_ = 1;
  const int second_ = 2;
};

TEST_F(StateDatabasesTest, LendsToOneAtATime) {
  const auto mine = databases_.Acquire(Partition(3), &first_);
  ASSERT_TRUE(mine.ok());
  EXPECT_EQ(*databases_.Acquire(Partition(3), &first_), *mine);
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(databases_.Acquire(Partition(3), &second_).status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(databases_.Acquire(Partition(4), &second_).ok());
  databases_.Release(Partition(3), &second_);  // not the borrower
  EXPECT_FALSE(databases_.Acquire(Partition(3), &second_).ok());
  databases_.Release(Partition(3), &first_);
  EXPECT_TRUE(databases_.Acquire(Partition(3), &second_).ok());
  EXPECT_EQ(opened_, 3);
}

TEST_F(StateDatabasesTest, WipesWhatItLent) {
  ASSERT_TRUE(databases_.Acquire(Partition(0), &first_).ok());
  ASSERT_TRUE(databases_.Wipe(Partition(0), &first_).ok());
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(opened_, 2);
  EXPECT_FALSE(databases_.Acquire(Partition(0), &second_).ok());
}

}  // namespace
}  // namespace sojourn::kafka
