#include "connectors/kafka/delivery_topic.h"

#include <gtest/gtest.h>

namespace sojourn::kafka {
namespace {

TEST(DeliveryTopic, OffsetsAreText) {
  EXPECT_EQ(OffsetText(Offset(17)), "17");
  EXPECT_EQ(ParseOffset("17"), Offset(17));
  EXPECT_EQ(ParseOffset("0"), Offset(0));
  for (const char* text : {"", "-1", "17 ", "0x1", "cursor", "99999999999999999999"}) {
    EXPECT_EQ(ParseOffset(text), std::nullopt) << text;
  }
}

TEST(DeliveryTopic, CommitNotesRoundTrip) {
  const std::string text = EncodeCommitNote({Offset(40), "5f0c-12"});
  EXPECT_EQ(text, "replay-from=40 commit=5f0c-12");
  const auto note = DecodeCommitNote(text);
  ASSERT_TRUE(note.has_value());
  EXPECT_EQ(note->replay_from, Offset(40));
  EXPECT_EQ(note->commit, "5f0c-12");
  for (const char* other :
       {"", "reset by ops", "replay-from=", "replay-from=x commit=1", "replay-from=-4 commit=1"}) {
    EXPECT_FALSE(DecodeCommitNote(other).has_value()) << other;
  }
}

TEST(ReplayStarts, BeginWithWhatWasRestored) {
  const ReplayStarts starts(Offset(100), Offset(40), Offset(100));
  EXPECT_EQ(starts.For(Offset(100)), Offset(40));
  EXPECT_EQ(starts.For(Offset(500)), Offset(40));
  EXPECT_EQ(starts.For(Offset(99)), Offset(0));  // a cursor that went back
}

TEST(ReplayStarts, FollowTheCursor) {
  ReplayStarts starts(Offset(0), Offset(0), Offset(0));
  starts.NoteRead(Offset(10), Offset(5));
  starts.NoteRead(Offset(20), Offset(15));
  EXPECT_EQ(starts.For(Offset(9)), Offset(0));
  EXPECT_EQ(starts.For(Offset(10)), Offset(5));
  EXPECT_EQ(starts.For(Offset(25)), Offset(15));
  starts.NoteCursor(Offset(20));
  EXPECT_EQ(starts.For(Offset(20)), Offset(15));
  EXPECT_EQ(starts.For(Offset(12)), Offset(0));  // forgotten: safe, only slower
}

TEST(ReplayStarts, WhatWasReadBeforeMayHaveOlderRecords) {
  ReplayStarts starts(Offset(0), Offset(3), Offset(50));
  starts.NoteRead(Offset(20), Offset(90));  // action 30 may have a record at 60
  EXPECT_EQ(starts.For(Offset(20)), Offset(3));
  starts.NoteRead(Offset(50), Offset(95));
  EXPECT_EQ(starts.For(Offset(50)), Offset(95));
}

TEST(ReplayStarts, StayFewAndSafe) {
  ReplayStarts starts(Offset(0), Offset(0), Offset(0));
  for (int64_t i = 1; i <= 1'000'000; ++i) {
    // Action a is read when 2a records stand: none of those from a on.
    starts.NoteRead(Offset(i), Offset(2 * i));
  }
  for (int64_t cursor = 100; cursor <= 1'000'000; cursor += 100) {
    EXPECT_LE(starts.For(Offset(cursor)).value(), 2 * cursor);
    EXPECT_GE(starts.For(Offset(cursor)).value(), 2 * cursor * 8 / 10);  // not much too early
  }
}

}  // namespace
}  // namespace sojourn::kafka
