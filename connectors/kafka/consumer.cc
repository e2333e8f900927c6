#include "connectors/kafka/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "connectors/kafka/error.h"
#include "engine/base/check.h"

namespace sojourn::kafka {
namespace {

// One queue's share of the worker's memory, in the unit and range of librdkafka's property.
int64_t QueueKilobytes(const KafkaConfig& config, size_t topic_count, int32_t partition_count) {
  constexpr int64_t kLeast = 256;
  constexpr int64_t kMost = 1'000'000;
  const auto queues = static_cast<int64_t>(topic_count) * partition_count;
  const auto kilobytes = static_cast<int64_t>(config.fetch_buffer_bytes / 1024);
  return std::clamp(kilobytes / std::max<int64_t>(1, queues), kLeast, kMost);
}

Properties OwnProperties(const KafkaConfig& config, const Membership& membership,
                         int64_t queue_kilobytes) {
  return {
      {"group.id", membership.group},
      {"group.instance.id", membership.member_name},
      {"session.timeout.ms", std::to_string(config.session_timeout.milliseconds())},
      {"partition.assignment.strategy", "range"},
      {"isolation.level", "read_committed"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"},
      {"check.crcs", "true"},
      // A bound by count would stop fetching for about a second whenever it is reached; this one is
      // never reached, the bound by bytes is.
      {"queued.min.messages", "10000000"},
      {"queued.max.messages.kbytes", std::to_string(queue_kilobytes)},
  };
}

Properties DefaultProperties(int64_t queue_kilobytes) {
  constexpr int64_t kMostFetchKilobytes = 1024;
  const int64_t fetch_bytes = std::min(queue_kilobytes, kMostFetchKilobytes) * 1024;
  return {
      {"socket.nagle.disable", "true"},
      {"fetch.error.backoff.ms", "100"},
      // The end of a partition is told by a fetch that waited in vain, and records of one input
      // wait until the ends of the others are known.
      {"fetch.wait.max.ms", "50"},
      {"fetch.message.max.bytes", std::to_string(fetch_bytes)},
  };
}

std::vector<TopicPartition> PlacesOf(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> places;
  for (int i = 0; i < list->cnt; ++i) {
    places.push_back({list->elems[i].topic, Partition(list->elems[i].partition)});
  }
  return places;
}

// Group, generation, member and instance as bytes; empty where the consumer is in no group.
std::string Serialize(const rd_kafka_consumer_group_metadata_t* metadata) {
  if (!metadata) return {};
  void* buffer = nullptr;
  size_t size = 0;
  const ErrorPtr error(rd_kafka_consumer_group_metadata_write(metadata, &buffer, &size));
  if (error) return {};
  std::string bytes(static_cast<const char*>(buffer), size);
  std::free(buffer);  // NOLINT: librdkafka's contract
  return bytes;
}

}  // namespace

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::Join(
    const KafkaConfig& config, const Membership& membership, const std::vector<std::string>& topics,
    int32_t partition_count, Signal* arrivals, KafkaObserver* observer) {
  std::unique_ptr<GroupConsumer> consumer(new GroupConsumer(arrivals));
  const int64_t queue_kilobytes = QueueKilobytes(config, topics.size(), partition_count);
  ClientCallbacks callbacks;
  callbacks.rebalance = &GroupConsumer::OnRebalance;
  callbacks.opaque = consumer.get();
  SOJOURN_ASSIGN_OR_RETURN(consumer->client_,
                           Client::Open(RD_KAFKA_CONSUMER, "consumer", config,
                                        OwnProperties(config, membership, queue_kilobytes),
                                        DefaultProperties(queue_kilobytes), callbacks, observer));
  consumer->events_.reset(rd_kafka_queue_get_consumer(consumer->handle()));
  rd_kafka_queue_cb_event_enable(consumer->events_.get(), &GroupConsumer::OnArrival,
                                 consumer.get());
  SOJOURN_RETURN_IF_ERROR(consumer->Subscribe(topics));
  return consumer;
}

GroupConsumer::~GroupConsumer() {
  if (events_) rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
  for (auto& [place, queue] : queues_) {
    rd_kafka_queue_cb_event_enable(queue.get(), nullptr, nullptr);
  }
  queues_.clear();
  events_.reset();
}

Status GroupConsumer::Subscribe(const std::vector<std::string>& topics) {
  const PartitionListPtr list = NewPartitionList(static_cast<int>(topics.size()));
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t code = rd_kafka_subscribe(handle(), list.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status::Ok() : StatusOf(code, "joining the group");
}

void GroupConsumer::OnArrival(rd_kafka_t*, void* opaque) {
  static_cast<GroupConsumer*>(opaque)->arrivals_->Ring();
}

void GroupConsumer::OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                                rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  auto* consumer = static_cast<GroupConsumer*>(opaque);
  AssignmentChange change;
  change.places = PlacesOf(partitions);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    const GroupMetadataPtr metadata(rd_kafka_consumer_group_metadata(handle));
    consumer->generation_ = Serialize(metadata.get());
    // An assignment of nothing keeps the member alive while the partitions' state is restored.
    const PartitionListPtr nothing = NewPartitionList();
    rd_kafka_assign(handle, nothing.get());
    change.kind = AssignmentChangeKind::kAssigned;
  } else {
    change.kind = rd_kafka_assignment_lost(handle) ? AssignmentChangeKind::kLost
                                                   : AssignmentChangeKind::kRevoked;
  }
  consumer->changes_.push_back(std::move(change));
}

Status GroupConsumer::Serve() {
  constexpr int kMostEvents = 100;
  for (int i = 0; i < kMostEvents; ++i) {
    const MessagePtr message(rd_kafka_consumer_poll(handle(), 0));
    if (!message) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      client_->observer()->OnLog(LogLevel::kWarning, client_->role(),
                                 rd_kafka_message_errstr(message.get()));
    }
  }
  return client_->FatalError();
}

