#include "connectors/file/event_sorter.h"

#include <gtest/gtest.h>

#include <random>

namespace sojourn::file {
namespace {

std::vector<std::string> Sorted(size_t memory_bytes, size_t* runs) {
  EventSorter sorter(::testing::TempDir(), memory_bytes);
  std::mt19937 random(7);
  for (int line = 0; line < 2000; ++line) {
    SortableEvent event{Timestamp(random() % 100), line, 0, "p", std::to_string(line)};
    EXPECT_TRUE(sorter.Add(event).ok());
  }
  EXPECT_TRUE(sorter.Finish().ok());
  *runs = sorter.runs_on_disk();
  std::vector<std::string> order;
  SortableEvent event, previous{Timestamp(-1), -1, 0, "", ""};
  while (*sorter.Next(&event)) {
    EXPECT_TRUE(previous.time < event.time ||
                (previous.time == event.time && previous.line < event.line));
    previous = event;
    order.push_back(event.bytes);
  }
  return order;
}

TEST(EventSorterTest, RunsOnDiskGiveTheSameOrderAsMemory) {
  size_t none = 0, many = 0;
  const auto in_memory = Sorted(1u << 30, &none);
  const auto on_disk = Sorted(20'000, &many);
  EXPECT_EQ(none, 0u);
  EXPECT_GT(many, 3u);
  EXPECT_EQ(in_memory.size(), 2000u);
  EXPECT_EQ(in_memory, on_disk);
}

TEST(EventSorterTest, SaysWhereItCannotSort) {
  EventSorter sorter("/nowhere/at/all", 1);
  const Status status = sorter.Add({Timestamp(1), 1, 0, "p", "x"});
  EXPECT_EQ(status.message(), "cannot sort in /nowhere/at/all: No such file or directory");
}

}  // namespace
}  // namespace sojourn::file
