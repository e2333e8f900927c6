#include "connectors/kafka/input_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/error.h"
#include "connectors/kafka/place_headers.h"
#include "connectors/kafka/record_headers.h"
#include "engine/base/check.h"
#include "engine/base/mutant.h"

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;
using runtime::FetchedRecords;
using runtime::InputRecord;
using runtime::PartitionPositions;

constexpr Duration kFirstJoinBackoff = Milliseconds(100);
constexpr Duration kLongestJoinBackoff = Seconds(30);
constexpr Duration kSettledMembership = Minutes(2);
constexpr Duration kServeInterval = Milliseconds(500);
// Longer than any time between two turns of a worker that is not held up.
constexpr Duration kStandstill = Milliseconds(700);
constexpr Duration kTimeToSettle = Seconds(1);  // a fetch and its answer
constexpr Duration kSettlingInterval = Milliseconds(50);
constexpr Duration kRefreshInterval = Seconds(1);
constexpr int kQueryTimeoutMs = 1000;

std::chrono::milliseconds Chrono(Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

}  // namespace

KafkaInputLog::KafkaInputLog(const KafkaConfig& config, Membership membership,
                             std::vector<runtime::InputDescription> inputs, int32_t partition_count,
                             RouteProgress* progress, std::function<void(Partition)> on_released,
                             KafkaObserver* observer)
    : config_(config),
      membership_(std::move(membership)),
      partition_count_(partition_count),
      progress_(progress),
      on_released_(std::move(on_released)),
      observer_(observer),
      inputs_(std::move(inputs)),
      join_backoff_(kFirstJoinBackoff) {
  for (const runtime::InputDescription& input : inputs_) topics_.push_back(input.topic);
  if (progress_ != nullptr) progress_->AddBell(&arrivals_);
}

KafkaInputLog::~KafkaInputLog() {
  if (progress_ != nullptr) progress_->RemoveBell(&arrivals_);
  for (const auto& [partition, sources] : owned_) on_released_(partition);
  owned_.clear();  // messages before the consumer they came from
}

TopicPartition KafkaInputLog::PlaceOf(Partition partition, uint16_t input) const {
  return {inputs_[input].topic, partition};
}

// ---- the life of the member --------------------------------------------------------------------

Status KafkaInputLog::Poll(Duration timeout) {
  SOJOURN_CHECK(listener_ != nullptr);
  const auto deadline = SteadyClock::now() + Chrono(timeout);
  for (;;) {
    SOJOURN_RETURN_IF_ERROR(Serve());
    if (HasWantedRecords()) break;
    const auto remaining =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    if (remaining.count() <= 0) break;
    const bool settling = IsSettling();
    const Duration slice =
        std::min(settling ? kSettlingInterval : kServeInterval, Duration(remaining.count() + 1));
    if (arrivals_.Wait(slice)) {
      SOJOURN_RETURN_IF_ERROR(Serve());
      break;
    }
    if (settling && !IsSettling()) break;  // Fetch has more to say now.
  }
  for (auto& [partition, sources] : owned_) {
    for (Source& source : sources) source.wanted = false;
  }
  return Status::Ok();
}

bool KafkaInputLog::IsSettling() const { return SteadyClock::now() < settled_at_; }

// A process that stood still, stopped or starved, believes in ends of before: what arrived
// meanwhile is not fetched yet, and would come behind timers of a later time.
void KafkaInputLog::NoticeStandstill() {
  const auto now = SteadyClock::now();
  const auto gap = std::chrono::duration_cast<std::chrono::milliseconds>(now - served_at_);
  served_at_ = now;
  if (gap < Chrono(kStandstill)) return;
  const Timestamp since = runtime::SystemClock().Now() - Duration(gap.count());
  stood_since_ = now < settled_at_ ? std::min(stood_since_, since) : since;
  settled_at_ = now + Chrono(kTimeToSettle);
}

Status KafkaInputLog::Serve() {
  NoticeStandstill();
  if (!consumer_ && SteadyClock::now() < next_join_) return Status::Ok();
  if (!consumer_) SOJOURN_RETURN_IF_ERROR(JoinAgain());
  if (failure_.ok()) failure_ = consumer_->Serve();
  while (failure_.ok() && consumer_->has_changes()) {
    SOJOURN_RETURN_IF_ERROR(HandleChange(consumer_->TakeChange()));
  }
  if (!failure_.ok()) return DropMember(failure_);
  SOJOURN_RETURN_IF_ERROR(SkipDeletedRecords());
  RefreshAfterDisconnect();
  if (assign_needed_) failure_ = Assign();  // A failure is handled at the next turn.
  return Status::Ok();
}

