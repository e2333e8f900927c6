#include "connectors/kafka/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "connectors/kafka/error.h"
#include "engine/base/mutant.h"

namespace sojourn::kafka {
namespace {

struct MetadataDeleter {
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};

struct NewTopicDeleter {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, NewTopicDeleter>;

struct ResourceDeleter {
  void operator()(rd_kafka_ConfigResource_t* resource) const {
    rd_kafka_ConfigResource_destroy(resource);
  }
};
using ResourcePtr = std::unique_ptr<rd_kafka_ConfigResource_t, ResourceDeleter>;

Result<NewTopicPtr> MakeNewTopic(const NewTopic& topic, int replication_factor) {
  char error[256];
  NewTopicPtr made(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partition_count,
                                         replication_factor, error, sizeof error));
  if (!made) return InvalidArgument(fmt::format("Kafka: topic {}: {}", topic.name, error));
  for (const auto& [name, value] : topic.settings) {
    const rd_kafka_resp_err_t code =
        rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(code, "topic " + topic.name);
  }
  return made;
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::Connect(const KafkaConfig& config,
                                                  KafkaObserver* observer) {
  std::unique_ptr<Cluster> cluster(new Cluster(config));
  SOJOURN_ASSIGN_OR_RETURN(
      cluster->client_,
      Client::Open(
          RD_KAFKA_CONSUMER, "admin", config,
          // Another level would give the last stable offset where the end is asked for.
          {{"isolation.level",
            IsMutant(Mutant::kRestoreToCommittedEnd) ? "read_committed" : "read_uncommitted"},
           {"allow.auto.create.topics", "false"}},
          {}, {}, observer));
  const Result<std::map<std::string, int32_t>> answer = cluster->PartitionCounts();
  if (!answer.ok()) return answer.status();
  const std::unique_ptr<char, decltype(&std::free)> id(
      rd_kafka_clusterid(cluster->client_->handle(), TimeoutMilliseconds(config.start_timeout)),
      &std::free);
  if (id) cluster->id_ = id.get();
  return cluster;
}

Result<std::map<std::string, int32_t>> Cluster::PartitionCounts() {
  const rd_kafka_metadata_t* raw = nullptr;
  constexpr int kAllTopics = 1;  // Asking by name could create them.
  const rd_kafka_resp_err_t code = rd_kafka_metadata(client_->handle(), kAllTopics, nullptr, &raw,
                                                     TimeoutMilliseconds(config_.start_timeout));
  rd_kafka_poll(client_->handle(), 0);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::string reason = client_->last_error();
    return Unavailable(fmt::format(
        "Kafka: no broker answers at {} within {} s: {}; check kafka.bootstrap_servers, "
        "the network and the security settings",
        config_.bootstrap_servers, config_.start_timeout.milliseconds() / 1000,
        reason.empty() ? rd_kafka_err2str(code) : reason));
  }
  const std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter> metadata(raw);
  std::map<std::string, int32_t> counts;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) counts[topic.topic] = topic.partition_cnt;
  }
  return counts;
}

Result<Cluster::EventPtr> Cluster::AwaitAnswer(rd_kafka_queue_t* queue, const char* what) {
  EventPtr event(rd_kafka_queue_poll(queue, TimeoutMilliseconds(config_.start_timeout)));
  if (!event) {
    return Unavailable(fmt::format("Kafka: {}: no answer within {} s", what,
                                   config_.start_timeout.milliseconds() / 1000));
  }
  if (const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return StatusOf(code, what, rd_kafka_event_error_string(event.get()));
  }
  return event;
}

Result<std::map<std::string, TopicSettings>> Cluster::Settings(
    const std::vector<std::string>& topics) {
  std::map<std::string, TopicSettings> settings;
  if (topics.empty()) return settings;
  std::vector<ResourcePtr> owned;
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const std::string& topic : topics) {
    owned.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    resources.push_back(owned.back().get());
  }
  constexpr const char* kWhat = "reading topic settings";
  const QueuePtr queue(rd_kafka_queue_new(client_->handle()));
  rd_kafka_DescribeConfigs(client_->handle(), resources.data(), resources.size(), nullptr,
                           queue.get());
  SOJOURN_ASSIGN_OR_RETURN(const EventPtr event, AwaitAnswer(queue.get(), kWhat));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** answers = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const std::string topic = rd_kafka_ConfigResource_name(answers[i]);
    if (const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(answers[i]);
        code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return StatusOf(code, fmt::format("{} of {}", kWhat, topic),
                      rd_kafka_ConfigResource_error_string(answers[i]));
    }
    size_t entry_count = 0;
    const rd_kafka_ConfigEntry_t** entries =
        rd_kafka_ConfigResource_configs(answers[i], &entry_count);
    for (size_t j = 0; j < entry_count; ++j) {
      const char* value = rd_kafka_ConfigEntry_value(entries[j]);
      settings[topic][rd_kafka_ConfigEntry_name(entries[j])] = value ? value : "";
    }
  }
  return settings;
}

