// What the Kafka connector tells whoever logs and counts.
//
// Threads: any, several at once. Views live for the call.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

enum class LogLevel : uint8_t { kError, kWarning, kInfo, kDebug };

// How far the reading of a partition's changelog has come.
struct RestoreProgress {
  Partition partition;
  int64_t done = 0;  // offsets passed
  int64_t remaining =
      0;          // offsets to the end; at most so many records, for compaction leaves holes
  Duration took;  // so far
};

class KafkaObserver {
 public:
  virtual ~KafkaObserver() = default;
  // A line for the log, the library's own included. `client` is "consumer", "producer", ...
  virtual void OnLog(LogLevel, std::string_view /*client*/, std::string_view /*message*/) {}
  // A client was given up and is made anew.
  virtual void OnClientRebuilt(std::string_view /*client*/, const Status& /*why*/) {}
  // Records came with offsets that were already delivered; they were dropped.
  virtual void OnOffsetsWentBack(std::string_view /*topic*/, Partition) {}
  // Records between these offsets were deleted by the broker before they were read.
  virtual void OnRecordsMissed(std::string_view /*topic*/, Partition, Offset /*expected*/,
                               Offset /*oldest*/) {}
  // The changelog of a partition has lost its beginning; the local state still has what was there.
  virtual void OnChangelogCut(std::string_view /*topic*/, Partition, Offset /*oldest*/) {}
  // The local state of a partition was thrown away and is made anew from the changelog.
  virtual void OnStoreWiped(Partition, std::string_view /*why*/) {}

  // The router has committed records of one topic of others; `records` are all that it took,
  // `bytes` theirs.
  virtual void OnRouted(std::string_view /*topic*/, int64_t /*records*/, int64_t /*bytes*/) {}
  // The router has committed this one, too.
  virtual void OnRouteDeadLetter(const runtime::DeadLetter&) {}
  // A commit of the router did not certainly take effect; it goes on from what is committed.
  virtual void OnRouteRolledBack(runtime::CommitOutcome, const Status& /*why*/) {}
  // How many records of a topic are not routed yet, by all routers together.
  virtual void OnRouteLag(std::string_view /*topic*/, int64_t /*records*/) {}
  // Everything older than this is routed and committed.
  virtual void OnRoutedBehind(Duration) {}
  // When a restore begins to read, about once a second, also while nothing comes, and at the end.
  virtual void OnRestoring(const RestoreProgress&) {}
};

}  // namespace sojourn::kafka
