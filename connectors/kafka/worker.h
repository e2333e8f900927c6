// The Kafka side of one worker thread: its input log, committer and state keeper, wired together.
//
// Threads: made and destroyed anywhere, used by one thread in between. All that is passed in
// outlives it; the stores that Open gave die before it.
#pragma once

#include <memory>

#include "connectors/kafka/committer.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/input_log.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/restore.h"
#include "connectors/kafka/route_progress.h"
#include "connectors/kafka/state_databases.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

class KafkaWorker {
 public:
  // `number` counts the process's workers from 0; `partition_count` is what CheckTopics gave.
  // `progress`: as of KafkaInputLog.
  KafkaWorker(const KafkaConfig& config, const StateOptions& options, int number,
              int32_t partition_count, StateDatabases* databases, RouteProgress* progress,
              const runtime::WallClock* clock, KafkaObserver* observer);

  KafkaInputLog* input_log() { return &input_log_; }
  runtime::StateKeeper* state_keeper() { return &state_keeper_; }
  runtime::Committer* committer() { return &committer_; }

 private:
  TransactionalProducer producer_;
  StateDatabases* const databases_;
  KafkaInputLog input_log_;
  KafkaStateKeeper state_keeper_;
  KafkaCommitter committer_;
};

}  // namespace sojourn::kafka
