// One member of the consumer group: what the group gives and takes, and one queue per partition.
//
// The library's rebalance callback only notes what happened. A partition that is given is not read
// before Assign names its offset; partitions that are taken stay ours until ReleaseAll, for the
// group waits for it.
//
// Threads: one owner; `arrivals` is rung by the library's threads and outlives this object, as the
// observer does.
#pragma once

#include <librdkafka/rdkafka.h>

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/signal.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"

namespace sojourn::kafka {

struct TopicPartition {
  std::string topic;
  Partition partition;
  auto operator<=>(const TopicPartition&) const = default;
};

// Who joins what. `member_name` is unique in the group, and the same after every restart.
struct Membership {
  std::string group;
  std::string member_name;
};

struct StartOffset {
  TopicPartition place;
  Offset offset;
};

enum class AssignmentChangeKind : uint8_t { kAssigned, kRevoked, kLost };

struct AssignmentChange {
  AssignmentChangeKind kind = AssignmentChangeKind::kAssigned;
  std::vector<TopicPartition> places;
};

struct GroupMetadataDeleter {
  void operator()(rd_kafka_consumer_group_metadata_t* metadata) const {
    rd_kafka_consumer_group_metadata_destroy(metadata);
  }
};
using GroupMetadataPtr = std::unique_ptr<rd_kafka_consumer_group_metadata_t, GroupMetadataDeleter>;

class GroupConsumer {
 public:
  static Result<std::unique_ptr<GroupConsumer>> Join(const KafkaConfig& config,
                                                     const Membership& membership,
                                                     const std::vector<std::string>& topics,
                                                     int32_t partition_count, Signal* arrivals,
                                                     KafkaObserver* observer);
  // Goes without a word; the group keeps the member's place for the session timeout.
  ~GroupConsumer();

  // Serves what the library has to say. An error means that this consumer is of no use any more.
  Status Serve();

  bool has_changes() const { return !changes_.empty(); }
  // Requires has_changes().
  AssignmentChange TakeChange();
  // Tells the group that revoked or lost partitions are given up.
  Status ReleaseAll();

  // From here on exactly these partitions are read, from these offsets.
  Status Assign(std::span<const StartOffset> starts);
  // Records and ends of one partition, in order. Lives as long as this object.
  rd_kafka_queue_t* QueueOf(const TopicPartition& place);

  // The group's generation that gave the present assignment. kAborted where it is not the current
  // one any more: whatever was read since must not be committed.
  Result<GroupMetadataPtr> CurrentGeneration() const;

  rd_kafka_t* handle() const { return client_->handle(); }
  const Client& client() const { return *client_; }

 private:
  explicit GroupConsumer(Signal* arrivals) : arrivals_(arrivals) {}
  static void OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t* partitions, void* opaque);
  static void OnArrival(rd_kafka_t* handle, void* opaque);
  Status Subscribe(const std::vector<std::string>& topics);

  Signal* const arrivals_;
  std::unique_ptr<Client> client_;
  QueuePtr events_;
  std::map<TopicPartition, QueuePtr> queues_;
  std::deque<AssignmentChange> changes_;
  std::string generation_;  // serialized, as of the last assignment; empty: none
};

}  // namespace sojourn::kafka
