// What the faces of one open log share: the database, the writer, and where everything ends.
//
// Threads: any; the counters are atomic, the rest does not change after Open.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "connectors/embedded/directory.h"
#include "connectors/embedded/embedded_log.h"
#include "connectors/embedded/fail_stop_database.h"
#include "connectors/embedded/log_writer.h"
#include "connectors/embedded/signal.h"
#include "engine/runtime/ports.h"
#include "engine/store/database.h"

namespace sojourn::embedded {

// Ends of a family's rows, by partition: one behind the last durable row. Each partition's end is
// moved by its one worker.
class RowEnds {
 public:
  explicit RowEnds(int32_t partition_count) : ends_(static_cast<size_t>(partition_count)) {}
  Offset Get(Partition partition) const {
    return Offset(ends_[static_cast<size_t>(partition.value())].load(std::memory_order_acquire));
  }
  void Set(Partition partition, Offset end) {
    ends_[static_cast<size_t>(partition.value())].store(end.value(), std::memory_order_release);
  }

 private:
  std::vector<std::atomic<int64_t>> ends_;
};

struct Shared {
  EmbeddedOptions options;
  runtime::SystemClock system_clock;
  const runtime::WallClock* clock = nullptr;
  std::unique_ptr<DataDirectory> directory;  // outlives the database: it holds the lock
  std::unique_ptr<FailStopDatabase> database;
  Signal appended;   // raised when the log grew
  Signal committed;  // raised when actions became readable
  // Who adds to the suppression list or takes from it looks and writes under it.
  std::mutex suppressing;
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<RowEnds> action_ends;
  std::unique_ptr<RowEnds> dead_letter_ends;

  int32_t partition_count() const { return directory->identity().partition_count; }
  // kResourceExhausted where intake has to stop, so that there is room for commits.
  Status CheckRoom() const;
};

// One behind the last row of a partition in the database.
Result<Offset> FindEnd(store::Database* database, store::Family family, Partition partition);

}  // namespace sojourn::embedded