Status KafkaInputLog::JoinAgain() {
  SOJOURN_ASSIGN_OR_RETURN(consumer_, GroupConsumer::Join(config_, membership_, topics_,
                                                          partition_count_, &arrivals_, observer_));
  disconnects_seen_ = 0;
  joined_at_ = SteadyClock::now();
  return Status::Ok();
}

Status KafkaInputLog::DropMember(const Status& why) {
  const Status reason = why;  // `why` may be failure_ itself
  failure_ = Status::Ok();
  const Status dropped = HandleTaken(AssignmentChangeKind::kLost);
  consumer_.reset();
  observer_->OnClientRebuilt("consumer", reason);
  // Two processes of one name throw each other out again and again: each waits longer every time.
  if (SteadyClock::now() > joined_at_ + Chrono(kSettledMembership))
    join_backoff_ = kFirstJoinBackoff;
  next_join_ = SteadyClock::now() + Chrono(join_backoff_);
  join_backoff_ = std::min(kLongestJoinBackoff, join_backoff_ + join_backoff_);
  return dropped;
}

Status KafkaInputLog::HandleChange(const AssignmentChange& change) {
  if (change.kind == AssignmentChangeKind::kAssigned) return HandleAssigned(change.places);
  SOJOURN_RETURN_IF_ERROR(HandleTaken(change.kind));
  failure_ = consumer_->ReleaseAll();
  return Status::Ok();
}

Result<std::vector<Partition>> KafkaInputLog::AlignedPartitions(
    const std::vector<TopicPartition>& places) const {
  std::map<Partition, std::set<std::string>> topics_of;
  for (const TopicPartition& place : places) topics_of[place.partition].insert(place.topic);
  std::vector<Partition> partitions;
  for (const auto& [partition, topics] : topics_of) {
    if (partition.value() >= partition_count_) {
      return FailedPrecondition(fmt::format(
          "Kafka: the input topics grew beyond {} partitions; a person's partition must not change",
          partition_count_));
    }
    if (topics.size() != inputs_.size()) {
      return FailedPrecondition(fmt::format(
          "Kafka: partition {} of {} input topics instead of {} was assigned; give every process "
          "of the app the same kafka.inputs",
          partition.value(), topics.size(), inputs_.size()));
    }
    partitions.push_back(partition);
  }
  return partitions;
}

Status KafkaInputLog::HandleAssigned(const std::vector<TopicPartition>& places) {
  SOJOURN_ASSIGN_OR_RETURN(const std::vector<Partition> partitions, AlignedPartitions(places));
  owned_.clear();
  for (const Partition partition : partitions) owned_[partition] = Sources(inputs_.size());
  return listener_->OnAssigned(partitions);  // of nothing, too: then nothing is to be restored
}

Status KafkaInputLog::HandleTaken(AssignmentChangeKind kind) {
  std::vector<Partition> partitions;
  for (const auto& [partition, sources] : owned_) partitions.push_back(partition);
  if (partitions.empty()) return Status::Ok();
  releasing_ = true;
  const Status status = kind == AssignmentChangeKind::kLost ? listener_->OnLost(partitions)
                                                            : listener_->OnRevoked(partitions);
  releasing_ = false;
  owned_.clear();
  out_of_range_.clear();
  assign_needed_ = false;
  for (const Partition partition : partitions) on_released_(partition);
  return status;
}

void KafkaInputLog::Stop() {
  stopping_ = true;
  arrivals_.Ring();
}

bool KafkaInputLog::KeepAlive() {
  if (!consumer_ || !failure_.ok() || releasing_ || stopping_) return false;
  failure_ = consumer_->Serve();
  return failure_.ok() && !consumer_->has_changes();
}

Result<GroupMetadataPtr> KafkaInputLog::CurrentGeneration() const {
  if (!consumer_) return Aborted("Kafka: the consumer is being rebuilt");
  if (IsMutant(Mutant::kNoGroupMetadata)) {
    return GroupMetadataPtr(rd_kafka_consumer_group_metadata_new(membership_.group.c_str()));
  }
  return consumer_->CurrentGeneration();
}

// ---- positions ---------------------------------------------------------------------------------

