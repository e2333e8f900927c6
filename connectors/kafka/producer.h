// A transactional producer that survives its own clients: records of one transaction go out
// together with the consumer's offsets, or not at all.
//
// A transaction is Begin, any number of Produce and SendOffsets, then Commit or Abort. The first
// failure spoils it: every later call returns that failure, and Commit aborts. A client whose state
// is not certain is destroyed; Settle makes a new one, which ends what the old one left open.
//
// Threads: one owner. The observer outlives it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/error.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

struct Header {
  Header(std::string_view header_name, std::string_view header_value)
      : name(header_name), value(header_value) {}
  explicit Header(const std::pair<std::string, std::string>& pair)
      : name(pair.first), value(pair.second) {}

  std::string_view name;
  std::string_view value;
};

// Views live for the call that takes it.
struct OutgoingRecord {
  std::string_view topic;
  Partition partition;
  std::string_view key;
  std::optional<std::string_view> value;  // nullopt: a tombstone
  std::span<const Header> headers;
};

struct NextOffset {
  std::string_view topic;
  Partition partition;
  Offset offset;
  std::string_view metadata = {};
};

class TransactionalProducer {
 public:
  // Makes no connection yet.
  TransactionalProducer(const KafkaConfig& config, std::string transactional_id,
                        KafkaObserver* observer);
  ~TransactionalProducer();

  // Makes a client where there is none and waits until the last transaction of this transactional
  // id, whoever began it, is committed or aborted. Errors: kUnavailable (call again), kAborted
  // (fenced while waiting), kInvalidArgument (refused by the broker for good).
  Status Settle(Duration timeout);
  bool settled() const { return settled_; }

  // Requires settled().
  Status Begin();
  // Copies the record. The number it gives is for DeliveredOffset.
  Result<size_t> Produce(const OutgoingRecord& record);
  // `generation` is that of the consumer which read the records; the broker checks it.
  Status SendOffsets(std::span<const NextOffset> offsets,
                     const rd_kafka_consumer_group_metadata_t* generation);
  // Waits until every record so far has its place, which DeliveredOffset then tells.
  Status WaitForDelivery();
  // Every record is acknowledged before the commit is asked for. kNotCommitted: aborted, with the
  // first failure as the status. kUncertain: the client is gone.
  runtime::CommitResult Commit();
  void Abort();

  // Where a record of the last committed transaction lies, or one that was waited for.
  Offset DeliveredOffset(size_t number) const;

  // Gives the client up, whatever it is doing.
  void Drop(const Status& why);

 private:
  struct TopicDeleter {
    void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  };
  static void OnDeliveryReport(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);
  Status OpenClient();
  // Serves callbacks between transactions; a client that failed for good is given up.
  void Poll();
  rd_kafka_topic_t* TopicHandle(std::string_view name);
  Status Fail(const Status& status);
  ErrorPtr CommitOnce(Duration timeout);
  Result<rd_kafka_headers_t*> MakeHeaders(std::span<const Header> headers);

  const KafkaConfig config_;
  const std::string transactional_id_;
  KafkaObserver* const observer_;
  std::unique_ptr<Client> client_;
  std::map<std::string, std::unique_ptr<rd_kafka_topic_t, TopicDeleter>, std::less<>> topics_;
  bool settled_ = false;
  Status failure_;                // the first one of the open transaction
  std::vector<int64_t> offsets_;  // of the transaction's records, -1 until acknowledged
};

}  // namespace sojourn::kafka
