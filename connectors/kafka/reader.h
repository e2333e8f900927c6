// Reads one partition from an offset to where its end was when the reading began: the changelog at
// a restore, the bundles at a start. Only committed records are seen.
//
// Threads: one owner.
#pragma once

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/kafka/client.h"
#include "connectors/kafka/config.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"

namespace sojourn::kafka {

struct StoredRecord {
  Offset offset;
  Timestamp log_time;  // what the product copied keeps that of its first place
  std::string_view key;
  std::optional<std::string_view> value;        // nullopt: a tombstone
  const rd_kafka_message_t* message = nullptr;  // for its headers
};

// Its views die with the message.
StoredRecord RecordOf(const rd_kafka_message_t& message);

class PartitionReader {
 public:
  // Views live for the call. An error ends the reading with it.
  using Visitor = std::function<Status(const StoredRecord&)>;
  // Called several times a second; false ends the reading with kAborted.
  using KeepGoing = std::function<bool()>;

  static Result<std::unique_ptr<PartitionReader>> Open(const KafkaConfig& config,
                                                       KafkaObserver* observer);
  ~PartitionReader();

  // Visits every record in [from, end) and gives the offset behind the last one looked at, which is
  // at or behind `end`. Waits for transactions that are open below `end`, and for brokers that are
  // away. kDataLoss: `from` is not in the partition.
  Result<Offset> ReadTo(const std::string& topic, Partition partition, Offset from, Offset end,
                        const Visitor& visit, const KeepGoing& keep_going);

  // Like ReadTo, but only the first record, where there is one below `end`.
  Result<bool> ReadFirst(const std::string& topic, Partition partition, Offset from, Offset end,
                         const Visitor& visit, const KeepGoing& keep_going);

 private:
  PartitionReader() = default;

  std::unique_ptr<Client> client_;
};

}  // namespace sojourn::kafka
