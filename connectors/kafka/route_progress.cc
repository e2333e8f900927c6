#include "connectors/kafka/route_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "connectors/kafka/error.h"
#include "engine/base/limits.h"

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Duration kInterval = Milliseconds(100);
constexpr Duration kReportInterval = Seconds(1);
constexpr Duration kSearchInterval = Seconds(10);
constexpr Duration kStandstill = Seconds(30);
constexpr Duration kWarningInterval = Minutes(5);
constexpr size_t kMostProofs = 16;
constexpr int kQueryTimeoutMs = 5000;

struct MetadataDeleter {
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};

std::chrono::milliseconds Chrono(Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

std::vector<TopicPartition> PartitionsOf(const std::string& topic, int32_t count) {
  std::vector<TopicPartition> places;
  for (int32_t p = 0; p < count; ++p) places.push_back({topic, Partition(p)});
  return places;
}

// What is not committed by then.
int64_t Missing(const TopicPartition& place, Offset end,
                const std::map<TopicPartition, Offset>& committed) {
  const auto found = committed.find(place);
  const int64_t next = found == committed.end() ? 0 : found->second.value();
  return std::max<int64_t>(0, end.value() - next);
}

}  // namespace

RouteProgress::RouteProgress(const KafkaConfig& config, int32_t partition_count,
                             const runtime::WallClock* clock, KafkaObserver* observer)
    : config_(config),
      events_(PartitionsOf(EventsTopic(config), partition_count)),
      clock_(clock),
      observer_(observer),
      next_warning_(SteadyClock::now() + Chrono(kStandstill)) {}

Result<std::unique_ptr<RouteProgress>> RouteProgress::Open(const KafkaConfig& config,
                                                           int32_t partition_count,
                                                           const runtime::WallClock* clock,
                                                           KafkaObserver* observer) {
  std::unique_ptr<RouteProgress> progress(
      new RouteProgress(config, partition_count, clock, observer));
  // The ends as they are, open transactions included, and the offsets as far as they are committed.
  SOJOURN_ASSIGN_OR_RETURN(progress->client_,
                           Client::Open(RD_KAFKA_CONSUMER, "route progress", config,
                                        {{"group.id", RouterGroup(config)},
                                         {"enable.auto.commit", "false"},
                                         {"allow.auto.create.topics", "false"},
                                         {"isolation.level", "read_uncommitted"}},
                                        {{"socket.nagle.disable", "true"}}, {}, observer));
  progress->thread_ = std::thread([raw = progress.get()] { raw->RunUntilStopped(); });
  return progress;
}

RouteProgress::~RouteProgress() {
  stop_ = true;
  stopping_.Ring();
  if (thread_.joinable()) thread_.join();
}

Timestamp RouteProgress::ReadUntil(Partition partition, Offset next) const {
  const std::lock_guard lock(mutex_);
  for (const Proof& proof : proofs_) {
    if (next >= proof.ends[static_cast<size_t>(partition.value())]) return proof.at;
  }
  return Timestamp::Min();
}

void RouteProgress::AddBell(Signal* bell) {
  const std::lock_guard lock(mutex_);
  bells_.insert(bell);
}

void RouteProgress::RemoveBell(Signal* bell) {
  const std::lock_guard lock(mutex_);
  bells_.erase(bell);
}

// ---- the thread --------------------------------------------------------------------------------

void RouteProgress::RunUntilStopped() {
  std::string trouble;
  while (!stop_) {
    const Status looked = Look();
    if (!looked.ok() && looked.message() != trouble) {
      observer_->OnLog(LogLevel::kWarning, "route progress", looked.message());
    }
    trouble = looked.message();
    (void)stopping_.Wait(kInterval);
  }
}