AssignmentChange GroupConsumer::TakeChange() {
  SOJOURN_CHECK(!changes_.empty());
  AssignmentChange change = std::move(changes_.front());
  changes_.pop_front();
  return change;
}

Status GroupConsumer::ReleaseAll() {
  generation_.clear();
  const rd_kafka_resp_err_t code = rd_kafka_assign(handle(), nullptr);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status::Ok() : StatusOf(code, "giving partitions up");
}

rd_kafka_queue_t* GroupConsumer::QueueOf(const TopicPartition& place) {
  auto found = queues_.find(place);
  if (found == queues_.end()) {
    QueuePtr queue(
        rd_kafka_queue_get_partition(handle(), place.topic.c_str(), place.partition.value()));
    SOJOURN_CHECK(queue != nullptr);
    rd_kafka_queue_forward(queue.get(), nullptr);
    rd_kafka_queue_cb_event_enable(queue.get(), &GroupConsumer::OnArrival, this);
    found = queues_.emplace(place, std::move(queue)).first;
  }
  return found->second.get();
}

Status GroupConsumer::Assign(std::span<const StartOffset> starts) {
  const PartitionListPtr list = NewPartitionList(static_cast<int>(starts.size()));
  for (const StartOffset& start : starts) {
    SOJOURN_CHECK(start.offset.value() >= 0);
    QueueOf(start.place);  // Its own queue must stand before the first record arrives.
    rd_kafka_topic_partition_list_add(list.get(), start.place.topic.c_str(),
                                      start.place.partition.value())
        ->offset = start.offset.value();
  }
  const rd_kafka_resp_err_t code = rd_kafka_assign(handle(), list.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status::Ok() : StatusOf(code, "setting positions");
}

Result<GroupMetadataPtr> GroupConsumer::CurrentGeneration() const {
  // Assign() makes the library forget that an assignment was lost; the generation does not.
  GroupMetadataPtr metadata(rd_kafka_consumer_group_metadata(handle()));
  if (generation_.empty() || rd_kafka_assignment_lost(handle()) ||
      Serialize(metadata.get()) != generation_) {
    return Aborted("Kafka: the partitions are not ours any more");
  }
  return metadata;
}

}  // namespace sojourn::kafka
