#include "connectors/kafka/delivery_restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLongestSilence(10);  // of the brokers

}  // namespace

DeliveryRestorer::DeliveryRestorer(const KafkaConfig& config, const DeliveryReader& reader,
                                   std::vector<Offset> starts, KafkaInputLog* input_log,
                                   KafkaObserver* observer)
    : config_(config),
      reader_(reader),
      starts_(std::move(starts)),
      actions_topic_(ActionsTopic(config)),
      deliveries_topic_(DeliveriesTopic(config)),
      input_log_(input_log),
      observer_(observer) {}

Status DeliveryRestorer::MadeAnew(const std::string& topic, Partition partition, Offset end,
                                  Offset wanted) const {
  return FailedPrecondition(fmt::format(
      "Kafka: {} [{}] ends at {}, before the offset {} that the group {} has noted: the topic was "
      "made anew or lost records; set the group's offsets, or start over with another kafka.app",
      topic, partition.value(), end.value(), wanted.value(), GroupOf(config_, reader_)));
}

Status DeliveryRestorer::Connect() {
  if (!cluster_) {
    SOJOURN_ASSIGN_OR_RETURN(cluster_, Cluster::Connect(config_, observer_));
  }
  if (!log_reader_) {
    SOJOURN_ASSIGN_OR_RETURN(log_reader_, PartitionReader::Open(config_, observer_));
  }
  return Status::Ok();
}

Result<RestoredDeliveries> DeliveryRestorer::Restore(Partition partition) {
  SOJOURN_RETURN_IF_ERROR(Connect());
  // The committed offset comes first: once it is stable, every transaction that it belongs to lies
  // below the deliveries' end.
  SOJOURN_ASSIGN_OR_RETURN(auto committed, input_log_->CommittedOffsets(partition));
  Known known;
  known.committed = committed[0].offset;
  if (!known.committed) {
    SOJOURN_ASSIGN_OR_RETURN(known.noted_cursor, StartOf(partition));
  }
  const std::optional<CommitNote> note = DecodeCommitNote(committed[0].metadata);
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks deliveries,
                           cluster_->QueryWatermarks(deliveries_topic_, partition));
  const Offset noted = note ? note->replay_from : Offset(0);
  if (noted > deliveries.end) {
    return MadeAnew(deliveries_topic_, partition, deliveries.end, noted);
  }
  const Offset from = std::max(noted, deliveries.oldest);
  SOJOURN_RETURN_IF_ERROR(Replay(partition, from, deliveries.end, &known));
  SOJOURN_ASSIGN_OR_RETURN(const Offset cursor, FirstAction(partition, known.cursor()));
  known.records.erase(known.records.begin(), known.records.lower_bound(cursor));
  const Offset first_unknown =
      known.records.empty() ? cursor : Offset(known.records.rbegin()->first.value() + 1);
  return RestoredDeliveries{{partition, cursor, std::move(known.records)},
                            std::move(committed[0].metadata),
                            ReplayStarts(cursor, from, first_unknown),
                            deliveries.end,
                            known.noted_cursor};
}

// A start behind the end is that of a topic which was there before.
Result<Offset> DeliveryRestorer::StartOf(Partition partition) {
  const Offset start = starts_[static_cast<size_t>(partition.value())];
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks actions,
                           cluster_->QueryWatermarks(actions_topic_, partition));
  return start <= actions.end ? start : Offset(0);
}

Result<Offset> DeliveryRestorer::FirstAction(Partition partition, Offset cursor) {
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks actions,
                           cluster_->QueryWatermarks(actions_topic_, partition));
  if (cursor > actions.end) {
    return MadeAnew(actions_topic_, partition, actions.end, cursor);
  }
  if (cursor >= actions.oldest) return cursor;
  if (cursor > Offset(0)) {
    observer_->OnRecordsMissed(actions_topic_, partition, cursor, actions.oldest);
  }
  return actions.oldest;
}

Status DeliveryRestorer::Replay(Partition partition, Offset from, Offset end, Known* known) {
  return log_reader_
      ->ReadTo(
          deliveries_topic_, partition, from, end,
          [&](const StoredRecord& record) { return Take(partition, record, known); },
          [this] { return input_log_->KeepAlive(); })
      .status();
}

Status DeliveryRestorer::Take(Partition partition, const StoredRecord& record, Known* known) const {
  if (record.key.starts_with(kCursorKey) && record.key != reader_.cursor_key) return Status::Ok();
  if (record.key == reader_.cursor_key) {
    const auto cursor = ParseOffset(record.value.value_or(std::string_view()));
    if (!cursor) return DataLoss("a cursor of the deliveries is damaged");
    known->noted_cursor = std::max(known->noted_cursor, *cursor);
    // What lies behind it is final; dropped at once, it never fills the memory.
    known->records.erase(known->records.begin(), known->records.lower_bound(known->cursor()));
    return Status::Ok();
  }
  const auto offset = ParseOffset(record.key);
  if (!offset) return DataLoss("a key of the deliveries is damaged");
  if (*offset < known->cursor()) return Status::Ok();
  if (!record.value) {
    known->records.erase(*offset);
    return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(deliver::DeliveryRecord decoded,
                           deliver::DecodeDelivery({partition, *offset}, *record.value));
  if (decoded.channel == reader_.channel) {
    known->records.insert_or_assign(*offset, std::move(decoded));
  }
  return Status::Ok();
}

Result<std::map<Offset, deliver::DeliveryRecord>> DeliveryRestorer::Find(
    Partition partition, const std::set<Offset>& actions) {
  SOJOURN_RETURN_IF_ERROR(Connect());
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks deliveries,
                           cluster_->QueryWatermarks(deliveries_topic_, partition));
  std::map<Offset, deliver::DeliveryRecord> found;
  auto heard_at = SteadyClock::now();
  const auto take = [&](const StoredRecord& record) -> Status {
    heard_at = SteadyClock::now();
    const auto offset = ParseOffset(record.key);
    if (!offset || !actions.contains(*offset) || !record.value) return Status::Ok();
    auto decoded = deliver::DecodeDelivery({partition, *offset}, *record.value);
    if (decoded.ok()) {
      found.insert_or_assign(*offset, *std::move(decoded));
      return Status::Ok();
    }
    found.erase(*offset);
    observer_->OnLog(
        LogLevel::kWarning, reader_.name,
        fmt::format("{} [{}] {}: {}; taken as unknown", deliveries_topic_, partition.value(),
                    record.offset.value(), decoded.status().message()));
    return Status::Ok();
  };
  const auto keep_going = [&] {
    return SteadyClock::now() < heard_at + kLongestSilence && input_log_->KeepAlive();
  };
  SOJOURN_RETURN_IF_ERROR(log_reader_
                              ->ReadTo(deliveries_topic_, partition, deliveries.oldest,
                                       deliveries.end, take, keep_going)
                              .status());
  return found;
}

Status DeliveryRestorer::ReadActions(Partition partition, Offset from, Offset end,
                                     const PartitionReader::Visitor& visit) {
  SOJOURN_RETURN_IF_ERROR(Connect());
  const auto deadline = SteadyClock::now() + kLongestSilence;
  return log_reader_
      ->ReadTo(
          actions_topic_, partition, from, end, visit,
          [this, deadline] { return SteadyClock::now() < deadline && input_log_->KeepAlive(); })
      .status();
}

}  // namespace sojourn::kafka
