#include "engine/store/record_table.h"

#include <gtest/gtest.h>

namespace sojourn::store {
namespace {

std::string RecordOf(RecordTable* table, std::string_view id) {
  const RecordTable::Entry* const entry = table->Find(id);
  return entry == nullptr ? "absent" : entry->record;
}

TEST(RecordTableTest, EvictsTheLeastRecentlyUsed) {
  RecordTable table;
  for (const char* id : {"a", "b", "c", "d"}) table.PutClean(id, std::string(1000, *id));
  const size_t of_one = table.clean_bytes() / 4;
  RecordOf(&table, "a");
  table.Peek("b");
  table.TrimTo(of_one * 2);
  EXPECT_NE(table.Peek("a"), nullptr);
  EXPECT_NE(table.Peek("d"), nullptr);
  EXPECT_EQ(table.Peek("b"), nullptr);
  EXPECT_EQ(table.Peek("c"), nullptr);
  EXPECT_EQ(table.clean_bytes(), of_one * 2);
  table.TrimTo(0);
  EXPECT_EQ(table.clean_bytes(), 0u);
}

TEST(RecordTableTest, NeverEvictsWhatOnlyItHas) {
  RecordTable table;
  table.PutClean("a", "old");
  table.PutUnflushed("a", "new");
  table.PutUnflushed("b", "");
  table.PutUnflushed("b", "again");
  table.TrimTo(0);
  EXPECT_EQ(RecordOf(&table, "a"), "new");
  EXPECT_EQ(RecordOf(&table, "b"), "again");
  EXPECT_EQ(table.unflushed_count(), 2u);
  EXPECT_EQ(table.clean_bytes(), 0u);
  const size_t bytes = table.unflushed_bytes();
  EXPECT_GT(bytes, 0u);
  table.MarkFlushed();
  EXPECT_EQ(table.unflushed_bytes(), 0u);
  EXPECT_EQ(table.clean_bytes(), bytes);
  table.TrimTo(0);
  EXPECT_EQ(RecordOf(&table, "a"), "absent");
}

TEST(RecordTableTest, TombstonesVanishOnceFlushed) {
  RecordTable table;
  table.PutClean("a", "record");
  table.PutUnflushed("a", "");
  EXPECT_EQ(RecordOf(&table, "a"), "");
  table.MarkFlushed();
  EXPECT_EQ(RecordOf(&table, "a"), "absent");
  table.PutClean("b", "record");
  table.PutClean("b", "");
  EXPECT_EQ(RecordOf(&table, "b"), "absent");
  EXPECT_EQ(table.clean_bytes(), 0u);
}

TEST(RecordTableTest, VisitsTheUnflushed) {
  RecordTable table;
  table.PutClean("a", "1");
  table.PutUnflushed("b", "2");
  table.PutUnflushed("c", "");
  std::string seen;
  table.ForEachUnflushed([&](std::string_view id, std::string_view record) {
    seen += std::string(id) + "=" + std::string(record) + " ";
  });
  EXPECT_EQ(seen, "b=2 c= ");
}

}  // namespace
}  // namespace sojourn::store
