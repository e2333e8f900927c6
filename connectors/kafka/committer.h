// runtime::Committer as one Kafka transaction: actions, changelog, dead letters, suppressed
// addresses, events for other people, and the offsets of every input of every partition that is
// committed.
//
// An action's record is of action_record.h.
// A dead letter's record: key and value as they came, headers reason, message, topic, partition,
// offset, log_time; a value too long for the topic is left out, and header value = omitted says so.
//
// Threads: one owner, the worker. All that is passed in outlives this object.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/input_log.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/restore.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

class KafkaCommitter : public runtime::Committer {
 public:
  KafkaCommitter(const KafkaConfig& config, const StateOptions& options, KafkaInputLog* input_log,
                 TransactionalProducer* producer, KafkaStateKeeper* state_keeper);

  // A store is flushed inside, after the commit, when it holds too much or too long.
  runtime::CommitResult Commit(std::span<const runtime::CommitBatch> batches) override;

 private:
  Status WriteTransaction(std::span<const runtime::CommitBatch> batches,
                          std::vector<size_t>* meta_records);
  Status WriteBatch(const runtime::CommitBatch& batch, size_t* meta_record);
  Status WriteDeadLetter(Partition partition, const runtime::DeadLetter& letter);
  Status WriteOwnRecords(const runtime::CommitBatch& batch);
  Status WriteSuppression(const model::Suppression& entry);
  Status SendOffsets(std::span<const runtime::CommitBatch> batches);
  Status TellStores(std::span<const runtime::CommitBatch> batches,
                    const std::vector<size_t>& meta_records);
  Status TellStore(const runtime::CommitBatch& batch, Offset changelog_next);

  const KafkaConfig config_;
  const StateOptions options_;
  const std::string actions_topic_;
  const std::string changelog_topic_;
  const std::string events_topic_;
  const std::string dead_letters_topic_;
  const std::string suppressions_topic_;
  KafkaInputLog* const input_log_;
  TransactionalProducer* const producer_;
  KafkaStateKeeper* const state_keeper_;
  std::map<Partition, std::chrono::steady_clock::time_point> flushed_at_;
};

}  // namespace sojourn::kafka
