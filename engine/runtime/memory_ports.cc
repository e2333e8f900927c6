#include "engine/runtime/memory_ports.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/hash.h"

namespace sojourn::runtime {

MemoryWorld::MemoryWorld(MemoryWorldOptions options) : options_(std::move(options)) {
  for (int32_t p = 0; p < options_.partition_count; ++p) {
    auto& data = partitions_.emplace_back(std::make_unique<PartitionData>());
    data->inputs.resize(options_.inputs.size());
    data->next.resize(options_.inputs.size());
  }
}

void MemoryWorld::Append(uint16_t input, std::string_view key, std::string_view value,
                         Timestamp log_time, std::optional<Partition> partition) {
  const Partition home =
      partition.value_or(Partition(PartitionOfKey(key, options_.partition_count)));
  std::lock_guard lock(mutex_);
  Data(home).inputs[input].push_back({log_time, std::string(key), std::string(value)});
}

std::vector<model::Action> MemoryWorld::Actions() const {
  std::lock_guard lock(mutex_);
  std::vector<model::Action> actions;
  for (const auto& data : partitions_) {
    actions.insert(actions.end(), data->actions.begin(), data->actions.end());
  }
  return actions;
}

std::vector<DeadLetter> MemoryWorld::DeadLetters() const {
  std::lock_guard lock(mutex_);
  std::vector<DeadLetter> letters;
  for (const auto& data : partitions_) {
    letters.insert(letters.end(), data->dead_letters.begin(), data->dead_letters.end());
  }
  return letters;
}

std::vector<model::Suppression> MemoryWorld::Suppressions() const {
  std::lock_guard lock(mutex_);
  std::vector<model::Suppression> all;
  for (const auto& [hash, entry] : suppressions_) all.push_back(entry);
  return all;
}

int MemoryWorld::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

// Everything of a commit but the state of kWithCommit.
void MemoryWorld::Apply(const CommitBatch& batch) {
  PartitionData& data = Data(batch.partition);
  data.actions.insert(data.actions.end(), batch.actions.begin(), batch.actions.end());
  data.dead_letters.insert(data.dead_letters.end(), batch.dead_letters.begin(),
                           batch.dead_letters.end());
  for (const model::Suppression& entry : batch.suppressions) {
    suppressions_.emplace(entry.hash, entry);
  }
  data.next.clear();
  for (const store::InputPosition& input : batch.meta->inputs) {
    data.next.push_back(input.next_offset);
  }
  AppendOwn(batch);
  if (options_.keeping == StateKeeping::kWithCommit) return;
  for (const store::PersonChange& change : batch.changes) {
    data.changelog.push_back({std::string(change.id), std::string(change.record)});
  }
  for (const store::CodeChunk& chunk : batch.meta->code_chunks) {
    data.codes[{chunk.pool, chunk.index}] = chunk;
  }
  data.meta = store::EncodePartitionMeta(*batch.meta);
}

// To the first input that is the product's own; of the present.
void MemoryWorld::AppendOwn(const CommitBatch& batch) {
  const auto own =
      std::find_if(options_.inputs.begin(), options_.inputs.end(),
                   [](const InputDescription& description) { return description.internal; });
  SOJOURN_CHECK(batch.own_records.empty() || own != options_.inputs.end());
  const auto input = static_cast<size_t>(own - options_.inputs.begin());
  for (const OwnRecord& record : batch.own_records) {
    auto& log = Data(Partition(PartitionOfKey(record.key, options_.partition_count))).inputs[input];
    const Timestamp present = batch.meta->written_at;
    const Timestamp log_time = log.empty() ? present : std::max(present, log.back().log_time);
    log.push_back({log_time, record.key, record.value});
  }
}

// ---- ports -----------------------------------------------------------------------------------

class MemoryInput final : public InputLog {
 public:
  MemoryInput(MemoryWorld* world, int index, int count) : world_(world) {
    for (int32_t p = index; p < world->options_.partition_count; p += count) {
      owned_.push_back(Partition(p));
    }
  }

