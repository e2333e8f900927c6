// runtime::Committer as one Kafka transaction: actions, changelog, dead letters, and the offsets of
// every input of every partition that is committed.
//
// An action's record: key = person, headers of CloudEvents in binary mode (ce_id, ce_source,
// ce_type, ce_time, ce_specversion, ce_subject, content-type), body as the ActionFormat says.
// A dead letter's record: key and value as they came, headers reason, message, topic, partition,
// offset, log_time; a value too long for the topic is left out, and header value = omitted says so.
//
// Threads: one owner, the worker. All that is passed in outlives this object.
#pragma once

#include <chrono>
#include <functional>
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

// An action's body. `encode` is a pure function.
struct ActionFormat {
  std::string content_type;
  std::function<std::string(const model::Action&)> encode;
};

class KafkaCommitter : public runtime::Committer {
 public:
  KafkaCommitter(const KafkaConfig& config, const StateOptions& options, ActionFormat action_format,
                 KafkaInputLog* input_log, TransactionalProducer* producer,
                 KafkaStateKeeper* state_keeper, const runtime::WallClock* clock);

  // A store is flushed inside, after the commit, when it holds too much or too long.
  runtime::CommitResult Commit(std::span<const runtime::CommitBatch> batches) override;

 private:
  Status WriteTransaction(std::span<const runtime::CommitBatch> batches,
                          std::vector<size_t>* meta_records);
  Status WriteBatch(const runtime::CommitBatch& batch, size_t* meta_record);
  Status WriteAction(Partition partition, const model::Action& action);
  Status WriteDeadLetter(Partition partition, const runtime::DeadLetter& letter);
  Status SendOffsets(std::span<const runtime::CommitBatch> batches);
  Status TellStore(const runtime::CommitBatch& batch, Offset changelog_next);

  const KafkaConfig config_;
  const StateOptions options_;
  const ActionFormat action_format_;
  const std::string actions_topic_;
  const std::string changelog_topic_;
  const std::string dead_letters_topic_;
  const std::string source_;  // ce_source
  KafkaInputLog* const input_log_;
  TransactionalProducer* const producer_;
  KafkaStateKeeper* const state_keeper_;
  const runtime::WallClock* const clock_;
  std::map<Partition, std::chrono::steady_clock::time_point> flushed_at_;
};

}  // namespace sojourn::kafka
