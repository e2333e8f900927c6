#include "connectors/kafka/topic_filler.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "connectors/kafka/action_record.h"
#include "connectors/kafka/bundle_record.h"
#include "connectors/kafka/changelog.h"
#include "connectors/kafka/client.h"
#include "connectors/kafka/dead_letter.h"
#include "connectors/kafka/delivery_readers.h"
#include "connectors/kafka/delivery_topic.h"
#include "connectors/kafka/error.h"
#include "connectors/kafka/place_headers.h"
#include "connectors/kafka/suppression_record.h"
#include "engine/base/check.h"
#include "engine/base/hash.h"

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Partition kOnlyPartition{0};
constexpr Duration kCommitTimeout = Minutes(1);

KafkaConfig Patient(KafkaConfig config) {
  config.transaction_timeout = kLongestFilling;
  config.commit_timeout = kCommitTimeout;
  return config;
}

// Until the span is over.
PartitionReader::KeepGoing For(Duration span) {
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(span.milliseconds());
  return [deadline] { return SteadyClock::now() < deadline; };
}

Status InTime(const Status& status) {
  return status.code() == StatusCode::kAborted ? Unavailable(status.message()) : status;
}

}  // namespace

TopicFiller::TopicFiller(const KafkaConfig& config, int32_t partition_count,
                         KafkaObserver* observer)
    : config_(Patient(config)),
      partition_count_(partition_count),
      observer_(observer),
      producer_(config_, config.app + "-filling", observer) {}

Result<std::unique_ptr<TopicFiller>> TopicFiller::Open(const KafkaConfig& config,
                                                       int32_t partition_count,
                                                       KafkaObserver* observer) {
  std::unique_ptr<TopicFiller> filler(new TopicFiller(config, partition_count, observer));
  SOJOURN_ASSIGN_OR_RETURN(filler->cluster_, Cluster::Connect(config, observer));
  SOJOURN_ASSIGN_OR_RETURN(filler->reader_, PartitionReader::Open(config, observer));
  SOJOURN_RETURN_IF_ERROR(filler->producer_.Settle(config.start_timeout));
  return filler;
}

// ---- what is there already ---------------------------------------------------------------------

std::vector<TopicFiller::Topic> TopicFiller::OwnTopics() const {
  return {{EventsTopic(config_), partition_count_},
          {ActionsTopic(config_), partition_count_},
          {ChangelogTopic(config_), partition_count_},
          {DeadLettersTopic(config_), partition_count_},
          {DeliveriesTopic(config_), partition_count_},
          {RulesTopic(config_), 1},
          {SuppressionsTopic(config_), 1},
          {NotesTopic(config_), 1}};
}

// Only records count: aborted ones leave offsets behind.
Result<bool> TopicFiller::HoldsRecords(const Topic& topic) {
  for (int32_t p = 0; p < topic.partition_count; ++p) {
    SOJOURN_ASSIGN_OR_RETURN(const Watermarks watermarks,
                             cluster_->QueryWatermarks(topic.name, Partition(p)));
    const auto found = reader_->ReadFirst(
        topic.name, Partition(p), watermarks.oldest, watermarks.end,
        [](const StoredRecord&) { return Status::Ok(); }, For(kCommitTimeout));
    if (!found.ok()) return InTime(found.status());
    if (*found) return true;
  }
  return false;
}

// A group that nobody has asked for yet has no coordinator for a moment.
Status TopicFiller::AskCommitted(rd_kafka_t* handle, const std::string& group,
                                 rd_kafka_topic_partition_list_t* places) {
  constexpr std::chrono::milliseconds kPause(100);
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(config_.start_timeout.milliseconds());
  while (true) {
    const rd_kafka_resp_err_t code =
        rd_kafka_committed(handle, places, TimeoutMilliseconds(config_.start_timeout));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Status::Ok();
    Status status = StatusOf(code, "asking for the offsets of group " + group);
    const bool passing = status.code() == StatusCode::kUnavailable;
    if (!passing || std::chrono::steady_clock::now() > deadline) return status;
    std::this_thread::sleep_for(kPause);
  }
}

Result<bool> TopicFiller::HasOffsets(const std::string& group,
                                     const std::vector<std::string>& topics) {
  SOJOURN_ASSIGN_OR_RETURN(
      const auto client,
      Client::Open(RD_KAFKA_CONSUMER, "filler", config_,
                   {{"group.id", group}, {"enable.auto.commit", "false"}}, {}, {}, observer_));
  const PartitionListPtr list = NewPartitionList();
  for (const std::string& topic : topics) {
    for (int32_t p = 0; p < partition_count_; ++p) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
    }
  }
  SOJOURN_RETURN_IF_ERROR(AskCommitted(client->handle(), group, list.get()));
  for (int i = 0; i < list->cnt; ++i) {
    if (list->elems[i].offset >= 0) return true;
  }
  return false;
}