Status Cluster::Create(const std::vector<NewTopic>& topics) {
  if (topics.empty()) return Status::Ok();
  std::vector<NewTopicPtr> owned;
  std::vector<rd_kafka_NewTopic_t*> requests;
  for (const NewTopic& topic : topics) {
    SOJOURN_ASSIGN_OR_RETURN(NewTopicPtr made, MakeNewTopic(topic, config_.replication_factor));
    requests.push_back(made.get());
    owned.push_back(std::move(made));
  }
  const QueuePtr queue(rd_kafka_queue_new(client_->handle()));
  rd_kafka_CreateTopics(client_->handle(), requests.data(), requests.size(), nullptr, queue.get());
  SOJOURN_ASSIGN_OR_RETURN(const EventPtr event, AwaitAnswer(queue.get(), "creating topics"));
  size_t count = 0;
  const rd_kafka_topic_result_t** answers =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(answers[i]);
    // Another process may have been quicker, or the broker told us of the topic too late.
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    const char* detail = rd_kafka_topic_result_error_string(answers[i]);
    return StatusOf(code, fmt::format("creating topic {}", rd_kafka_topic_result_name(answers[i])),
                    detail ? detail : "");
  }
  return AwaitVisible(topics);
}

Status Cluster::AwaitVisible(const std::vector<NewTopic>& topics) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(config_.start_timeout.milliseconds());
  for (;;) {
    SOJOURN_ASSIGN_OR_RETURN(const auto counts, PartitionCounts());
    const auto hidden = std::ranges::find_if(
        topics, [&](const NewTopic& topic) { return !counts.contains(topic.name); });
    if (hidden == topics.end()) return Status::Ok();
    if (std::chrono::steady_clock::now() > deadline) {
      return Unavailable(
          fmt::format("Kafka: topic {} was created and does not show up", hidden->name));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

namespace {

// This question goes to the leader that the library has noted, and does not make it look anew.
void LearnLeaders(rd_kafka_t* handle, Duration timeout) {
  const rd_kafka_metadata_t* raw = nullptr;
  constexpr int kAllTopics = 1;
  if (rd_kafka_metadata(handle, kAllTopics, nullptr, &raw, TimeoutMilliseconds(timeout)) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(raw);
  }
}

Result<Offset> AskOffset(rd_kafka_t* handle, const std::string& topic, Partition partition,
                         int64_t logical, Duration timeout) {
  const PartitionListPtr list = NewPartitionList(1);
  rd_kafka_topic_partition_t* place =
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition.value());
  place->offset = logical;  // where others put a time
  rd_kafka_resp_err_t code =
      rd_kafka_offsets_for_times(handle, list.get(), TimeoutMilliseconds(timeout));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = place->err;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Offset(place->offset);
  const std::string what = fmt::format("asking for the ends of {} [{}]", topic, partition.value());
  // The library's own word for "no broker has told me yet"; where there is no such topic, one says
  // so.
  if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
    return Unavailable(fmt::format("Kafka: {}: no broker tells who leads it", what));
  }
  if (code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION) LearnLeaders(handle, timeout);
  return StatusOf(code, what);
}

}  // namespace

Result<Watermarks> AskWatermarks(rd_kafka_t* handle, const std::string& topic, Partition partition,
                                 Duration timeout) {
  SOJOURN_ASSIGN_OR_RETURN(const Offset oldest,
                           AskOffset(handle, topic, partition, RD_KAFKA_OFFSET_BEGINNING, timeout));
  SOJOURN_ASSIGN_OR_RETURN(const Offset end,
                           AskOffset(handle, topic, partition, RD_KAFKA_OFFSET_END, timeout));
  return Watermarks{oldest, end};
}

Result<Watermarks> Cluster::QueryWatermarks(const std::string& topic, Partition partition) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(config_.start_timeout.milliseconds());
  for (;;) {
    Result<Watermarks> watermarks =
        AskWatermarks(client_->handle(), topic, partition, config_.start_timeout);
    if (watermarks.ok()) return watermarks;
    const Status& status = watermarks.status();
    // A topic that is new is unknown to some brokers, or without a leader, for a moment.
    const bool passing =
        status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kNotFound;
    if (!passing || std::chrono::steady_clock::now() > deadline) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace sojourn::kafka