  const std::vector<InputDescription>& inputs() const override { return world_->options_.inputs; }
  int32_t partition_count() const override { return world_->options_.partition_count; }
  void SetListener(AssignmentListener* listener) override { listener_ = listener; }

  Status Poll(Duration timeout) override {
    if (!assigned_ && listener_ != nullptr) {
      assigned_ = true;
      return listener_->OnAssigned(owned_);
    }
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, std::chrono::milliseconds(timeout.milliseconds()),
                    [this] { return wake_; });
    wake_ = false;
    return Status::Ok();
  }

  Timestamp CopiedUntil() const override {
    const auto& copied_until = world_->options_.copied_until;
    return copied_until ? copied_until() : Timestamp::Max();
  }

  void Wake() override {
    std::lock_guard lock(mutex_);
    wake_ = true;
    woken_.notify_all();
  }

  Result<FetchedRecords> Fetch(Partition partition, uint16_t input, size_t max_records) override {
    Cursor& cursor = cursors_.at({partition, input});
    cursor.held.clear();
    cursor.records.clear();
    std::lock_guard lock(world_->mutex_);
    const auto& stalls = world_->options_.fetch_stalls;
    if (stalls && stalls()) return FetchedRecords{{}, cursor.next, /*at_end=*/false};
    const auto& log = world_->Data(partition).inputs[input];
    const size_t begin = static_cast<size_t>(cursor.next.value());
    const size_t end = std::min(log.size(), begin + max_records);
    cursor.held.assign(log.begin() + static_cast<ptrdiff_t>(begin),
                       log.begin() + static_cast<ptrdiff_t>(end));
    for (size_t i = 0; i < cursor.held.size(); ++i) {
      const MemoryWorld::Record& held = cursor.held[i];
      InputRecord& record = cursor.records.emplace_back();
      record.input = input;
      record.offset = Offset(static_cast<int64_t>(begin + i));
      record.log_time = held.log_time;
      record.key = held.key;
      record.value = held.value;
    }
    cursor.next = Offset(static_cast<int64_t>(end));
    FetchedRecords fetched{cursor.records, cursor.next, end == log.size()};
    if (world_->options_.copied_until) fetched.under_way_since = world_->options_.copied_until();
    return fetched;
  }

  Status SetPositions(std::span<const PartitionPositions> positions) override {
    for (const PartitionPositions& position : positions) {
      for (uint16_t input = 0; input < position.next.size(); ++input) {
        Cursor& cursor = cursors_[{position.partition, input}];
        cursor = Cursor();
        cursor.next = position.next[input];
      }
    }
    return Status::Ok();
  }

  std::optional<int64_t> Lag(Partition partition, uint16_t input, Offset next) override {
    std::lock_guard lock(world_->mutex_);
    return static_cast<int64_t>(world_->Data(partition).inputs[input].size()) - next.value();
  }

 private:
  struct Cursor {
    Offset next;
    std::vector<MemoryWorld::Record> held;
    std::vector<InputRecord> records;
  };

  MemoryWorld* const world_;
  std::vector<Partition> owned_;
  bool assigned_ = false;
  AssignmentListener* listener_ = nullptr;
  std::map<std::pair<Partition, uint16_t>, Cursor> cursors_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wake_ = false;
};

class MemoryCommitter final : public Committer {
 public:
  explicit MemoryCommitter(MemoryWorld* world) : world_(world) {}

  CommitResult Commit(std::span<const CommitBatch> batches) override {
    std::lock_guard lock(world_->mutex_);
    ++world_->commits_;
    const auto& next_fault = world_->options_.next_fault;
    const CommitFault fault = next_fault ? next_fault() : CommitFault::kNone;
    switch (fault) {
      case CommitFault::kRolledBack:
        return {CommitOutcome::kNotCommitted, Aborted("a fault was asked for")};
      case CommitFault::kUncertainLost:
        return {CommitOutcome::kUncertain, Unknown("a fault was asked for")};
      case CommitFault::kUncertainApplied:
      case CommitFault::kNone:
        break;
    }
    for (const CommitBatch& batch : batches) {
      world_->Apply(batch);
      SOJOURN_CHECK(Keep(batch, fault == CommitFault::kNone).ok());
    }
    if (fault == CommitFault::kNone) return {};
    return {CommitOutcome::kUncertain, Unknown("a fault was asked for")};
  }

