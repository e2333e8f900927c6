#include "connectors/kafka/routed_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/error.h"
#include "connectors/kafka/place_headers.h"
#include "engine/base/check.h"

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Duration kFirstJoinBackoff = Milliseconds(100);
constexpr Duration kLongestJoinBackoff = Seconds(30);
constexpr Duration kSettledMembership = Minutes(2);
constexpr Duration kRefreshInterval = Seconds(1);
constexpr int kQueryTimeoutMs = 1000;

std::chrono::milliseconds Chrono(Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

// Topics of others grow: who reads them is to learn of new partitions within seconds.
KafkaConfig WithQuickMetadata(KafkaConfig config) {
  config.properties.try_emplace("topic.metadata.refresh.interval.ms", "10000");
  return config;
}

}  // namespace

RoutedInputs::RoutedInputs(const KafkaConfig& config, std::string member_name,
                           KafkaObserver* observer)
    : config_(WithQuickMetadata(config)),
      membership_{RouterGroup(config), std::move(member_name)},
      observer_(observer),
      join_backoff_(kFirstJoinBackoff) {
  for (const InputTopic& route : config.routes) topics_.push_back(route.name);
}

RoutedInputs::~RoutedInputs() {
  sources_.clear();  // messages before the consumer they came from
}

// ---- the life of the member --------------------------------------------------------------------

Status RoutedInputs::Serve() {
  if (!consumer_ && SteadyClock::now() < next_join_) return Status::Ok();
  if (!consumer_) SOJOURN_RETURN_IF_ERROR(JoinAgain());
  if (failure_.ok()) failure_ = consumer_->Serve();
  while (failure_.ok() && consumer_->has_changes()) HandleChange(consumer_->TakeChange());
  if (!failure_.ok()) {
    DropMember(std::exchange(failure_, Status::Ok()));
    return Status::Ok();
  }
  SOJOURN_RETURN_IF_ERROR(SkipDeletedRecords());
  RefreshAfterDisconnect();
  if (assign_needed_) Assign();
  return Status::Ok();
}

Status RoutedInputs::JoinAgain() {
  // Their partitions are not counted: each queue gets a small share of the memory.
  constexpr int32_t kGuessedPartitions = 16;
  SOJOURN_ASSIGN_OR_RETURN(
      consumer_, GroupConsumer::Join(config_, membership_, topics_, kGuessedPartitions, &arrivals_,
                                     observer_));
  disconnects_seen_ = 0;
  joined_at_ = SteadyClock::now();
  return Status::Ok();
}

void RoutedInputs::DropMember(const Status& why) {
  HandleChange({AssignmentChangeKind::kLost, {}});
  failure_ = Status::Ok();
  consumer_.reset();
  observer_->OnClientRebuilt("router", why);
  // Two processes of one name throw each other out again and again: each waits longer every time.
  if (SteadyClock::now() > joined_at_ + Chrono(kSettledMembership))
    join_backoff_ = kFirstJoinBackoff;
  next_join_ = SteadyClock::now() + Chrono(join_backoff_);
  join_backoff_ = std::min(kLongestJoinBackoff, join_backoff_ + join_backoff_);
}

// Between two turns nothing is open, so a partition is given up at once.
void RoutedInputs::HandleChange(const AssignmentChange& change) {
  sources_.clear();
  out_of_range_.clear();
  positioned_ = false;
  assign_needed_ = false;
  assigned_ = change.kind == AssignmentChangeKind::kAssigned;
  if (!assigned_) {
    failure_ = consumer_->ReleaseAll();
    return;
  }
  for (const TopicPartition& place : change.places) sources_.try_emplace(place);
}

Result<GroupMetadataPtr> RoutedInputs::CurrentGeneration() const {
  if (!consumer_) return Aborted("Kafka: the consumer is being rebuilt");
  return consumer_->CurrentGeneration();
}

// ---- positions ---------------------------------------------------------------------------------

Status RoutedInputs::FindPositions() {
  SOJOURN_CHECK(assigned_);
  const PartitionListPtr list = NewPartitionList(static_cast<int>(sources_.size()));
  for (const auto& [place, source] : sources_) {
    rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition.value());
  }
  // Waits until no open transaction can change them.
  const rd_kafka_resp_err_t code =
      sources_.empty() ? RD_KAFKA_RESP_ERR_NO_ERROR
                       : rd_kafka_committed(consumer_->handle(), list.get(), kQueryTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Unavailable(StatusOf(code, "asking where the router stands").message());
  }
  std::map<TopicPartition, Source> found;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& place = list->elems[i];
    if (place.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Unavailable(StatusOf(place.err, "asking where the router stands").message());
    }
    Source& source = found[{place.topic, Partition(place.partition)}];
    Offset first(place.offset);
    if (place.offset >= 0) {
      source.committed = first;
    } else {
      const auto ends = AskWatermarks(consumer_->handle(), place.topic, Partition(place.partition),
                                      Milliseconds(kQueryTimeoutMs));
      if (!ends.ok()) return Unavailable(ends.status().message());
      first = ends->oldest;
    }
    source.next = source.behind = first;
  }
  sources_ = std::move(found);
  positioned_ = true;
  assign_needed_ = true;
  return Status::Ok();
}

void RoutedInputs::Assign() {
  assign_needed_ = false;
  std::vector<StartOffset> starts;
  for (auto& [place, source] : sources_) {
    source.messages.clear();
    source.behind = source.next;
    source.at_end = false;
    starts.push_back({place, source.next});
  }
  failure_ = consumer_->Assign(starts);
}

