// One librdkafka client: its configuration, its handle, and what it says about itself.
//
// Threads: a Client may be made and destroyed by any thread; its raw handle as librdkafka's
// documentation says. The observer outlives it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/observer.h"
#include "engine/base/status.h"

namespace sojourn::kafka {

struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionListPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDeleter>;
PartitionListPtr NewPartitionList(int capacity = 8);

struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using MessagePtr = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

using Properties = std::vector<std::pair<std::string, std::string>>;

// What the client calls back for, besides logs. Each is served on the thread that polls the client.
struct ClientCallbacks {
  void (*rebalance)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                    void* opaque) = nullptr;
  void (*delivery_report)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque) = nullptr;
  void* opaque = nullptr;
};

// Whether librdkafka knows these properties and takes their values.
Status CheckPropertyNames(const std::map<std::string, std::string>& properties);

// A span as librdkafka's calls take it: at least 0, at most a day.
int TimeoutMilliseconds(Duration duration);

class Client {
 public:
  // `role` names the client in logs ("consumer", "producer"). `own` are the properties that the
  // connector itself sets; they win over the operator's, except those of `defaults`.
  static Result<std::unique_ptr<Client>> Open(rd_kafka_type_t type, std::string role,
                                              const KafkaConfig& config, const Properties& own,
                                              const Properties& defaults,
                                              const ClientCallbacks& callbacks,
                                              KafkaObserver* observer);
  // Never waits for a peer: a consumer leaves without closing, a producer drops what is queued.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() const { return handle_; }
  const std::string& role() const { return role_; }
  KafkaObserver* observer() const { return observer_; }

  // What the library last complained about (a refused connection, a failed handshake); may be
  // empty.
  std::string last_error() const;
  // How many times a connection was lost, or could not be made, so far. Any thread.
  int64_t disconnects() const { return disconnects_; }
  // The fatal error that ended this client's usefulness; ok while there is none.
  Status FatalError() const;

 private:
  Client(std::string role, const ClientCallbacks& callbacks, KafkaObserver* observer);
  static void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  static void OnError(rd_kafka_t* handle, int code, const char* reason, void* opaque);
  static int OnCloseSocket(int socket, void* opaque);
  static void OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t* partitions, void* opaque);
  static void OnDeliveryReport(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);

  const std::string role_;
  const ClientCallbacks callbacks_;
  KafkaObserver* const observer_;
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_type_t type_ = RD_KAFKA_CONSUMER;
  mutable std::mutex mutex_;
  std::string last_error_;  // guarded by mutex_
  std::atomic<int64_t> disconnects_ = 0;
};

}  // namespace sojourn::kafka
