// The embedded log as one worker sees it: the runtime's three ports over the shared database.
//
// Threads: one worker's, but for Wake.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/embedded/shared.h"
#include "engine/model/event_codec.h"
#include "engine/runtime/ports.h"

namespace sojourn::embedded {

// Records of the partitions p with p % count == index. They never change hands.
class EmbeddedInput final : public runtime::InputLog {
 public:
  EmbeddedInput(Shared* shared, int index, int count);

  const std::vector<runtime::InputDescription>& inputs() const override { return inputs_; }
  int32_t partition_count() const override { return shared_->partition_count(); }
  Status Poll(Duration timeout) override;
  void SetListener(runtime::AssignmentListener* listener) override { listener_ = listener; }
  Result<runtime::FetchedRecords> Fetch(Partition partition, uint16_t input,
                                        size_t max_records) override;
  Status SetPositions(std::span<const runtime::PartitionPositions> positions) override;
  std::optional<int64_t> Lag(Partition partition, uint16_t input, Offset next) override;
  void Wake() override;

 private:
  struct Cursor {
    Offset next;
    std::vector<std::string> rows;  // what `records` point into
    std::vector<runtime::InputRecord> records;
  };
  Status ReadRows(Partition partition, Offset end, size_t max_records, Cursor* cursor);

  Shared* const shared_;
  const std::vector<runtime::InputDescription> inputs_;
  std::vector<Partition> owned_;
  bool assigned_ = false;
  runtime::AssignmentListener* listener_ = nullptr;
  std::unordered_map<Partition, Cursor> cursors_;
  uint64_t seen_ = 0;  // of the signal `appended`
};

class EmbeddedDecoder final : public runtime::Decoder {
 public:
  Result<model::Event> Decode(const runtime::InputRecord& record, Arena* arena) override {
    return decoder_.Decode(model::EventFormat::kProtobuf, record.value, record.log_time, arena);
  }

 private:
  model::EventDecoder decoder_;
};

// A commit is one synced write of everything. Where that fails, Open of the keeper ends the worker.
class EmbeddedCommitter final : public runtime::Committer {
 public:
  explicit EmbeddedCommitter(Shared* shared) : shared_(shared) {}
  runtime::CommitResult Commit(std::span<const runtime::CommitBatch> batches) override;

 private:
  runtime::CommitResult WriteWithSuppressions(std::span<const runtime::CommitBatch> batches,
                                              store::WriteBatch* write);

  Status WriteWithOwnRecords(std::span<const runtime::CommitBatch> batches,
                             store::WriteBatch* write);

  Shared* const shared_;
  std::string scratch_;
};

class EmbeddedKeeper final : public runtime::StateKeeper {
 public:
  explicit EmbeddedKeeper(Shared* shared) : shared_(shared) {}
  Result<runtime::OpenedPartition> Open(Partition partition) override;

 private:
  Shared* const shared_;
};

}  // namespace sojourn::embedded