Status KafkaInputLog::SetPositions(std::span<const PartitionPositions> positions) {
  for (const PartitionPositions& wanted : positions) {
    const auto found = owned_.find(wanted.partition);
    if (found == owned_.end()) continue;  // Taken meanwhile; the listener was told.
    SOJOURN_CHECK(wanted.next.size() == inputs_.size());
    for (size_t input = 0; input < inputs_.size(); ++input) {
      Source& source = found->second[input];
      source = Source();
      source.next = wanted.next[input];
      source.positioned = true;
    }
  }
  // Told to the library by the next Poll, once for all that change meanwhile.
  assign_needed_ = true;
  return Status::Ok();
}

Status KafkaInputLog::Assign() {
  assign_needed_ = false;
  std::vector<StartOffset> starts;
  for (const auto& [partition, sources] : owned_) {
    for (uint16_t input = 0; input < sources.size(); ++input) {
      if (!sources[input].positioned) continue;
      starts.push_back({PlaceOf(partition, input), sources[input].next});
    }
  }
  return consumer_->Assign(starts);
}

void KafkaInputLog::RefreshAfterDisconnect() {
  // "At the end" is only found out again where reading starts anew, and a connection that was down
  // may have hidden records.
  const int64_t disconnects = consumer_->client().disconnects();
  if (disconnects == disconnects_seen_) return;
  for (auto& [partition, sources] : owned_) {
    for (Source& source : sources) source.at_end = false;
  }
  if (SteadyClock::now() < next_refresh_) return;
  disconnects_seen_ = disconnects;
  next_refresh_ = SteadyClock::now() + Chrono(kRefreshInterval);
  assign_needed_ = true;
}

Status KafkaInputLog::SkipDeletedRecords() {
  if (out_of_range_.empty()) return Status::Ok();
  for (const TopicPartition& place : out_of_range_) {
    const auto ends = AskWatermarks(consumer_->handle(), place.topic, place.partition,
                                    Milliseconds(kQueryTimeoutMs));
    if (!ends.ok()) return Status::Ok();  // Asked again at the next turn.
    const auto found = owned_.find(place.partition);
    if (found == owned_.end()) continue;
    for (uint16_t input = 0; input < inputs_.size(); ++input) {
      Source& source = found->second[input];
      if (inputs_[input].topic != place.topic || !source.positioned) continue;
      if (source.next > ends->end) {
        return FailedPrecondition(fmt::format(
            "Kafka: {} [{}] ends at {}, before the offset {} that is next to read: the topic was "
            "made anew or lost records; start over with another kafka.app",
            place.topic, place.partition.value(), ends->end.value(), source.next.value()));
      }
      if (source.next < ends->oldest) {
        observer_->OnRecordsMissed(place.topic, place.partition, source.next, ends->oldest);
        source.next = ends->oldest;
      }
    }
  }
  out_of_range_.clear();
  assign_needed_ = true;
  return Status::Ok();
}

Result<std::vector<CommittedOffset>> KafkaInputLog::CommittedOffsets(Partition partition) {
  const PartitionListPtr list = NewPartitionList(static_cast<int>(inputs_.size()));
  for (const runtime::InputDescription& input : inputs_) {
    rd_kafka_topic_partition_list_add(list.get(), input.topic.c_str(), partition.value());
  }
  for (;;) {
    if (!KeepAlive()) return Aborted("Kafka: the partitions are not ours any more");
    const rd_kafka_resp_err_t code =
        rd_kafka_committed(consumer_->handle(), list.get(), kQueryTimeoutMs);
    bool certain = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    std::vector<CommittedOffset> offsets;
    for (int i = 0; certain && i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& place = list->elems[i];
      certain = place.err == RD_KAFKA_RESP_ERR_NO_ERROR;
      CommittedOffset& committed = offsets.emplace_back();
      if (place.offset >= 0) committed.offset = Offset(place.offset);
      committed.metadata.assign(static_cast<const char*>(place.metadata), place.metadata_size);
    }
    if (certain) return offsets;
    // Not stable yet, or nobody answers: both pass, or the group takes the partition away.
    (void)arrivals_.Wait(Milliseconds(50));
  }
}

// ---- records -----------------------------------------------------------------------------------

bool KafkaInputLog::HasWantedRecords() {
  if (!consumer_ || assign_needed_) return false;
  for (const auto& [partition, sources] : owned_) {
    for (uint16_t input = 0; input < sources.size(); ++input) {
      if (sources[input].wanted && sources[input].positioned &&
          rd_kafka_queue_length(consumer_->QueueOf(PlaceOf(partition, input))) > 0) {
        return true;
      }
    }
  }
  return false;
}

