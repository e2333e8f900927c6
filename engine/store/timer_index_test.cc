#include "engine/store/timer_index.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "engine/store/faulty_database.h"
#include "engine/store/keys.h"
#include "engine/store/memory_database.h"

namespace sojourn::store {
namespace {

constexpr Partition kPartition{2};
constexpr Timestamp kNever = Timestamp::Max();

Timestamp At(int64_t milliseconds) { return Timestamp(milliseconds); }

class TimerIndexTest : public testing::Test {
 protected:
  void Open(TimerRow cursor, TimerIndexOptions options = {}) {
    timers_.emplace(&database_, kPartition, std::move(cursor), options);
  }
  TimerIndexTest() { Open({}); }

  // Commits and writes, as the embedded mode does.
  void CommitWritten() {
    WriteBatch batch;
    timers_->AppendUncommitted(&batch);
    ASSERT_TRUE(database_.Write(batch, Sync::kYes).ok());
    timers_->Commit();
    timers_->Written();
  }

  // Writes what was committed, as a flush does.
  void Flush() {
    WriteBatch batch;
    timers_->AppendUnwritten(&batch);
    ASSERT_TRUE(database_.Write(batch, Sync::kYes).ok());
    timers_->Written();
  }

  std::string Due(Timestamp limit, size_t max_count = 100) {
    std::vector<TimerRow> due;
    const Status status = timers_->NextDue(limit, max_count, &due);
    if (!status.ok()) return status.message();
    std::string text;
    for (const TimerRow& row : due) {
      text += std::to_string(row.time.milliseconds()) + row.person + " ";
    }
    return text;
  }

  void PassFirst(Timestamp next_deadline) {
    std::vector<TimerRow> due;
    ASSERT_TRUE(timers_->NextDue(kNever, 1, &due).ok());
    ASSERT_EQ(due.size(), 1u);
    timers_->Pass(due[0], next_deadline);
  }

  size_t RowsWritten() { return database_.EstimateCount(kTimersFamily, {}); }

