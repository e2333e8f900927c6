#include "connectors/kafka/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "connectors/kafka/dead_letter.h"
#include "connectors/kafka/place_headers.h"
#include "connectors/kafka/record_headers.h"
#include "engine/base/hash.h"

namespace sojourn::kafka {
namespace {

using runtime::CommitOutcome;
using runtime::CommitResult;
using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMostRecords = 10'000;
constexpr size_t kMostBytes = 8u << 20;
// Fewer than this came one by one: the next turn waits for company.
constexpr size_t kFewRecords = 200;
constexpr Duration kSettleTurn = Milliseconds(500);  // short, so that the member is served
constexpr Duration kServeInterval = Milliseconds(100);
constexpr Duration kFirstPause = Milliseconds(10);
constexpr Duration kLongestPause = Seconds(1);

std::string MemberName(const KafkaConfig& config) {
  return fmt::format("{}-{}-router", config.app, config.instance);
}

std::string_view KeyOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.key), message.key ? message.key_len : 0};
}

std::string_view ValueOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.payload ? message.len : 0};
}

std::chrono::milliseconds Chrono(Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

}  // namespace

bool Router::Batch::is_full() const { return records >= kMostRecords || bytes >= kMostBytes; }

Router::Router(const KafkaConfig& config, int32_t partition_count, Duration commit_interval,
               KafkaObserver* observer)
    : config_(config),
      partition_count_(partition_count),
      commit_interval_(commit_interval),
      events_topic_(EventsTopic(config)),
      dead_letters_topic_(DeadLettersTopic(config)),
      observer_(observer),
      producer_(config, MemberName(config), observer),
      inputs_(config, MemberName(config), observer),
      route_(partition_count, RegistryOf(config)),
      retry_pause_(kFirstPause) {}

Status Router::Run() {
  while (!stop_) SOJOURN_RETURN_IF_ERROR(RunOnce());
  return Status::Ok();
}

void Router::Stop() {
  stop_ = true;
  inputs_.Wake();
}

Status Router::RunOnce() {
  SOJOURN_RETURN_IF_ERROR(inputs_.Serve());
  busy_ = false;
  if (SteadyClock::now() >= next_turn_) {
    if (inputs_.assigned() && !inputs_.positioned()) {
      SOJOURN_RETURN_IF_ERROR(FindPositions());
    } else if (inputs_.positioned()) {
      SOJOURN_RETURN_IF_ERROR(RouteBatch());
    }
  }
  ready_ = inputs_.positioned();
  if (busy_) return Status::Ok();
  const auto until_turn =
      std::chrono::duration_cast<std::chrono::milliseconds>(next_turn_ - SteadyClock::now());
  const Duration wait = until_turn.count() > 0 ? Duration(until_turn.count()) : kServeInterval;
  inputs_.Wait(std::min(wait, kServeInterval));
  return Status::Ok();
}

// The offsets are those of before until a transaction of ours that is still open has ended.
Status Router::FindPositions() {
  Status status = producer_.Settle(kSettleTurn);
  if (status.ok()) status = inputs_.FindPositions();
  return status.ok() ? status : Pause(status);
}

// What may heal by itself is tried again, ever more slowly.
Status Router::Pause(const Status& why) {
  if (why.code() == StatusCode::kInvalidArgument) return why;
  next_turn_ = SteadyClock::now() + Chrono(retry_pause_);
  retry_pause_ = std::min(kLongestPause, retry_pause_ + retry_pause_);
  return Status::Ok();
}

// ---- a turn ------------------------------------------------------------------------------------

Status Router::RouteBatch() {
  if (inputs_.Head() == nullptr && !inputs_.moved()) return Status::Ok();
  Status status = producer_.Settle(kSettleTurn);
  if (status.ok()) status = producer_.Begin();
  if (!status.ok()) return Pause(status);
  Batch batch;
  status = Write(&batch);
  if (status.ok()) return Conclude(producer_.Commit(), batch);
  producer_.Abort();
  return Conclude({CommitOutcome::kNotCommitted, std::move(status)}, batch);
}

