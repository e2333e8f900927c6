// The committed state of one partition: encoded person records, timers and meta.
//
// Layers, fastest first: one table in memory holding records that are committed but not yet in the
// database (never evicted) and clean records (a bounded least-recently-used cache), then the
// database. Decoded persons and whatever is not committed yet belong to the caller.
//
// Two ways to commit:
//   Kafka     ApplyCommitted after the transaction committed; Flush every now and then. The
//   database
//             is always a valid older snapshot of what was committed.
//   embedded  AppendTo a batch that also holds actions and positions, Database::Write with
//   Sync::kYes,
//             then ApplyWritten. Nothing stays unflushed.
// In between, timers() is worked on by the task; what is not committed is dropped by Abort().
//
// Threads: one owner. Several stores may share one database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/store/database.h"
#include "engine/store/partition_meta.h"
#include "engine/store/record_table.h"
#include "engine/store/timer_index.h"

namespace sojourn::store {

struct PartitionStoreOptions {
  size_t cache_bytes = 64u << 20;  // bound of the clean records
  TimerIndexOptions timers;
};

// One person after a commit. Views live for the call.
struct PersonChange {
  std::string_view id;
  std::string_view record;  // of EncodePerson; empty: the person is forgotten
};

struct ScannedPerson {
  std::string id;
  std::string record;
};

// Hashes of coupon codes by pool, in the order in which they were given.
using TakenCodes = std::map<std::string, std::vector<uint64_t>>;

// The codes that `meta` counts, from its own chunks and the database's rows; those may be of a
// later commit. Errors: the database's; kDataLoss where codes are missing.
Result<TakenCodes> ReadTakenCodes(Database* database, Partition partition,
                                  const PartitionMeta& meta);
// The same where all rows are at hand, by pool and index.
using CodeRows = std::map<std::pair<std::string, uint32_t>, std::vector<uint64_t>>;
Result<TakenCodes> JoinTakenCodes(const CodeRows& rows, const PartitionMeta& meta);

class PartitionStore {
 public:
  // Reads the partition's meta; finishes a rebuild of the timers that was cut short. `database`
  // must outlive the store. Errors: the database's, kDataLoss, kFailedPrecondition for a newer
  // version.
  static Result<std::unique_ptr<PartitionStore>> Open(Database* database, Partition partition,
                                                      PartitionStoreOptions options = {});

  // As of the last commit; a partition never committed to has the default one.
  const PartitionMeta& meta() const { return meta_; }
  bool ever_committed() const { return ever_committed_; }
  Partition partition() const { return partition_; }
  TimerIndex& timers() { return *timers_; }

  // records->at(i) is the committed record of ids[i], nullopt for an unknown person. One batched
  // read for those not in memory. Views live until the next call of a non-const member. Ids may
  // repeat. Errors: the database's; kDataLoss or kFailedPrecondition naming the person whose record
  // is not readable.
  Status Load(std::span<const std::string_view> ids,
              std::vector<std::optional<std::string_view>>* records);

  // The listed coupon codes that were given away, by pool, in order. Reads them all: for opening.
  // Errors: as of store::ReadTakenCodes.
  Result<TakenCodes> ReadTakenCodes() const;

  // --- Commit, Kafka. `meta.timer_cursor` is set by the store.

  void ApplyCommitted(std::span<const PersonChange> persons, PartitionMeta meta);

  // Like ApplyCommitted, for records replayed from the changelog: arms every person's deadline, and
  // keeps its own timer cursor, since the rows between it and the writer's were never in this
  // database. Errors: as of DecodePerson, with nothing applied.
  Status ApplyRestored(std::span<const PersonChange> persons, PartitionMeta meta);

  // Writes all that is committed, as one batch sorted by key. With Sync::kYes the database may also
  // forget old timer rows: ask for it now and then and before closing. After an error everything
  // stays in memory and Flush may be called again.
  Status Flush(Sync sync);

  // Memory of what Flush would write, timers included.
  size_t unflushed_bytes() const;
  size_t unflushed_count() const { return table_.unflushed_count(); }

  // --- Commit, embedded. Requires that nothing is unflushed.

  void AppendTo(WriteBatch* batch, std::span<const PersonChange> persons, PartitionMeta meta) const;
  // After the batch was written with Sync::kYes; the same arguments.
  void ApplyWritten(std::span<const PersonChange> persons, PartitionMeta meta);

  // --- Both.

  // The interval failed: timers go back to the last commit; records are as they were.
  void Abort() { timers_->Abort(); }

  // Up to `max_count` committed persons behind `after_person` (empty: from the start), in the order
  // of their state keys; fewer only at the end. Does not touch the cache. A person who is committed
  // for the first time while a scan is under way is seen or not.
  Status Scan(std::string_view after_person, size_t max_count, std::vector<ScannedPerson>* persons);

  // Makes the timer index anew from the persons' records, with the cursor at its beginning. Flushes
  // first. Finished at the next Open if interrupted. Requires that no interval is open.
  Status RebuildTimers();

  size_t cached_bytes() const { return table_.clean_bytes(); }

 private:
  PartitionStore(Database* database, Partition partition, PartitionStoreOptions options,
                 PartitionMeta meta, bool ever_committed);
  Status ReadMissing(std::span<const std::string_view> missing);
  void AppendMeta(WriteBatch* batch, const PartitionMeta& meta) const;
  void ResetTimers(TimerRow cursor);
  Status RewriteTimers();
  void TakeMeta(PartitionMeta meta);

  Database* const database_;
  const Partition partition_;
  const PartitionStoreOptions options_;
  PartitionMeta meta_;
  bool ever_committed_ = false;
  bool meta_unflushed_ = false;
  std::map<std::pair<std::string, uint32_t>, CodeChunk> unflushed_codes_;  // by pool and index
  RecordTable table_;
  std::set<std::string> fresh_keys_;  // state keys of unflushed persons that the database may lack
  std::optional<TimerIndex> timers_;
};

}  // namespace sojourn::store
