#include "connectors/http/seats.h"

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

TEST(Seats, TheLongestIdleMakesRoom) {
  Seats seats(3, 3);
  for (uint64_t id = 1; id <= 3; ++id) {
    const auto admission = seats.Enter(id, "a");
    EXPECT_TRUE(admission.admitted && !admission.leaver);
    seats.Idle(id);
  }
  seats.Busy(1);
  seats.Idle(1);  // has asked something since
  const auto admission = seats.Enter(4, "b");
  EXPECT_TRUE(admission.admitted);
  EXPECT_EQ(admission.leaver, 2u);
}

TEST(Seats, WhoIsBusyStays) {
  Seats seats(2, 2);
  seats.Enter(1, "a");
  seats.Enter(2, "b");
  const auto refused = seats.Enter(3, "c");
  EXPECT_FALSE(refused.admitted || refused.leaver);
  seats.Idle(3);  // was never counted
  EXPECT_FALSE(seats.Enter(4, "c").admitted);
  seats.Leave(1);
  EXPECT_TRUE(seats.Enter(5, "c").admitted);
}

TEST(Seats, OneClientPushesOutItsOwn) {
  Seats seats(10, 2);
  seats.Enter(1, "neighbour");
  seats.Idle(1);
  seats.Enter(2, "crowd");
  seats.Enter(3, "crowd");
  EXPECT_FALSE(seats.Enter(4, "crowd").admitted);
  seats.Idle(3);
  EXPECT_EQ(seats.Enter(5, "crowd").leaver, 3u);
  EXPECT_FALSE(seats.Enter(6, "crowd").leaver);
  EXPECT_TRUE(seats.Enter(7, "neighbour").admitted);
}

}  // namespace
}  // namespace sojourn::http
