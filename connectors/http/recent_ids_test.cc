#include "connectors/http/recent_ids.h"

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

using std::chrono::minutes;

model::Event EventOf(std::string_view person, std::string_view id) {
  model::Event event;
  event.person = person;
  event.id = id;
  return event;
}

TEST(RecentIds, KnowsWhatWasAdded) {
  RecentIds ids;
  const RecentIds::Clock::time_point now{};
  EXPECT_FALSE(ids.Contains(EventOf("ann", "1"), now));
  ids.Add(EventOf("ann", "1"), now);
  EXPECT_TRUE(ids.Contains(EventOf("ann", "1"), now));
  EXPECT_FALSE(ids.Contains(EventOf("bob", "1"), now));
  EXPECT_FALSE(ids.Contains(EventOf("ann", "2"), now));
  ids.Add(EventOf("ann", ""), now);
  EXPECT_FALSE(ids.Contains(EventOf("ann", ""), now));
}

TEST(RecentIds, WhatWasRemovedIsNew) {
  RecentIds ids;
  const RecentIds::Clock::time_point now{};
  ids.Add(EventOf("ann", "1"), now);
  ids.Add(EventOf("ann", "2"), now);
  ids.Remove(EventOf("ann", "1"));
  EXPECT_FALSE(ids.Contains(EventOf("ann", "1"), now));
  EXPECT_TRUE(ids.Contains(EventOf("ann", "2"), now));
  ids.Add(EventOf("ann", "1"), now);
  EXPECT_TRUE(ids.Contains(EventOf("ann", "1"), now));
}

TEST(RecentIds, ForgetsTheOldAndTheMany) {
  RecentIds ids(2, minutes(10));
  const RecentIds::Clock::time_point begin{};
  for (const char* id : {"1", "2", "2", "3"}) ids.Add(EventOf("ann", id), begin);
  EXPECT_FALSE(ids.Contains(EventOf("ann", "1"), begin));
  EXPECT_TRUE(ids.Contains(EventOf("ann", "2"), begin + minutes(10)));
  EXPECT_TRUE(ids.Contains(EventOf("ann", "3"), begin + minutes(10)));
  EXPECT_FALSE(ids.Contains(EventOf("ann", "2"), begin + minutes(11)));
}

TEST(RecentIds, WhatWasThereBeforeIsTheFirstToBeForgotten) {
  RecentIds ids(3, minutes(10));
  const RecentIds::Clock::time_point now{};
  EXPECT_TRUE(ids.AddOlder("ann", "4", now - minutes(1), now));
  EXPECT_TRUE(ids.AddOlder("ann", "", now - minutes(1), now));
  EXPECT_TRUE(ids.AddOlder("ann", "3", now - minutes(2), now));
  EXPECT_FALSE(ids.AddOlder("ann", "2", now - minutes(11), now));
  EXPECT_TRUE(ids.AddOlder("ann", "2", now - minutes(10), now));
  EXPECT_FALSE(ids.AddOlder("ann", "1", now - minutes(10), now));
  for (const char* id : {"2", "3", "4"}) EXPECT_TRUE(ids.Contains(EventOf("ann", id), now)) << id;
  EXPECT_FALSE(ids.Contains(EventOf("ann", "1"), now));
  EXPECT_FALSE(ids.Contains(EventOf("ann", "2"), now + minutes(1)));
  EXPECT_TRUE(ids.Contains(EventOf("ann", "3"), now + minutes(1)));
  ids.Add(EventOf("ann", "5"), now);
  ids.Add(EventOf("ann", "6"), now);
  EXPECT_FALSE(ids.Contains(EventOf("ann", "3"), now));
  EXPECT_TRUE(ids.Contains(EventOf("ann", "4"), now));
}

}  // namespace
}  // namespace sojourn::http
