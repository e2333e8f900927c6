// Copies topics of others, whose records are not keyed by person, into `<app>.events`: the role
// `router` of a process.
//
// The routers of all processes form the group `<app>-router`, one static member per process. One
// transaction holds events, dead letters and the group's offsets. A turn begins and ends it, so
// that nothing is open while the group shares its partitions out. A commit without an answer: the
// producer is destroyed, the next one settles the transaction, and the group's offsets tell where
// to go on.
//
// Threads: Run on one; Stop and ready from any. The observer outlives it. Errors: what cannot heal
// by itself: a topic that was made anew, a refusal by the broker for good.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/route.h"
#include "connectors/kafka/routed_inputs.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::kafka {

class Router {
 public:
  // `partition_count` of `<app>.events`. `commit_interval`: records that come one by one are
  // committed together so often.
  Router(const KafkaConfig& config, int32_t partition_count, Duration commit_interval,
         KafkaObserver* observer);

  // Until Stop or an error.
  Status Run();
  void Stop();
  // The group has given its partitions, of which there may be none, and where they are read is
  // known.
  bool ready() const { return ready_; }

 private:
  // What a transaction holds, to be told when it is committed.
  struct Counts {
    int64_t records = 0;
    int64_t bytes = 0;
  };
  struct Batch {
    std::map<std::string, Counts, std::less<>> topics;
    std::vector<runtime::DeadLetter> letters;
    size_t records = 0;
    size_t bytes = 0;
    Status waits_for;  // not ok: why the next record has to come again later
    bool is_full() const;
  };

  Status RunOnce();
  Status FindPositions();
  Status RouteBatch();
  Status Write(Batch* batch);
  Status WriteRecord(const rd_kafka_message_t& message, Batch* batch);
  Status WriteDeadLetter(const runtime::DeadLetter& letter, Partition partition);
  Status SendOffsets();
  Status Conclude(const runtime::CommitResult& result, const Batch& batch);
  Status Pause(const Status& why);
  model::EventFormat FormatOf(std::string_view topic) const;

  const KafkaConfig config_;
  const int32_t partition_count_;
  const Duration commit_interval_;
  const std::string events_topic_;
  const std::string dead_letters_topic_;
  KafkaObserver* const observer_;
  TransactionalProducer producer_;
  RoutedInputs inputs_;
  Route route_;
  std::chrono::steady_clock::time_point next_turn_;
  bool busy_ = false;  // the last turn found so much that there may be more
  Duration retry_pause_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> stop_ = false;
};

}  // namespace sojourn::kafka