// The ends are only found out again where reading starts anew, and a connection that was down may
// have hidden records.
void RoutedInputs::RefreshAfterDisconnect() {
  const int64_t disconnects = consumer_->client().disconnects();
  if (!positioned_ || disconnects == disconnects_seen_ || SteadyClock::now() < next_refresh_) {
    return;
  }
  disconnects_seen_ = disconnects;
  next_refresh_ = SteadyClock::now() + Chrono(kRefreshInterval);
  assign_needed_ = true;
}

Status RoutedInputs::SkipDeletedRecords() {
  if (out_of_range_.empty()) return Status::Ok();
  for (const TopicPartition& place : out_of_range_) {
    const auto ends = AskWatermarks(consumer_->handle(), place.topic, place.partition,
                                    Milliseconds(kQueryTimeoutMs));
    if (!ends.ok()) return Status::Ok();  // Asked again at the next turn.
    const auto found = sources_.find(place);
    if (found == sources_.end() || !positioned_) continue;
    Source& source = found->second;
    if (source.next > ends->end) {
      return FailedPrecondition(fmt::format(
          "Kafka: {} [{}] ends at {}, before the offset {} that the router is to read next: the "
          "topic was made anew or lost records; to read it from its beginning, stop the routers "
          "and "
          "delete the offsets of group {} for it (kafka-consumer-groups --delete-offsets)",
          place.topic, place.partition.value(), ends->end.value(), source.next.value(),
          membership_.group));
    }
    if (source.next < ends->oldest) {
      observer_->OnRecordsMissed(place.topic, place.partition, source.next, ends->oldest);
      source.next = ends->oldest;
    }
  }
  out_of_range_.clear();
  assign_needed_ = positioned_;
  return Status::Ok();
}

bool RoutedInputs::moved() const {
  return std::ranges::any_of(
      sources_, [](const auto& entry) { return entry.second.committed != entry.second.next; });
}

std::vector<NextOffset> RoutedInputs::Positions() const {
  std::vector<NextOffset> offsets;
  for (const auto& [place, source] : sources_) {
    offsets.push_back({place.topic, place.partition, source.next});
  }
  return offsets;
}

void RoutedInputs::Committed() {
  for (auto& [place, source] : sources_) source.committed = source.next;
}

void RoutedInputs::RollBack() {
  const bool known = std::ranges::all_of(
      sources_, [](const auto& entry) { return entry.second.committed.has_value(); });
  if (!known) return ForgetPositions();
  for (auto& [place, source] : sources_) source.next = *source.committed;
  assign_needed_ = true;
}

// ---- records -----------------------------------------------------------------------------------

void RoutedInputs::Fetch(const TopicPartition& place, Source* source) {
  constexpr size_t kMost = 256;
  std::array<rd_kafka_message_t*, kMost> raw = {};
  const ssize_t count =
      rd_kafka_consume_batch_queue(consumer_->QueueOf(place), 0, raw.data(), raw.size());
  for (ssize_t i = 0; i < count; ++i) {
    TakeMessage(MessagePtr(raw[static_cast<size_t>(i)]), place, source);
  }
  if (source->messages.empty()) source->next = source->behind;
}

void RoutedInputs::TakeMessage(MessagePtr message, const TopicPartition& place, Source* source) {
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    source->behind = std::max(source->behind, Offset(message->offset));
    source->at_end = true;
    return;
  }
  if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    out_of_range_.push_back(place);
    return;
  }
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // The library goes on by itself; until it does, nothing is known about the end.
    source->at_end = false;
    observer_->OnLog(LogLevel::kWarning, "router", rd_kafka_message_errstr(message.get()));
    return;
  }
  if (message->offset < source->behind.value()) {
    observer_->OnOffsetsWentBack(place.topic, place.partition);
    failure_ =
        DataLoss(fmt::format("Kafka: offsets of {} [{}] went back from {} to {}", place.topic,
                             place.partition.value(), source->behind.value(), message->offset));
    return;
  }
  source->behind = Offset(message->offset + 1);
  source->at_end = false;
  source->messages.push_back(std::move(message));
}

RoutedInputs::Source* RoutedInputs::FirstSource() {
  // Until the library knows of new positions, its queues hold records of old ones.
  if (!consumer_ || assign_needed_ || !failure_.ok()) return nullptr;
  Source* first = nullptr;
  Timestamp earliest = Timestamp::Max();
  for (auto& [place, source] : sources_) {
    if (source.messages.empty()) Fetch(place, &source);
    if (!failure_.ok()) return nullptr;
    if (source.messages.empty()) {
      if (!source.at_end) return nullptr;
      continue;
    }
    const Timestamp log_time = LogTimeOf(*source.messages.front());
    if (first == nullptr || log_time < earliest) {
      first = &source;
      earliest = log_time;
    }
  }
  return first;
}

const rd_kafka_message_t* RoutedInputs::Head() {
  head_ = FirstSource();
  return head_ == nullptr ? nullptr : head_->messages.front().get();
}

void RoutedInputs::Pop() {
  SOJOURN_CHECK(head_ != nullptr);
  head_->next = Offset(head_->messages.front()->offset + 1);
  head_->messages.pop_front();
  if (head_->messages.empty()) head_->next = head_->behind;
  head_ = nullptr;
}

}  // namespace sojourn::kafka
