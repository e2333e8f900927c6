#include "connectors/embedded/worker_ports.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "connectors/embedded/rows.h"
#include "connectors/embedded/suppressions.h"
#include "engine/base/check.h"
#include "engine/model/action_codec.h"
#include "engine/store/partition_store.h"

namespace sojourn::embedded {
namespace {

constexpr size_t kMaxFetchBytes = 4u << 20;

}  // namespace

Result<Offset> FindEnd(store::Database* database, store::Family family, Partition partition) {
  const auto rows = database->NewIterator(family, RowRange(partition, Offset(0), kLastOffset));
  rows->SeekToLast();
  SOJOURN_RETURN_IF_ERROR(rows->status());
  if (!rows->Valid()) return Offset(0);
  const std::optional<Offset> last = OffsetOfRowKey(rows->key());
  if (!last.has_value()) return DataLoss("a key of the embedded log is damaged");
  return Offset(last->value() + 1);
}

// ---- records in ------------------------------------------------------------------------------

EmbeddedInput::EmbeddedInput(Shared* shared, int index, int count)
    : shared_(shared), inputs_{{std::string(kEventsTopic), /*internal=*/true}} {
  for (int32_t p = index; p < shared->partition_count(); p += count) {
    owned_.push_back(Partition(p));
  }
}

Status EmbeddedInput::Poll(Duration timeout) {
  if (!assigned_ && listener_ != nullptr) {
    assigned_ = true;
    return listener_->OnAssigned(owned_);
  }
  seen_ = shared_->appended.WaitBeyond(seen_, timeout);
  return Status::Ok();
}

// Wakes the other workers too, which costs them one look.
void EmbeddedInput::Wake() { shared_->appended.Raise(); }

Result<runtime::FetchedRecords> EmbeddedInput::Fetch(Partition partition, uint16_t input,
                                                     size_t max_records) {
  SOJOURN_CHECK(input == 0);
  Cursor& cursor = cursors_[partition];
  const std::optional<Timestamp> under_way = shared_->writer->UnderWaySince();
  const Offset end = shared_->writer->End(partition);
  cursor.rows.clear();
  cursor.records.clear();
  if (cursor.next < end) {
    SOJOURN_RETURN_IF_ERROR(ReadRows(partition, end, max_records, &cursor));
  }
  return runtime::FetchedRecords{cursor.records, cursor.next, cursor.next == end, under_way};
}

Status EmbeddedInput::ReadRows(Partition partition, Offset end, size_t max_records,
                               Cursor* cursor) {
  const auto rows =
      shared_->database->NewIterator(kLogFamily, RowRange(partition, cursor->next, end));
  size_t bytes = 0;
  rows->SeekToFirst();
  cursor->rows.reserve(max_records);
  for (; rows->Valid() && cursor->rows.size() < max_records && bytes < kMaxFetchBytes;
       rows->Next()) {
    bytes += rows->value().size();
    const std::string& row = cursor->rows.emplace_back(rows->value());
    const std::optional<Offset> offset = OffsetOfRowKey(rows->key());
    Result<LogRow> decoded = DecodeLogRow(row);
    if (!offset.has_value() || !decoded.ok()) {
      return DataLoss(fmt::format("the log's partition {} is damaged behind offset {}",
                                  partition.value(), cursor->next.value()));
    }
    runtime::InputRecord& record = cursor->records.emplace_back();
    record.offset = *offset;
    record.log_time = decoded->log_time;
    record.key = decoded->key;
    record.value = decoded->event;
    cursor->next = Offset(offset->value() + 1);
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  if (!rows->Valid()) cursor->next = end;
  return Status::Ok();
}

Status EmbeddedInput::SetPositions(std::span<const runtime::PartitionPositions> positions) {
  for (const runtime::PartitionPositions& position : positions) {
    SOJOURN_CHECK(position.next.size() == 1);
    Cursor& cursor = cursors_[position.partition];
    cursor = Cursor();
    cursor.next = position.next[0];
  }
  return Status::Ok();
}

std::optional<int64_t> EmbeddedInput::Lag(Partition partition, uint16_t, Offset next) {
  return shared_->writer->End(partition).value() - next.value();
}

// ---- commits out -----------------------------------------------------------------------------

runtime::CommitResult EmbeddedCommitter::Commit(std::span<const runtime::CommitBatch> batches) {
  store::WriteBatch write;
  std::vector<Offset> action_ends;
  std::vector<Offset> letter_ends;
  for (const runtime::CommitBatch& batch : batches) {
    batch.store->AppendTo(&write, batch.changes, *batch.meta);
    int64_t end = shared_->action_ends->Get(batch.partition).value();
    for (const model::Action& action : batch.actions) {
      scratch_.clear();
      model::EncodeAction(action, &scratch_);
      write.Put(kActionsFamily, RowKey(batch.partition, Offset(end++)),
                EncodeActionRow({batch.meta->written_at, scratch_}));
    }
    action_ends.push_back(Offset(end));
    end = shared_->dead_letter_ends->Get(batch.partition).value();
    for (const runtime::DeadLetter& letter : batch.dead_letters) {
      write.Put(kDeadLettersFamily, RowKey(batch.partition, Offset(end++)),
                EncodeDeadLetter(letter));
    }
    letter_ends.push_back(Offset(end));
  }
  runtime::CommitResult written = WriteWithSuppressions(batches, &write);
  if (written.outcome != runtime::CommitOutcome::kCommitted) return written;
  for (size_t i = 0; i < batches.size(); ++i) {
    batches[i].store->ApplyWritten(batches[i].changes, *batches[i].meta);
    shared_->action_ends->Set(batches[i].partition, action_ends[i]);
    shared_->dead_letter_ends->Set(batches[i].partition, letter_ends[i]);
  }
  shared_->committed.Raise();
  return {};
}

runtime::CommitResult EmbeddedCommitter::WriteWithSuppressions(
    std::span<const runtime::CommitBatch> batches, store::WriteBatch* write) {
  std::vector<model::Suppression> suppressions;
  for (const runtime::CommitBatch& batch : batches) {
    suppressions.insert(suppressions.end(), batch.suppressions.begin(), batch.suppressions.end());
  }
  std::unique_lock lock(shared_->suppressing, std::defer_lock);
  if (!suppressions.empty()) {
    lock.lock();
    const auto added = AddSuppressions(shared_, suppressions, write);
    if (!added.ok()) return {runtime::CommitOutcome::kNotCommitted, added.status()};
  }
  Status written = WriteWithOwnRecords(batches, write);
  if (!written.ok()) return {runtime::CommitOutcome::kUncertain, std::move(written)};
  return {};
}

// Where there are any, through the log's writer, which numbers them.
Status EmbeddedCommitter::WriteWithOwnRecords(std::span<const runtime::CommitBatch> batches,
                                              store::WriteBatch* write) {
  std::vector<const runtime::OwnRecord*> records;
  for (const runtime::CommitBatch& batch : batches) {
    for (const runtime::OwnRecord& record : batch.own_records) records.push_back(&record);
  }
  if (records.empty()) return shared_->database->Write(*write, store::Sync::kYes);
  return shared_->writer->AppendOwn(records, write);
}

// ---- state -----------------------------------------------------------------------------------

Result<runtime::OpenedPartition> EmbeddedKeeper::Open(Partition partition) {
  // Once a write has failed, only the next process can tell what became of it.
  SOJOURN_RETURN_IF_ERROR(shared_->database->failure());
  store::PartitionStoreOptions options;
  options.cache_bytes = shared_->options.record_cache_bytes;
  runtime::OpenedPartition opened;
  SOJOURN_ASSIGN_OR_RETURN(
      opened.store, store::PartitionStore::Open(shared_->database.get(), partition, options));
  const std::vector<store::InputPosition>& inputs = opened.store->meta().inputs;
  const Offset next = inputs.empty() ? Offset(0) : inputs[0].next_offset;
  if (next > shared_->writer->End(partition)) {
    return DataLoss(fmt::format(
        "partition {} has applied records up to offset {}, but its log ends at {}; restore the "
        "whole directory from one copy",
        partition.value(), next.value(), shared_->writer->End(partition).value()));
  }
  opened.next = {next};
  return opened;
}

}  // namespace sojourn::embedded