Result<FetchedRecords> KafkaInputLog::Fetch(Partition partition, uint16_t input,
                                            size_t max_records) {
  SOJOURN_CHECK(input < inputs_.size());
  const auto found = owned_.find(partition);
  SOJOURN_CHECK(found != owned_.end() && found->second[input].positioned);
  NoticeStandstill();  // it may have been since the last Serve
  Source& source = found->second[input];
  const Offset before = source.next;
  source.wanted = true;
  source.records.clear();
  source.originals.clear();
  source.headers.clear();
  source.messages.clear();
  // Until the library knows of new positions, its queue holds records of old ones.
  if (consumer_ && !assign_needed_ && failure_.ok()) {
    constexpr size_t kMost = 1024;
    std::array<rd_kafka_message_t*, kMost> raw = {};
    const ssize_t count = rd_kafka_consume_batch_queue(
        consumer_->QueueOf(PlaceOf(partition, input)), 0, raw.data(), std::min(kMost, max_records));
    for (ssize_t i = 0; i < count; ++i) {
      TakeMessage(MessagePtr(raw[static_cast<size_t>(i)]), partition, input, &source);
    }
  }
  if (!failure_.ok()) {  // The member is replaced, and all comes once more.
    source.records.clear();
    source.next = before;
    source.at_end = false;
  }
  FetchedRecords fetched;
  fetched.records = source.records;
  fetched.next = source.next;
  fetched.at_end = source.at_end;
  if (IsSettling()) fetched.under_way_since = stood_since_;
  if (progress_ != nullptr && inputs_[input].internal) {
    const Timestamp read_until = progress_->ReadUntil(partition, source.next);
    fetched.under_way_since = std::min(fetched.under_way_since.value_or(read_until), read_until);
  }
  return fetched;
}

Timestamp KafkaInputLog::CopiedUntil() const {
  return progress_ == nullptr ? Timestamp::Max() : progress_->CopiedUntil();
}

void KafkaInputLog::TakeMessage(MessagePtr message, Partition partition, uint16_t input,
                                Source* source) {
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    source->next = std::max(source->next, Offset(message->offset));
    source->at_end = true;
    return;
  }
  if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    out_of_range_.push_back(PlaceOf(partition, input));
    return;
  }
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // The library goes on by itself; until it does, nothing is known about the end.
    source->at_end = false;
    observer_->OnLog(LogLevel::kWarning, "consumer", rd_kafka_message_errstr(message.get()));
    return;
  }
  if (message->offset < source->next.value()) {
    observer_->OnOffsetsWentBack(inputs_[input].topic, partition);
    failure_ = DataLoss(fmt::format("Kafka: offsets of {} [{}] went back from {} to {}",
                                    inputs_[input].topic, partition.value(), source->next.value(),
                                    message->offset));
    return;
  }
  source->next = Offset(message->offset + 1);
  source->at_end = false;
  InputRecord record;
  record.input = input;
  record.offset = Offset(message->offset);
  record.log_time = LogTimeOf(*message);
  record.key = {static_cast<const char*>(message->key), message->key ? message->key_len : 0};
  record.value = {static_cast<const char*>(message->payload), message->payload ? message->len : 0};
  if (inputs_[input].internal) {
    if (auto place = OriginalPlaceOf(*message)) {
      record.log_time = place->log_time;
      if (!place->topic.empty()) {
        source->originals.push_back(std::make_unique<runtime::OriginalPlace>(*std::move(place)));
        record.original = source->originals.back().get();
      }
    }
  } else if (auto headers = HeadersOf(*message); !headers.empty()) {
    record.headers = source->headers.emplace_back(std::move(headers));
  }
  source->records.push_back(record);
  source->messages.push_back(std::move(message));
}

std::optional<int64_t> KafkaInputLog::Lag(Partition partition, uint16_t input, Offset next) {
  if (!consumer_) return std::nullopt;
  int64_t oldest = 0;
  int64_t end = 0;
  const TopicPartition place = PlaceOf(partition, input);
  const rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(
      consumer_->handle(), place.topic.c_str(), place.partition.value(), &oldest, &end);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || end < 0) return std::nullopt;
  return std::max<int64_t>(0, end - next.value());
}

}  // namespace sojourn::kafka
