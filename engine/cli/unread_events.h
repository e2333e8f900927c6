// The records of an embedded log that its partitions have not taken in yet, of all partitions
// together in the order of their log times.
//
// Threads: one owner. The log outlives it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/status.h"
#include "engine/runtime/ports.h"

namespace sojourn::cli {

class UnreadEvents {
 public:
  // `applied`: by partition, the first record that is not applied.
  static Result<std::unique_ptr<UnreadEvents>> Open(embedded::EmbeddedLog* log,
                                                    const std::vector<Offset>& applied);

  bool IsEmpty(Partition partition) const {
    return heads_[static_cast<size_t>(partition.value())].records.empty();
  }

  // The next record, which lives until the call after this; null: that was all.
  Result<const runtime::InputRecord*> Next(Partition* partition);

 private:
  struct Head {
    std::span<const runtime::InputRecord> records;
    size_t next = 0;
  };
  Status Fetch(Partition partition);

  std::unique_ptr<runtime::InputLog> input_;
  std::vector<Head> heads_;
  std::optional<Partition> used_up_;  // whose last fetched record was given out
};

}  // namespace sojourn::cli
