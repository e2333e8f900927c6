// How far the topics of others are routed, by whichever processes: what the workers' clock waits
// for. A reminder must not fire that an order would cancel which the router has not copied yet.
//
// Again and again it notes the ends of the topics and the moment, waits until the group
// `<app>-router` has committed offsets at or behind them, and then notes the ends of
// `<app>.events`: whoever has read as far has everything that was written to the topics before that
// moment.
//
// Threads: any; it has one of its own, and rings the registered bells from it. Errors: none; while
// the brokers are away nothing moves. All that is passed in outlives it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/signal.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

class RouteProgress {
 public:
  // `partition_count` of `<app>.events`.
  static Result<std::unique_ptr<RouteProgress>> Open(const KafkaConfig& config,
                                                     int32_t partition_count,
                                                     const runtime::WallClock* clock,
                                                     KafkaObserver* observer);
  ~RouteProgress();

  // Whatever was written to the topics before this moment stands in `<app>.events`. Min(): nothing
  // is known yet.
  Timestamp CopiedUntil() const { return Timestamp(copied_until_ms_.load()); }
  // The same for who has read partition `partition` of `<app>.events` up to `next`: it has been
  // read, too.
  Timestamp ReadUntil(Partition partition, Offset next) const;

  // Rung whenever these may have more to say, until RemoveBell.
  void AddBell(Signal* bell);
  void RemoveBell(Signal* bell);

 private:
  using Offsets = std::map<TopicPartition, Offset>;
  // Ends of the topics as they were at `at`.
  struct Snapshot {
    Timestamp at;
    Offsets ends;
  };
  // Everything before `at` is routed; it lies before `ends` of `<app>.events`.
  struct Proof {
    Timestamp at = Timestamp::Min();
    std::vector<Offset> ends;  // by partition
  };

  RouteProgress(const KafkaConfig& config, int32_t partition_count, const runtime::WallClock* clock,
                KafkaObserver* observer);
  void RunUntilStopped();
  Status Look();
  Status FindPartitions();
  Result<Offsets> Ends(const std::vector<TopicPartition>& places) const;
  Result<Offsets> CommittedOffsets() const;
  void Publish(Proof proof);
  void Report(const Offsets& ends, const Offsets& committed);
  void WarnOfStandstill(const Offsets& ends, const Offsets& committed);

  const KafkaConfig config_;
  const std::vector<TopicPartition> events_;  // every partition of `<app>.events`
  const runtime::WallClock* const clock_;
  KafkaObserver* const observer_;
  std::unique_ptr<Client> client_;

  // The thread's own.
  std::vector<TopicPartition> places_;  // of the topics of others
  std::chrono::steady_clock::time_point next_search_;
  std::chrono::steady_clock::time_point next_report_;
  std::chrono::steady_clock::time_point next_warning_;
  std::optional<Snapshot> snapshot_;  // not proven yet

  std::atomic<int64_t> copied_until_ms_ = Timestamp::Min().milliseconds();
  mutable std::mutex mutex_;  // guards what follows
  // The last few, the newest in front: who has not read as far as it says goes by one before.
  std::deque<Proof> proofs_;
  std::set<Signal*> bells_;

  Signal stopping_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace sojourn::kafka