Result<std::vector<std::string>> TopicFiller::FindOccupied() {
  std::vector<std::string> occupied;
  for (const Topic& topic : OwnTopics()) {
    SOJOURN_ASSIGN_OR_RETURN(const bool holds, HoldsRecords(topic));
    if (holds) occupied.push_back(topic.name);
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> groups = {
      {config_.app, InputTopicNames(config_)}};
  for (const DeliveryReader& reader : kDeliveryReaders) {
    groups.push_back({GroupOf(config_, reader), {ActionsTopic(config_)}});
  }
  for (const auto& [group, topics] : groups) {
    SOJOURN_ASSIGN_OR_RETURN(const bool has, HasOffsets(group, topics));
    if (has) occupied.push_back("the offsets of the group " + group);
  }
  return occupied;
}

Result<std::optional<std::string>> TopicFiller::FindNote(std::string_view name) {
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks watermarks,
                           cluster_->QueryWatermarks(NotesTopic(config_), kOnlyPartition));
  std::optional<std::string> note;
  const auto read = reader_->ReadTo(
      NotesTopic(config_), kOnlyPartition, watermarks.oldest, watermarks.end,
      [&](const StoredRecord& record) {
        if (record.key == name) note = record.value;
        return Status::Ok();
      },
      For(kCommitTimeout));
  if (!read.ok()) return InTime(read.status());
  return note;
}

// ---- filling -----------------------------------------------------------------------------------

Status TopicFiller::Begin() { return producer_.Begin(); }

Status TopicFiller::Produce(const OutgoingRecord& record) {
  return producer_.Produce(record).status();
}

Partition TopicFiller::PartitionOf(std::string_view key) const {
  return Partition(PartitionOfKey(key, partition_count_));
}

Status TopicFiller::AddBundle(const runtime::StoredBundle& bundle,
                              std::optional<Timestamp> stored_at) {
  const std::string topic = RulesTopic(config_);
  const std::string log_time = stored_at ? std::to_string(stored_at->milliseconds()) : "";
  std::vector<Header> headers;
  if (stored_at) headers.emplace_back(kLogTimeHeader, log_time);
  for (const auto& [key, value] : EncodeBundle(bundle.number, bundle.files)) {
    if (IsPieceKey(key) && !pieces_.insert(key).second) continue;
    SOJOURN_RETURN_IF_ERROR(Produce({topic, kOnlyPartition, key, value, headers}));
  }
  return Status::Ok();
}

Status TopicFiller::AddNote(std::string_view name, std::string_view text) {
  return Produce({NotesTopic(config_), kOnlyPartition, name, text, {}});
}

Status TopicFiller::AddSuppression(const model::Suppression& entry) {
  const std::string value = EncodeSuppression(entry);
  return Produce(
      {SuppressionsTopic(config_), kOnlyPartition, SuppressionKey(entry.hash), value, {}});
}

Status TopicFiller::AddDeadLetter(const runtime::DeadLetter& letter) {
  const DeadLetterRecord record = RecordOf(letter);
  const std::vector<Header> headers(record.headers.begin(), record.headers.end());
  return Produce(
      {DeadLettersTopic(config_), PartitionOf(letter.key), record.key, record.value, headers});
}

Status TopicFiller::AddEvent(std::string_view person, std::string_view event,
                             const runtime::OriginalPlace& original) {
  const auto pairs = PlaceHeaders(original);
  const std::vector<Header> headers(pairs.begin(), pairs.end());
  return Produce({EventsTopic(config_), PartitionOf(person), person, event, headers});
}

Status TopicFiller::BeginChangelog(Partition partition) {
  if (!begun_.insert(partition).second) return Status::Ok();
  const std::string incarnation = NewIncarnation();
  return Produce({ChangelogTopic(config_), partition, kIncarnationKey, incarnation, {}});
}

Status TopicFiller::AddPerson(std::string_view id, std::string_view record) {
  if (record.empty()) return Status::Ok();
  const Partition partition = PartitionOf(id);
  SOJOURN_RETURN_IF_ERROR(BeginChangelog(partition));
  return Produce({ChangelogTopic(config_), partition, id, record, {}});
}

Status TopicFiller::AddMeta(Partition partition, const store::PartitionMeta& meta) {
  SOJOURN_RETURN_IF_ERROR(BeginChangelog(partition));
  for (const store::CodeChunk& chunk : meta.code_chunks) {
    const std::string key = CodesKey(chunk.pool, chunk.index);
    const std::string value = store::EncodeCodes(chunk.hashes);
    SOJOURN_RETURN_IF_ERROR(Produce({ChangelogTopic(config_), partition, key, value, {}}));
  }
  const std::string bytes = store::EncodePartitionMeta(meta);
  return Produce({ChangelogTopic(config_), partition, kMetaKey, bytes, {}});
}

Result<size_t> TopicFiller::AddAction(const model::Action& action) {
  const std::string topic = ActionsTopic(config_);
  const Partition partition = PartitionOf(action.person);
  SOJOURN_ASSIGN_OR_RETURN(const size_t number,
                           WriteAction(config_, {topic, partition}, action, &producer_));
  actions_.push_back({partition, number});
  return actions_.size() - 1;
}

Status TopicFiller::AwaitActions() { return producer_.WaitForDelivery(); }

deliver::ActionPlace TopicFiller::PlaceOf(size_t action) const {
  SOJOURN_CHECK(action < actions_.size());
  const WrittenAction& written = actions_[action];
  return {written.partition, producer_.DeliveredOffset(written.number)};
}

Status TopicFiller::AddDelivery(const deliver::DeliveryRecord& record) {
  const std::string value = deliver::EncodeDelivery(record);
  return Produce({DeliveriesTopic(config_),
                  record.place.partition,
                  OffsetText(record.place.offset),
                  value,
                  {}});
}

runtime::CommitResult TopicFiller::Commit() { return producer_.Commit(); }

}  // namespace sojourn::kafka
