// The one writer of the log: gives records their offsets and makes them durable, many requests with
// one fsync.
//
// Whoever comes first while nobody writes becomes the leader: it takes all waiting requests, writes
// them as one batch and wakes their owners. What arrives meanwhile is the next leader's. So offsets
// have no holes, become visible in order, and an fsync is shared by all that waited for it.
//
// Threads: any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/runtime/ports.h"
#include "engine/store/database.h"

namespace sojourn::embedded {

struct LogWriterOptions {
  int32_t partition_count = 1;
  size_t max_group_bytes = 8u << 20;   // of one batch, unless a single request is larger
  std::function<Status()> check_room;  // asked before every batch
  std::function<void()> on_written;    // after a batch; nothing is under way then
  const runtime::WallClock* clock = nullptr;
};

class LogWriter {
 public:
  // Finds out where the log ends. `database` outlives this.
  static Result<std::unique_ptr<LogWriter>> Open(store::Database* database,
                                                 LogWriterOptions options);

  Result<std::vector<AppendedPlace>> Append(std::span<const model::Event> events);
  // Events and rows of other families, durable together.
  Status AppendWith(std::span<const model::Event> events, const store::WriteBatch* rows);
  // What a commit says to other people, with the commit's rows. While an import replays, it stands
  // at its own time.
  Status AppendOwn(std::span<const runtime::OwnRecord* const> records,
                   const store::WriteBatch* rows);
  Result<std::optional<ImportState>> FindImport(std::string_view fingerprint);
  // `rows`: as above, or null.
  Status AppendImport(const ImportChunk& chunk, const store::WriteBatch* rows);
  Result<std::optional<OpenReplay>> FindOpenReplay();
  Status AbandonImport(std::string_view fingerprint);

  // Behind the last durable record.
  Offset End(Partition partition) const {
    return Offset(ends_[static_cast<size_t>(partition.value())].load(std::memory_order_acquire));
  }
  bool empty() const;

  // While a batch is being made durable: a time that none of its records is older than. nullopt:
  // nothing is under way, and no record to come will be older than the clock's present. Ask before
  // End: what stands before it are then all records that are older than the answer. (A replay goes
  // its own way, between its brackets.)
  std::optional<Timestamp> UnderWaySince();

 private:
  // A record whose place is not known yet.
  struct NewRecord {
    Partition partition;
    Timestamp log_time;
    std::string key;
    std::string event;  // encoded
  };
  struct Request {
    std::vector<NewRecord> records;
    size_t bytes = 0;
    // Of an import: what else becomes durable, and what must still hold.
    const ImportChunk* import = nullptr;
    const store::WriteBatch* rows = nullptr;  // what else becomes durable
    bool own = false;                         // the product's own, allowed while an import replays
    std::vector<AppendedPlace> places;
    Status status;
    bool done = false;
  };
  struct Tail {
    int64_t next_offset = 0;
    Timestamp log_time = Timestamp::Min();
  };

  LogWriter(store::Database* database, LogWriterOptions options);
  Status ReadTails();
  Status AddEvents(std::span<const model::Event> events, Request* request) const;
  void AddRecord(const model::Event& event, Timestamp log_time, Request* request) const;
  void AddBrackets(model::EventType type, Timestamp log_time, Request* request) const;
  Status Submit(Request* request);
  void Lead(std::unique_lock<std::mutex>* lock);
  std::vector<Request*> TakeGroup();
  Status WriteGroup(const std::vector<Request*>& group, Timestamp now, std::vector<Tail>* tails);
  Status CheckImport(const ImportChunk& chunk);
  Status RefuseWhileReplaying();
  void AddToBatch(Request* request, Timestamp now, std::vector<Tail>* tails,
                  store::WriteBatch* batch) const;
  void Publish(const std::vector<Tail>& tails);

  store::Database* const database_;
  const LogWriterOptions options_;
  std::mutex mutex_;
  std::condition_variable group_done_;
  std::vector<Request*> waiting_;  // guarded by mutex_
  bool writing_ = false;           // guarded by mutex_
  Timestamp group_time_;           // of the batch being written; guarded by mutex_
  // No record to come may be older, even if the clock goes back; guarded by mutex_.
  Timestamp promised_ = Timestamp::Min();
  std::vector<Tail> tails_;  // the leader's
  std::string replaying_;    // the leader's: fingerprint of the import that replays
  std::vector<std::atomic<int64_t>> ends_;
};

}  // namespace sojourn::embedded