  MemoryDatabase database_;
  std::optional<TimerIndex> timers_;
};

TEST_F(TimerIndexTest, ComesInOrderOfTimeThenPerson) {
  timers_->Arm("b", kNever, At(5));
  timers_->Arm("c", kNever, At(4));
  timers_->Arm("a", kNever, At(5));
  timers_->Arm("aa", kNever, At(5));
  timers_->Arm("d", kNever, At(-1));
  EXPECT_EQ(Due(At(5)), "-1d 4c 5a 5aa 5b ");
  EXPECT_EQ(Due(At(4)), "-1d 4c ");
  EXPECT_EQ(Due(At(5), 3), "-1d 4c 5a ");
  CommitWritten();
  Open(timers_->committed_cursor());
  EXPECT_EQ(Due(At(5)), "-1d 4c 5a 5aa 5b ");
  EXPECT_EQ(Due(At(-2)), "");
  EXPECT_EQ(timers_->OldestPending().value(), At(-1));
}

TEST_F(TimerIndexTest, WritesOnlyWhatMovesEarlier) {
  timers_->Arm("a", kNever, At(10));
  CommitWritten();
  timers_->Arm("a", At(10), At(20));
  timers_->Arm("a", At(20), At(20));
  timers_->Arm("b", kNever, kNever);
  timers_->Arm("c", At(10), kNever);
  CommitWritten();
  EXPECT_EQ(RowsWritten(), 1u);
  timers_->Arm("a", At(20), At(5));
  CommitWritten();
  EXPECT_EQ(RowsWritten(), 2u);
  EXPECT_EQ(Due(At(30)), "5a 10a ");
}

TEST_F(TimerIndexTest, StaleRowIsArmedAgain) {
  timers_->Arm("a", kNever, At(10));
  timers_->Arm("a", At(10), At(20));
  PassFirst(At(20));  // found to be due at 20
  EXPECT_EQ(Due(At(15)), "");
  EXPECT_EQ(Due(At(20)), "20a ");
  PassFirst(kNever);
  EXPECT_EQ(Due(kNever), "");
  CommitWritten();
  EXPECT_EQ(RowsWritten(), 0u);  // all came and went within one interval
  EXPECT_EQ(timers_->OldestPending().value(), std::nullopt);
}

TEST_F(TimerIndexTest, WhatIsArmedMeanwhileTakesItsTurn) {
  timers_->Arm("p", kNever, At(2));
  timers_->Arm("q", kNever, At(40));
  CommitWritten();
  EXPECT_EQ(Due(At(100)), "2p 40q ");
  PassFirst(At(26));
  EXPECT_EQ(Due(At(100)), "26p 40q ");
}

TEST_F(TimerIndexTest, DeadlinesInThePastComeRightBehindTheCursor) {
  timers_->Arm("m", kNever, At(100));
  PassFirst(kNever);
  timers_->Arm("a", kNever, At(50));  // sorts before m at the same time
  timers_->Arm("z", kNever, At(50));
  timers_->Arm("m", kNever, At(100));
  EXPECT_EQ(Due(At(100)), "100z ");
  EXPECT_EQ(Due(At(101)), "100z 101a 101m ");
  CommitWritten();
  Open(timers_->committed_cursor());
  EXPECT_EQ(Due(At(101)), "100z 101a 101m ");
}

TEST_F(TimerIndexTest, CursorBoundsWhatIsRead) {
  for (const char* person : {"a", "b", "c"}) timers_->Arm(person, kNever, At(7));
  timers_->Arm("d", kNever, At(8));
  CommitWritten();
  Open({At(7), "b"});
  EXPECT_EQ(Due(kNever), "7c 8d ");
  EXPECT_EQ(timers_->EstimatePending(), 2u);
  Open({At(8), "d"});
  EXPECT_EQ(Due(kNever), "");
}

TEST_F(TimerIndexTest, OtherPartitionsAreNotSeen) {
  TimerIndex below(&database_, Partition(1), {});
  TimerIndex above(&database_, Partition(3), {});
  for (TimerIndex* other : {&below, &above}) {
    other->Arm("other", kNever, At(1));
    WriteBatch batch;
    other->AppendUncommitted(&batch);
    ASSERT_TRUE(database_.Write(batch, Sync::kYes).ok());
  }
  EXPECT_EQ(Due(kNever), "");
  timers_->AllowDropping({At(100), "x"});
  EXPECT_EQ(RowsWritten(), 2u);
}

TEST_F(TimerIndexTest, AbortForgetsTheInterval) {
  timers_->Arm("a", kNever, At(10));
  timers_->Arm("b", kNever, At(20));
  CommitWritten();
  timers_->Arm("c", kNever, At(30));
  timers_->Commit();  // committed, not written
  const size_t unwritten = timers_->unwritten_bytes();
  EXPECT_EQ(Due(kNever), "10a 20b 30c ");
  PassFirst(At(15));
  PassFirst(kNever);
  PassFirst(At(50));
  PassFirst(kNever);
  timers_->Arm("d", kNever, At(60));
  EXPECT_FALSE(timers_->idle());
  timers_->Abort();
  EXPECT_TRUE(timers_->idle());
  EXPECT_EQ(timers_->cursor(), TimerRow());
  EXPECT_EQ(timers_->unwritten_bytes(), unwritten);
  EXPECT_EQ(Due(kNever), "10a 20b 30c ");
  Flush();
  EXPECT_EQ(timers_->unwritten_bytes(), 0u);
  EXPECT_EQ(Due(kNever), "10a 20b 30c ");
}

TEST_F(TimerIndexTest, CommittedRowsThatWerePassedAreNotWritten) {
  timers_->Arm("a", kNever, At(10));
  timers_->Arm("b", kNever, At(20));
  timers_->Commit();
  PassFirst(kNever);
  timers_->Commit();
  Flush();
  EXPECT_EQ(RowsWritten(), 1u);
}

TEST_F(TimerIndexTest, RowsBeyondTheHorizonAreFound) {
  Open({}, {.read_ahead_rows = 2, .max_rows_in_memory = 4});
  for (int i = 0; i < 10; ++i) timers_->Arm("p" + std::to_string(i), kNever, At(10 * i));
  CommitWritten();
  EXPECT_EQ(Due(At(5)), "0p0 ");      // reads two rows
  timers_->Arm("x", kNever, At(35));  // behind the horizon
  timers_->Commit();
  timers_->Arm("y", kNever, At(36));
  timers_->Arm("z", kNever, At(5));  // within it
  EXPECT_EQ(Due(At(40)), "0p0 5z 10p1 20p2 30p3 35x 36y 40p4 ");
  EXPECT_EQ(Due(kNever, 3), "0p0 5z 10p1 ");
}

TEST_F(TimerIndexTest, ManyUnwrittenRowsAreTakenInSteps) {
  Open({}, {.read_ahead_rows = 3, .max_rows_in_memory = 4});
  for (int i = 0; i < 30; i += 3) timers_->Arm("w", kNever, At(i));
  CommitWritten();
  for (int i = 1; i < 30; i += 3) timers_->Arm("u", kNever, At(i));
  timers_->Commit();
  for (int i = 2; i < 30; i += 3) timers_->Arm("a", kNever, At(i));
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(Due(kNever, 1), std::to_string(i) + "wua"[i % 3] + " ");
    PassFirst(kNever);
    if (i % 7 == 0) timers_->Commit();
  }
  EXPECT_EQ(Due(kNever), "");
}

TEST_F(TimerIndexTest, ReadingErrorsSurface) {
  FaultyDatabase faulty(&database_);
  TimerIndex timers(&faulty, kPartition, {});
  faulty.Break(Fault::kRead, DataLoss("torn"));
  std::vector<TimerRow> due;
  EXPECT_EQ(timers.NextDue(kNever, 1, &due).code(), StatusCode::kDataLoss);
  EXPECT_EQ(timers.OldestPending().status().code(), StatusCode::kDataLoss);
  faulty.Heal();
  EXPECT_TRUE(timers.NextDue(kNever, 1, &due).ok());
}

// A hundred thousand persons whose deadlines move, against a plain list of deadlines: everyone
// fires when due and never before, through commits, aborts, flushes and restarts.
TEST_F(TimerIndexTest, AgreesWithAPlainList) {
  std::mt19937_64 random(7);
  const TimerIndexOptions small = {.read_ahead_rows = 512, .max_rows_in_memory = 2000};
  Open({}, small);
  std::map<std::string, Timestamp> committed;
  std::map<std::string, Timestamp> deadlines;
  const auto move = [&](const std::string& person, Timestamp to) {
    const auto found = deadlines.find(person);
    timers_->Arm(person, found == deadlines.end() ? kNever : found->second, to);
    if (to == kNever) {
      deadlines.erase(person);
    } else {
      deadlines[person] = to;
    }
  };
  for (int i = 0; i < 100'000; ++i) {
    move("p" + std::to_string(i), At(static_cast<int64_t>(random() % 1'000'000)));
  }
  timers_->Commit();
  committed = deadlines;
  Flush();
  size_t fired = 0;
  TimerRow durable = timers_->committed_cursor();
  std::map<std::string, Timestamp> at_flush = committed;
  for (int64_t now = 0; now < 1'000'000; now += 10'000) {
    for (int i = 0; i < 200; ++i) {
      const std::string person = "p" + std::to_string(random() % 100'000);
      move(person, random() % 4 == 0 ? kNever : At(now + static_cast<int64_t>(random() % 200'000)));
    }
    std::vector<TimerRow> due;
    while (true) {
      ASSERT_TRUE(timers_->NextDue(At(now), 1 + random() % 50, &due).ok());
      if (due.empty()) break;
      const TimerRow row = due[0];
      const auto person = deadlines.find(row.person);
      const bool live = person != deadlines.end() && person->second <= row.time;
      if (live) deadlines.erase(person);
      if (live) ++fired;
      const auto left = deadlines.find(row.person);
      timers_->Pass(row, left == deadlines.end() ? kNever : left->second);
    }
    if (now % 50'000 == 0) {
      for (const auto& [person, deadline] : deadlines) ASSERT_GT(deadline, At(now)) << person;
    }
    switch (random() % 8) {
      case 0:
        timers_->Abort();
        deadlines = committed;
        break;
      case 1:
        timers_->Commit();
        committed = deadlines;
        Flush();
        durable = timers_->committed_cursor();
        at_flush = committed;
        timers_->AllowDropping(durable);
        break;
      case 2:  // the process dies: back to the last flush
        Open(durable, small);
        deadlines = committed = at_flush;
        break;
      default:
        timers_->Commit();
        committed = deadlines;
    }
  }
  EXPECT_GT(fired, 50'000u);
}

TEST(TimerKeyTest, SortsAsTheRowsDo) {
  const std::vector<TimerRow> rows = {{Timestamp::Min(), ""}, {At(-1), "b"},    {At(0), ""},
                                      {At(0), "a"},           {At(0), "a\xff"}, {At(0), "b"},
                                      {At(256), "a"},         {kNever, "z"}};
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string key = TimerKey(kPartition, rows[i].time, rows[i].person);
    const auto parts = ParseTimerKey(key);
    ASSERT_TRUE(parts.has_value());
    EXPECT_EQ(parts->time, rows[i].time);
    EXPECT_EQ(parts->person, rows[i].person);
    if (i == 0) continue;
    EXPECT_LT(rows[i - 1], rows[i]);
    EXPECT_LT(TimerKey(kPartition, rows[i - 1].time, rows[i - 1].person), key);
  }
  EXPECT_EQ(ParseTimerKey("short"), std::nullopt);
}

}  // namespace
}  // namespace sojourn::store