 private:
  Status Keep(const CommitBatch& batch, bool tell_store) {
    MemoryWorld::PartitionData& data = world_->Data(batch.partition);
    if (world_->options_.keeping == StateKeeping::kWithCommit) {
      store::WriteBatch write;
      batch.store->AppendTo(&write, batch.changes, *batch.meta);
      SOJOURN_RETURN_IF_ERROR(data.database.Write(write, store::Sync::kYes));
      if (tell_store) batch.store->ApplyWritten(batch.changes, *batch.meta);
      return Status::Ok();
    }
    if (!tell_store) return Status::Ok();
    store::PartitionMeta meta = *batch.meta;
    meta.changelog_next_offset = Offset(static_cast<int64_t>(data.changelog.size()));
    batch.store->ApplyCommitted(batch.changes, std::move(meta));
    if (++data.unflushed_commits < world_->options_.flush_every_commits) return Status::Ok();
    data.unflushed_commits = 0;
    return batch.store->Flush(store::Sync::kYes);
  }

  MemoryWorld* const world_;
};

class MemoryKeeper final : public StateKeeper {
 public:
  explicit MemoryKeeper(MemoryWorld* world) : world_(world) {}

  Result<OpenedPartition> Open(Partition partition) override {
    std::lock_guard lock(world_->mutex_);
    MemoryWorld::PartitionData& data = world_->Data(partition);
    OpenedPartition opened;
    SOJOURN_ASSIGN_OR_RETURN(opened.store, store::PartitionStore::Open(&data.database, partition));
    opened.next = data.next;
    data.unflushed_commits = 0;
    if (data.meta.empty()) return opened;
    SOJOURN_RETURN_IF_ERROR(Replay(data, opened.store.get()));
    return opened;
  }

 private:
  // From the store's place in the changelog to its end; the last record of a person counts.
  Status Replay(const MemoryWorld::PartitionData& data, store::PartitionStore* store) {
    const auto begin =
        static_cast<size_t>(std::max<int64_t>(0, store->meta().changelog_next_offset.value()));
    std::map<std::string_view, std::string_view> newest;
    for (size_t i = begin; i < data.changelog.size(); ++i) {
      newest[data.changelog[i].person] = data.changelog[i].record;
    }
    std::vector<store::PersonChange> changes;
    for (const auto& [person, record] : newest) changes.push_back({person, record});
    SOJOURN_ASSIGN_OR_RETURN(store::PartitionMeta meta, store::DecodePartitionMeta(data.meta));
    meta.changelog_next_offset = Offset(static_cast<int64_t>(data.changelog.size()));
    for (const auto& [place, chunk] : data.codes) meta.code_chunks.push_back(chunk);
    return store->ApplyRestored(changes, std::move(meta));
  }

  MemoryWorld* const world_;
};

MemoryWorld::WorkerPorts MemoryWorld::MakeWorkerPorts(int index, int count) {
  return {std::make_unique<MemoryInput>(this, index, count),
          std::make_unique<MemoryCommitter>(this), std::make_unique<MemoryKeeper>(this)};
}

std::vector<std::pair<std::string, std::string>> MemoryWorld::Records() {
  std::vector<std::pair<std::string, std::string>> records;
  MemoryKeeper keeper(this);
  for (int32_t p = 0; p < options_.partition_count; ++p) {
    Result<OpenedPartition> opened = keeper.Open(Partition(p));
    SOJOURN_CHECK(opened.ok());
    std::vector<store::ScannedPerson> persons;
    SOJOURN_CHECK(opened->store->Scan("", SIZE_MAX, &persons).ok());
    for (store::ScannedPerson& person : persons) {
      records.emplace_back(std::to_string(p) + "/" + person.id, std::move(person.record));
    }
  }
  return records;
}

}  // namespace sojourn::runtime
