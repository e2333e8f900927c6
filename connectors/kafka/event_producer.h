// Writes events into the input topics and `<app>.events`, and what the processes of the app tell
// each other: the HTTP intake, imports, feedback of deliverers, suppressions, notes. Each is
// acknowledged by all replicas, in order, without duplicates of our making.
//
// Threads: any.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "connectors/kafka/client.h"
#include "connectors/kafka/config.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

// Views live for the call that takes it.
struct NewEvent {
  std::string_view topic;
  std::string_view key;                   // the person's id
  std::optional<std::string_view> value;  // nullopt: a tombstone
  // By key with Kafka's murmur2 where it is not given, as every other client does it.
  std::optional<Partition> partition;
  // Its log time where that is not now, and where it stood before. Only for `<app>.events`: the
  // record itself is stamped with the present, or the broker would delete what is long past.
  const runtime::OriginalPlace* original = nullptr;
  // Others than those that tell its place.
  std::span<const std::pair<std::string, std::string>> headers = {};
};

class EventProducer {
 public:
  static Result<std::unique_ptr<EventProducer>> Open(const KafkaConfig& config,
                                                     KafkaObserver* observer);
  ~EventProducer();

  // Returns when all are durable, or with the first failure, after which some may be durable: to
  // append them again is safe where they have ids. kUnavailable: no broker took them in time.
  // kResourceExhausted: one is too long, or too many wait.
  Status Append(std::span<const NewEvent> events);

  // Of one topic; asked from the cluster every time.
  Result<int32_t> PartitionCount(const std::string& topic);

 private:
  // One call of Append on its way.
  struct Pending;

  EventProducer(const KafkaConfig& config, KafkaObserver* observer);
  static void OnDeliveryReport(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);
  Result<std::shared_ptr<Client>> OpenClient();
  // A client that did not fail for good: the present one, or a new one.
  Result<std::shared_ptr<Client>> UsableClient();
  static Status Produce(const NewEvent& event, Client* client, Pending* pending);
  void ServeUntilStopped();

  const KafkaConfig config_;
  KafkaObserver* const observer_;
  std::mutex mutex_;
  std::shared_ptr<Client> client_;  // guarded by mutex_; an Append keeps the one it began with
  std::atomic<bool> stopping_ = false;
  std::thread server_;  // serves delivery reports
};

}  // namespace sojourn::kafka
