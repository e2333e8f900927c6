// The timers of one partition: who is due next, in (time, person) order.
//
// A derived index: the truth is each person's `next_deadline`. For every person with a deadline
// there is at least one row between the cursor and that deadline (or right behind the cursor, if
// the deadline is past); a row may also be stale, because a deadline that moves later writes
// nothing. Whoever reaches a row looks at the person: the row is live if next_deadline <= row time;
// either way Pass() moves the cursor over it and arms what is next. Rows are never deleted one by
// one: the cursor bounds every read, and the database may drop what lies below the last durable
// one.
//
// Rows up to a horizon are in memory; what is armed is kept until written. Work since the last
// commit can be thrown away with Abort().
//
// Threads: one owner. Errors: only reading the database fails, with its Status.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/store/database.h"
#include "engine/store/partition_meta.h"

namespace sojourn::store {

struct TimerIndexOptions {
  size_t read_ahead_rows = 1024;      // read from the database at once
  size_t max_rows_in_memory = 16384;  // besides unwritten ones; now and then up to twice that
};

class TimerIndex {
 public:
  // `database` must outlive this. `cursor` is the committed one; the default before a rebuild.
  TimerIndex(Database* database, Partition partition, TimerRow cursor,
             TimerIndexOptions options = {});

  // --- Work of the interval, visible at once, undone by Abort().

  // The next rows, at most `max_count`, with time <= limit. Does not move the cursor: ask again
  // after passing some, because what is armed meanwhile may come first.
  Status NextDue(Timestamp limit, size_t max_count, std::vector<TimerRow>* due);

  // The row was handled: its person was looked at, and fired if the row was live. `next_deadline`
  // is the person's now (Max: none). The row must be the first that NextDue
  // would give at this moment; so ask again whenever an Arm or a Pass may have put something
  // before.
  void Pass(const TimerRow& row, Timestamp next_deadline);

  // The person's next_deadline changed from `before` to `after` otherwise than by a passed row.
  // Free unless it moved earlier.
  void Arm(std::string_view person, Timestamp before, Timestamp after);

  // --- Commit. The interval's rows become committed; they are either written by the same batch
  // (AppendUncommitted, then Commit, then Written) or stay in memory until the next flush (Commit;
  // later AppendUnwritten, then Written). Mixing both is a programmer's error.

  void AppendUncommitted(WriteBatch* batch) const;
  void AppendUnwritten(WriteBatch* batch) const;
  void Commit();
  void Written();
  // Back to the last commit.
  void Abort();

  // Whether nothing was done since the last commit.
  bool idle() const { return armed_.empty() && cursor_ == committed_cursor_; }

  // The row passed last, committed or not.
  const TimerRow& cursor() const { return cursor_; }
  const TimerRow& committed_cursor() const { return committed_cursor_; }

  // Lets the database drop every row up to `cursor`, which must be durable in it.
  void AllowDropping(const TimerRow& cursor);

  // --- Metrics.

  // Time of the first row; nullopt: none.
  Result<std::optional<Timestamp>> OldestPending();
  // How many rows are ahead; an estimate that counts stale rows and some rows twice.
  uint64_t EstimatePending() const;
  // Memory of rows that are committed or armed but not written.
  size_t unwritten_bytes() const { return unwritten_bytes_; }

 private:
  void Insert(TimerRow row);
  Status ReadAhead();
  void ReadAheadIn(const std::set<TimerRow>& rows, const TimerRow& from);
  void Trim();
  bool InHorizon(const TimerRow& row) const { return !horizon_ || row <= *horizon_; }

  Database* const database_;
  const Partition partition_;
  const TimerIndexOptions options_;
  TimerRow committed_cursor_;
  TimerRow cursor_;
  std::optional<TimerRow> horizon_;  // nullopt: every written row is in memory
  std::set<TimerRow> near_;          // every row in (cursor, horizon]
  std::set<TimerRow> armed_;         // of this interval, near or far
  std::set<TimerRow> unwritten_;     // committed, not in the database
  size_t unwritten_bytes_ = 0;
};

}  // namespace sojourn::store
