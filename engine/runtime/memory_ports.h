// The runtime's ports in memory, with a clock turned by hand and faults on demand: for tests and
// simulations of the production runtime.
//
// A MemoryWorld plays broker and disk: it survives the workers, which may be destroyed and made
// anew at any moment, as a process is by a crash. State is kept in one of two ways, so that both
// ways of the real connectors are walked: in one batch with the commit (as the embedded log does),
// or in a changelog with a store that lags behind (as over Kafka).
//
// Threads: a MemoryWorld may be shared by several workers; its ports belong to one each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/action.h"
#include "engine/model/suppression.h"
#include "engine/runtime/ports.h"
#include "engine/store/memory_database.h"
#include "engine/store/partition_store.h"

namespace sojourn::runtime {

class ManualClock final : public WallClock {
 public:
  explicit ManualClock(Timestamp now) : now_ms_(now.milliseconds()) {}
  Timestamp Now() const override { return Timestamp(now_ms_); }
  void Set(Timestamp now) { now_ms_ = now.milliseconds(); }
  void Advance(Duration by) { now_ms_ += by.milliseconds(); }

 private:
  std::atomic<int64_t> now_ms_;
};

// What becomes of one commit.
enum class CommitFault {
  kNone,
  kRolledBack,        // reported as such
  kUncertainApplied,  // reported as uncertain; it did take effect
  kUncertainLost,     // reported as uncertain; it did not
};

enum class StateKeeping { kWithCommit, kChangelog };

struct MemoryWorldOptions {
  std::vector<InputDescription> inputs = {{"events", /*internal=*/true}};
  int32_t partition_count = 1;
  StateKeeping keeping = StateKeeping::kWithCommit;
  int flush_every_commits = 3;  // kChangelog: how often the store catches up
  // Asked before every commit; absent: no faults.
  std::function<CommitFault()> next_fault;
  // As of InputLog. Absent: nothing is copied.
  std::function<Timestamp()> copied_until;
  // Asked at every Fetch; true: it finds nothing, and not whether that is the end. Absent: never.
  std::function<bool()> fetch_stalls;
};

class MemoryWorld {
 public:
  explicit MemoryWorld(MemoryWorldOptions options);

  // Appends to the key's own partition, or to `partition` where given.
  void Append(uint16_t input, std::string_view key, std::string_view value, Timestamp log_time,
              std::optional<Partition> partition = std::nullopt);

  // What is committed, by partition in order.
  std::vector<model::Action> Actions() const;
  std::vector<DeadLetter> DeadLetters() const;
  // By hash; the mark of the key among them.
  std::vector<model::Suppression> Suppressions() const;
  // All persons' committed records, as "partition/id" and bytes; what restores would find.
  std::vector<std::pair<std::string, std::string>> Records();
  int commits() const;

  struct WorkerPorts {
    std::unique_ptr<InputLog> input;
    std::unique_ptr<Committer> committer;
    std::unique_ptr<StateKeeper> keeper;
  };
  // Of worker `index` of `count`, which owns the partitions p with p % count == index.
  WorkerPorts MakeWorkerPorts(int index, int count);

 private:
  friend class MemoryInput;
  friend class MemoryCommitter;
  friend class MemoryKeeper;

  struct Record {
    Timestamp log_time;
    std::string key;
    std::string value;
  };
  struct Change {
    std::string person;
    std::string record;
  };
  struct PartitionData {
    std::vector<std::vector<Record>> inputs;
    std::vector<model::Action> actions;
    std::vector<DeadLetter> dead_letters;
    store::MemoryDatabase database;
    // kChangelog.
    std::vector<Change> changelog;
    std::map<std::pair<std::string, uint32_t>, store::CodeChunk> codes;  // by pool and index
    std::string meta;
    Positions next;
    int unflushed_commits = 0;
  };

  PartitionData& Data(Partition partition) {
    return *partitions_[static_cast<size_t>(partition.value())];
  }
  void Apply(const CommitBatch& batch);
  void AppendOwn(const CommitBatch& batch);

  const MemoryWorldOptions options_;
  mutable std::mutex mutex_;  // guards what follows, partitions_' content too
  std::vector<std::unique_ptr<PartitionData>> partitions_;
  std::map<model::AddressHash, model::Suppression> suppressions_;
  int commits_ = 0;
};

}  // namespace sojourn::runtime
