// Follows a compacted topic of one partition, and writes into it: what every process of the app
// knows alike, such as the suppression list.
//
// A thread of its own reads every committed record, from the oldest on, and shows it to the
// visitor; a record of another process is there some milliseconds after its commit. While the
// brokers are away what is known stands still.
//
// Threads: every member from any thread; the visitor is called by the follower's thread, one record
// at a time, and must not call back. The producer and the observer outlive it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "connectors/kafka/client.h"
#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/event_producer.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/reader.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"

namespace sojourn::kafka {

class TopicFollower {
 public:
  using Visitor = std::function<void(const StoredRecord&)>;

  // Returns when all that is in the topic has been visited. Errors: as of Cluster::Connect and
  // CatchUp.
  static Result<std::unique_ptr<TopicFollower>> Open(const KafkaConfig& config,
                                                     const std::string& topic,
                                                     EventProducer* producer,
                                                     KafkaObserver* observer, Visitor visit);
  ~TopicFollower();

  // Returns when all that was in the topic at the call has been visited. kUnavailable where
  // nothing more comes for config.start_timeout, because no broker answers, or because a
  // transaction is open that nobody ends.
  Status CatchUp();

  struct Change {
    std::string_view key;
    std::optional<std::string_view> value;  // nullopt: a tombstone
  };
  // Durable and visited when ok; after an error, perhaps some are.
  Status Write(std::span<const Change> changes);

  // Why the topic cannot be read (it is gone, it is forbidden), until it can again; ok while it
  // can, and while the brokers are away. The observer is told of both, once each.
  Status failure() const;

 private:
  TopicFollower(const KafkaConfig& config, std::string topic, EventProducer* producer,
                KafkaObserver* observer, Visitor visit);
  Status Start();
  Status ReadFrom(int64_t offset);
  void Follow();
  void TryAgain();
  void Take(const rd_kafka_message_t& message);
  void Tell(const Status& before, const Status& now);

  const KafkaConfig config_;
  const std::string topic_;
  EventProducer* const producer_;
  KafkaObserver* const observer_;
  const Visitor visit_;
  std::unique_ptr<Client> client_;
  std::mutex asking_;                 // one question to the cluster at a time
  std::unique_ptr<Cluster> cluster_;  // guarded by asking_
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  Offset next_;     // guarded by mutex_: everything before it has been visited
  Status failure_;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace sojourn::kafka
