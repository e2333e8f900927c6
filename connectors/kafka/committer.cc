#include "connectors/kafka/committer.h"

#include <utility>

#include "connectors/kafka/action_record.h"
#include "connectors/kafka/changelog.h"
#include "connectors/kafka/dead_letter.h"
#include "connectors/kafka/place_headers.h"
#include "connectors/kafka/suppression_record.h"
#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/mutant.h"
#include "engine/store/partition_meta.h"
#include "engine/store/partition_store.h"

namespace sojourn::kafka {
namespace {

using runtime::CommitBatch;
using runtime::CommitOutcome;
using runtime::CommitResult;
using runtime::DeadLetter;

// Whether it goes on in any input, and is not of timers alone.
bool HasRecords(const CommitBatch& batch) {
  return batch.meta->inputs != batch.store->meta().inputs;
}

}  // namespace

KafkaCommitter::KafkaCommitter(const KafkaConfig& config, const StateOptions& options,
                               KafkaInputLog* input_log, TransactionalProducer* producer,
                               KafkaStateKeeper* state_keeper)
    : config_(config),
      options_(options),
      actions_topic_(ActionsTopic(config)),
      changelog_topic_(ChangelogTopic(config)),
      events_topic_(EventsTopic(config)),
      dead_letters_topic_(DeadLettersTopic(config)),
      suppressions_topic_(SuppressionsTopic(config)),
      input_log_(input_log),
      producer_(producer),
      state_keeper_(state_keeper) {}

CommitResult KafkaCommitter::Commit(std::span<const CommitBatch> batches) {
  if (Status status = producer_->Settle(config_.transaction_timeout); !status.ok()) {
    return {CommitOutcome::kNotCommitted, std::move(status)};
  }
  if (Status status = producer_->Begin(); !status.ok()) {
    return {CommitOutcome::kNotCommitted, std::move(status)};
  }
  std::vector<size_t> meta_records;
  if (Status status = WriteTransaction(batches, &meta_records); !status.ok()) {
    producer_->Abort();
    return {CommitOutcome::kNotCommitted, std::move(status)};
  }
  if (IsMutant(Mutant::kStoreBeforeCommit)) (void)TellStores(batches, meta_records);
  CommitResult result = producer_->Commit();
  if (result.outcome == CommitOutcome::kCommitted) {
    result.status = TellStores(batches, meta_records);
  }
  return result;
}

Status KafkaCommitter::WriteTransaction(std::span<const CommitBatch> batches,
                                        std::vector<size_t>* meta_records) {
  if (IsMutant(Mutant::kOffsetsOutside)) {
    SOJOURN_RETURN_IF_ERROR(SendOffsets(batches));
    SOJOURN_RETURN_IF_ERROR(producer_->Commit().status);
    SOJOURN_RETURN_IF_ERROR(producer_->Begin());
  }
  for (const CommitBatch& batch : batches) {
    size_t meta_record = 0;
    SOJOURN_RETURN_IF_ERROR(WriteBatch(batch, &meta_record));
    meta_records->push_back(meta_record);
  }
  return SendOffsets(batches);
}

Status KafkaCommitter::WriteBatch(const CommitBatch& batch, size_t* meta_record) {
  const Partition partition = batch.partition;
  for (const model::Action& action : batch.actions) {
    SOJOURN_RETURN_IF_ERROR(
        WriteAction(config_, {actions_topic_, partition}, action, producer_).status());
  }
  for (const DeadLetter& letter : batch.dead_letters) {
    SOJOURN_RETURN_IF_ERROR(WriteDeadLetter(partition, letter));
  }
  for (const model::Suppression& entry : batch.suppressions) {
    SOJOURN_RETURN_IF_ERROR(WriteSuppression(entry));
  }
  SOJOURN_RETURN_IF_ERROR(WriteOwnRecords(batch));
  const OpenedState& state = *state_keeper_->StateOf(partition);
  if (!state.incarnation_to_write.empty()) {
    const OutgoingRecord first{
        changelog_topic_, partition, kIncarnationKey, state.incarnation_to_write, {}};
    if (auto produced = producer_->Produce(first); !produced.ok()) return produced.status();
  }
  for (const store::PersonChange& change : batch.changes) {
    OutgoingRecord record{changelog_topic_, partition, change.id, std::nullopt, {}};
    if (!change.record.empty()) record.value = change.record;
    if (auto produced = producer_->Produce(record); !produced.ok()) return produced.status();
  }
  for (const store::CodeChunk& chunk : batch.meta->code_chunks) {
    const std::string key = CodesKey(chunk.pool, chunk.index);
    const std::string value = store::EncodeCodes(chunk.hashes);
    auto produced = producer_->Produce({changelog_topic_, partition, key, value, {}});
    if (!produced.ok()) return produced.status();
  }
  const std::string meta = store::EncodePartitionMeta(*batch.meta);
  auto produced = producer_->Produce({changelog_topic_, partition, kMetaKey, meta, {}});
  if (!produced.ok()) return produced.status();
  *meta_record = *produced;
  return Status::Ok();
}

Status KafkaCommitter::WriteDeadLetter(Partition partition, const DeadLetter& letter) {
  const DeadLetterRecord record = RecordOf(letter);
  const std::vector<Header> headers(record.headers.begin(), record.headers.end());
  auto produced =
      producer_->Produce({dead_letters_topic_, partition, record.key, record.value, headers});
  return produced.ok() ? Status::Ok() : produced.status();
}

// Where an import replays, they stand at its time among its records.
Status KafkaCommitter::WriteOwnRecords(const CommitBatch& batch) {
  for (const runtime::OwnRecord& own : batch.own_records) {
    std::vector<std::pair<std::string, std::string>> pairs;
    if (batch.meta->import_open) pairs = PlaceHeaders({.log_time = own.time});
    const std::vector<Header> headers(pairs.begin(), pairs.end());
    const Partition home(PartitionOfKey(own.key, input_log_->partition_count()));
    auto produced = producer_->Produce({events_topic_, home, own.key, own.value, headers});
    if (!produced.ok()) return produced.status();
  }
  return Status::Ok();
}

Status KafkaCommitter::WriteSuppression(const model::Suppression& entry) {
  const std::string key = SuppressionKey(entry.hash);
  const std::string value = EncodeSuppression(entry);
  return producer_->Produce({suppressions_topic_, Partition(0), key, value, {}}).status();
}

Status KafkaCommitter::SendOffsets(std::span<const CommitBatch> batches) {
  const auto& inputs = input_log_->inputs();
  std::vector<NextOffset> offsets;
  for (const CommitBatch& batch : batches) {
    SOJOURN_CHECK(batch.meta->inputs.size() == inputs.size());
    if (IsMutant(Mutant::kTimersWithoutOffsets) && !HasRecords(batch)) continue;
    for (const store::InputPosition& input : batch.meta->inputs) {
      offsets.push_back({input.topic, batch.partition, input.next_offset});
    }
  }
  if (IsMutant(Mutant::kTimersWithoutOffsets) && offsets.empty()) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(const GroupMetadataPtr generation, input_log_->CurrentGeneration());
  return producer_->SendOffsets(offsets, generation.get());
}

Status KafkaCommitter::TellStores(std::span<const CommitBatch> batches,
                                  const std::vector<size_t>& meta_records) {
  Status first_failure;
  for (size_t i = 0; i < batches.size(); ++i) {
    const Offset meta_offset = producer_->DeliveredOffset(meta_records[i]);
    Status status = TellStore(batches[i], Offset(meta_offset.value() + 1));
    if (!status.ok() && first_failure.ok()) first_failure = std::move(status);
  }
  return first_failure;
}

Status KafkaCommitter::TellStore(const CommitBatch& batch, Offset changelog_next) {
  OpenedState& state = *state_keeper_->StateOf(batch.partition);
  state.incarnation_to_write.clear();
  store::PartitionMeta meta = *batch.meta;
  meta.changelog_next_offset = changelog_next;
  meta.identities = state.identities;
  batch.store->ApplyCommitted(batch.changes, std::move(meta));
  const auto now = std::chrono::steady_clock::now();
  const auto interval = std::chrono::milliseconds(options_.flush_interval.milliseconds());
  auto& flushed_at = flushed_at_.try_emplace(batch.partition, now).first->second;
  const bool due = now - flushed_at >= interval;
  if (!due && batch.store->unflushed_bytes() < options_.flush_bytes) return Status::Ok();
  flushed_at = now;
  return batch.store->Flush(store::Sync::kYes);
}

}  // namespace sojourn::kafka