Status Router::Write(Batch* batch) {
  while (!batch->is_full()) {
    const rd_kafka_message_t* head = inputs_.Head();
    if (head == nullptr) break;
    SOJOURN_RETURN_IF_ERROR(WriteRecord(*head, batch));
    if (!batch->waits_for.ok()) break;
    inputs_.Pop();
  }
  // What came before the record that has to wait goes its way.
  if (batch->records == 0) SOJOURN_RETURN_IF_ERROR(batch->waits_for);
  return SendOffsets();
}

Status Router::WriteRecord(const rd_kafka_message_t& message, Batch* batch) {
  const std::string_view topic = rd_kafka_topic_name(message.rkt);
  const std::vector<HeaderView> headers = HeadersOf(message);
  const ForeignRecord record = {topic,
                                Partition(message.partition),
                                Offset(message.offset),
                                LogTimeOf(message),
                                KeyOf(message),
                                ValueOf(message),
                                headers};
  Result<RoutedRecord> taken = route_.Take(record, FormatOf(topic));
  if (!taken.ok()) {
    batch->waits_for = taken.status();
    return Status::Ok();
  }
  RoutedRecord& routed = *taken;
  if (routed.is_event) {
    const std::vector<Header> places(routed.headers.begin(), routed.headers.end());
    SOJOURN_RETURN_IF_ERROR(
        producer_.Produce({events_topic_, routed.partition, routed.person, routed.value, places})
            .status());
  } else {
    const Partition partition(PartitionOfKey(record.key, partition_count_));
    SOJOURN_RETURN_IF_ERROR(WriteDeadLetter(routed.letter, partition));
    batch->letters.push_back(std::move(routed.letter));
  }
  const size_t bytes = record.key.size() + record.value.size();
  Counts& counts = batch->topics.try_emplace(std::string(topic)).first->second;
  ++counts.records;
  counts.bytes += static_cast<int64_t>(bytes);
  ++batch->records;
  batch->bytes += bytes;
  return Status::Ok();
}

Status Router::WriteDeadLetter(const runtime::DeadLetter& letter, Partition partition) {
  const DeadLetterRecord record = RecordOf(letter);
  const std::vector<Header> headers(record.headers.begin(), record.headers.end());
  return producer_.Produce({dead_letters_topic_, partition, record.key, record.value, headers})
      .status();
}

Status Router::SendOffsets() {
  SOJOURN_ASSIGN_OR_RETURN(const GroupMetadataPtr generation, inputs_.CurrentGeneration());
  return producer_.SendOffsets(inputs_.Positions(), generation.get());
}

Status Router::Conclude(const CommitResult& result, const Batch& batch) {
  if (result.outcome != CommitOutcome::kCommitted) {
    observer_->OnRouteRolledBack(result.outcome, result.status);
    if (result.outcome == CommitOutcome::kUncertain) {
      inputs_.ForgetPositions();
    } else {
      inputs_.RollBack();
    }
    return Pause(result.status);
  }
  inputs_.Committed();
  retry_pause_ = kFirstPause;
  for (const auto& [topic, counts] : batch.topics) {
    observer_->OnRouted(topic, counts.records, counts.bytes);
  }
  for (const runtime::DeadLetter& letter : batch.letters) observer_->OnRouteDeadLetter(letter);
  next_turn_ = SteadyClock::now();
  busy_ = batch.records >= kFewRecords;
  if (!busy_) next_turn_ += Chrono(commit_interval_);
  if (batch.waits_for.ok()) return Status::Ok();
  observer_->OnRouteRolledBack(CommitOutcome::kNotCommitted, batch.waits_for);
  busy_ = false;
  return Pause(batch.waits_for);
}

model::EventFormat Router::FormatOf(std::string_view topic) const {
  const auto found = std::ranges::find(config_.routes, topic, &InputTopic::name);
  return found == config_.routes.end() ? model::EventFormat::kJson : found->format;
}

}  // namespace sojourn::kafka