Status RouteProgress::Look() {
  const MessagePtr nothing(rd_kafka_consumer_poll(client_->handle(), 0));  // serves callbacks
  if (SteadyClock::now() >= next_search_) SOJOURN_RETURN_IF_ERROR(FindPartitions());
  const bool reporting = SteadyClock::now() >= next_report_;
  const Timestamp now = clock_->Now();
  std::optional<Offsets> ends;
  if (!snapshot_ || reporting) {
    SOJOURN_ASSIGN_OR_RETURN(ends, Ends(places_));
  }
  if (!snapshot_) snapshot_ = Snapshot{now, *ends};
  SOJOURN_ASSIGN_OR_RETURN(const Offsets committed, CommittedOffsets());
  if (reporting) Report(*ends, committed);
  const bool routed = std::ranges::all_of(snapshot_->ends, [&](const auto& entry) {
    return committed.contains(entry.first) && Missing(entry.first, entry.second, committed) == 0;
  });
  if (!routed) {
    WarnOfStandstill(snapshot_->ends, committed);
    return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(const Offsets event_ends, Ends(events_));
  Proof proof{snapshot_->at - kDefaultWatermarkSlack, {}};
  for (const TopicPartition& place : events_) proof.ends.push_back(event_ends.at(place));
  snapshot_.reset();
  Publish(std::move(proof));
  return Status::Ok();
}

// Topics of others may grow.
Status RouteProgress::FindPartitions() {
  const rd_kafka_metadata_t* raw = nullptr;
  constexpr int kAllTopics = 1;  // Asking by name could create them.
  const rd_kafka_resp_err_t code =
      rd_kafka_metadata(client_->handle(), kAllTopics, nullptr, &raw, kQueryTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(code, "asking for topics to be routed");
  const std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter> metadata(raw);
  std::vector<TopicPartition> places;
  for (const InputTopic& route : config_.routes) {
    const rd_kafka_metadata_topic_t* const begin = metadata->topics;
    const rd_kafka_metadata_topic_t* const end = begin + metadata->topic_cnt;
    const auto* found = std::find_if(begin, end, [&](const auto& topic) {
      return topic.topic == route.name && topic.partition_cnt > 0;
    });
    if (found == end) {
      return Unavailable(
          fmt::format("Kafka: the topic {} is to be routed and does not exist", route.name));
    }
    for (const TopicPartition& place : PartitionsOf(route.name, found->partition_cnt)) {
      places.push_back(place);
    }
  }
  places_ = std::move(places);
  next_search_ = SteadyClock::now() + Chrono(kSearchInterval);
  return Status::Ok();
}

Result<RouteProgress::Offsets> RouteProgress::Ends(
    const std::vector<TopicPartition>& places) const {
  const PartitionListPtr list = NewPartitionList(static_cast<int>(places.size()));
  for (const TopicPartition& place : places) {
    // As a time it asks for the end.
    rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition.value())
        ->offset = RD_KAFKA_OFFSET_END;
  }
  const rd_kafka_resp_err_t code =
      rd_kafka_offsets_for_times(client_->handle(), list.get(), kQueryTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(code, "asking where topics end");
  Offsets ends;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& place = list->elems[i];
    if (place.err != RD_KAFKA_RESP_ERR_NO_ERROR || place.offset < 0) {
      return StatusOf(place.err, fmt::format("asking where {} [{}] ends (got {})", place.topic,
                                             place.partition, place.offset));
    }
    ends[{place.topic, Partition(place.partition)}] = Offset(place.offset);
  }
  return ends;
}

Result<RouteProgress::Offsets> RouteProgress::CommittedOffsets() const {
  const PartitionListPtr list = NewPartitionList(static_cast<int>(places_.size()));
  for (const TopicPartition& place : places_) {
    rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition.value());
  }
  const rd_kafka_resp_err_t code =
      rd_kafka_committed(client_->handle(), list.get(), kQueryTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(code, "asking what is routed");
  Offsets committed;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& place = list->elems[i];
    if (place.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return StatusOf(place.err, "asking what is routed");
    }
    if (place.offset < 0) continue;  // never read
    committed[{place.topic, Partition(place.partition)}] = Offset(place.offset);
  }
  return committed;
}

void RouteProgress::Publish(Proof proof) {
  const std::lock_guard lock(mutex_);
  copied_until_ms_ = proof.at.milliseconds();
  proofs_.push_front(std::move(proof));
  if (proofs_.size() > kMostProofs) proofs_.pop_back();
  for (Signal* bell : bells_) bell->Ring();
}

// ---- what operators see ------------------------------------------------------------------------

void RouteProgress::Report(const Offsets& ends, const Offsets& committed) {
  next_report_ = SteadyClock::now() + Chrono(kReportInterval);
  std::map<std::string, int64_t> lag;
  for (const auto& [place, end] : ends) lag[place.topic] += Missing(place, end, committed);
  for (const auto& [topic, records] : lag) observer_->OnRouteLag(topic, records);
  const Timestamp known = CopiedUntil();
  const Timestamp since = known == Timestamp::Min() && snapshot_ ? snapshot_->at : known;
  observer_->OnRoutedBehind(std::max(Duration(), clock_->Now() - since));
}

void RouteProgress::WarnOfStandstill(const Offsets& ends, const Offsets& committed) {
  const auto now = SteadyClock::now();
  if (now < next_warning_ || clock_->Now() - snapshot_->at < kStandstill) return;
  next_warning_ = now + Chrono(kWarningInterval);
  for (const auto& [place, end] : ends) {
    const int64_t missing = Missing(place, end, committed);
    if (missing == 0 && committed.contains(place)) continue;
    observer_->OnLog(
        LogLevel::kWarning, "route progress",
        fmt::format("{} records of {} [{}] are not routed yet, and timers wait for them, as do "
                    "events of later than {} s ago; a process with the role router has to run",
                    missing, place.topic, place.partition.value(),
                    (clock_->Now() - snapshot_->at).milliseconds() / 1000));
    return;
  }
}

}  // namespace sojourn::kafka
