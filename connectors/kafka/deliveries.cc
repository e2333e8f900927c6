#include "connectors/kafka/deliveries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "connectors/kafka/changelog.h"
#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/deliver/delivery_event.h"
#include "engine/model/action_codec.h"
#include "engine/model/event_codec.h"

namespace sojourn::kafka {
namespace {

using deliver::ActionPlace;
using deliver::CommittedAction;
using deliver::DeliveryBatch;
using deliver::DeliveryRecord;
using SteadyClock = std::chrono::steady_clock;

constexpr Duration kSettleTurn = Milliseconds(500);  // short, so that the member is served
constexpr Duration kRetryInterval = Milliseconds(50);
constexpr std::chrono::seconds kLongestWaitForOutcome(30);

// Passes by itself, or with the next assignment.
bool IsPassing(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kAborted;
}

Status NotInPlace() { return Unavailable("Kafka: the group is sharing its partitions out"); }

}  // namespace

KafkaDeliveries::KafkaDeliveries(const KafkaConfig& config, const DeliveryReader& reader,
                                 const std::vector<Offset>& starts, KafkaObserver* observer)
    : config_(config),
      reader_(reader),
      partition_count_(static_cast<int32_t>(starts.size())),
      actions_topic_(ActionsTopic(config)),
      deliveries_topic_(DeliveriesTopic(config)),
      events_topic_(EventsTopic(config)),
      commit_name_(NewIncarnation()),
      observer_(observer),
      producer_(config, MemberOf(config, reader), observer),
      input_log_(
          config, Membership{GroupOf(config, reader), MemberOf(config, reader)},
          {{actions_topic_, /*internal=*/false}}, partition_count_,
          /*progress=*/nullptr, [](Partition) {}, observer),
      restorer_(config, reader, starts, &input_log_, observer) {
  input_log_.SetListener(this);
}

// ---- the group ---------------------------------------------------------------------------------

Status KafkaDeliveries::OnAssigned(std::span<const Partition> partitions) {
  assigned_.emplace(partitions.begin(), partitions.end());
  reconciled_ = false;
  return Status::Ok();
}

Status KafkaDeliveries::OnRevoked(std::span<const Partition> partitions) {
  return OnLost(partitions);
}

// What becomes of the open ones is decided when the next assignment is known.
Status KafkaDeliveries::OnLost(std::span<const Partition>) {
  assigned_.reset();
  reconciled_ = false;
  return Status::Ok();
}

Status KafkaDeliveries::Reconcile() {
  // Ends a transaction of ours that is still open; the offsets wait for it.
  SOJOURN_RETURN_IF_ERROR(producer_.Settle(kSettleTurn));
  std::map<Partition, std::string> notes;
  for (const auto& [partition, open] : open_) {
    if (!assigned_->contains(partition)) continue;
    SOJOURN_ASSIGN_OR_RETURN(auto committed, input_log_.CommittedOffsets(partition));
    notes[partition] = std::move(committed[0].metadata);
  }
  attempt_took_effect_ = false;
  std::vector<Partition> taken;
  for (auto& [partition, open] : open_) {
    const auto note = notes.find(partition);
    if (unanswered_ && note != notes.end() &&
        note->second == unanswered_->places.at(partition).note) {
      attempt_took_effect_ = true;
      TookEffect(partition, unanswered_->places.at(partition));
    }
    if (note == notes.end() || note->second != open.note) {
      taken.push_back(partition);
    } else {
      SOJOURN_RETURN_IF_ERROR(SetPosition(partition, open.next_read));
    }
  }
  for (const Partition partition : taken) Close(partition);
  unanswered_.reset();
  reconciled_ = true;
  return Status::Ok();
}

Status KafkaDeliveries::SetPosition(Partition partition, Offset next) {
  const runtime::PartitionPositions positions{partition, {next}};
  return input_log_.SetPositions({&positions, 1});
}

void KafkaDeliveries::Close(Partition partition) {
  open_.erase(partition);
  closing_.push_back(partition);
}

Status KafkaDeliveries::Poll(Duration timeout, Listener* listener) {
  if (assigned_ && !reconciled_) timeout = std::min(timeout, kRetryInterval);
  if (std::exchange(hurry_, false) || !closing_.empty()) timeout = Duration(0);
  SOJOURN_RETURN_IF_ERROR(input_log_.Poll(timeout));
  if (assigned_ && !reconciled_) {
    const Status reconciled = Reconcile();
    if (!reconciled.ok() && !IsPassing(reconciled)) return reconciled;
  }
  if (!closing_.empty()) {
    hurry_ = true;
    for (const Partition partition : std::exchange(closing_, {})) listener->OnClosed(partition);
    return Status::Ok();
  }
  if (!in_place()) return Status::Ok();
  const Status opened = OpenNext(listener);
  return IsPassing(opened) ? Status::Ok() : opened;
}

// One at a time: the sends of those that are open go on meanwhile.
Status KafkaDeliveries::OpenNext(Listener* listener) {
  const auto next = std::ranges::find_if(
      *assigned_, [this](Partition partition) { return !open_.contains(partition); });
  if (next == assigned_->end()) return Status::Ok();
  const Partition partition = *next;
  SOJOURN_RETURN_IF_ERROR(producer_.Settle(kSettleTurn));
  SOJOURN_ASSIGN_OR_RETURN(RestoredDeliveries restored, restorer_.Restore(partition));
  const Offset cursor = restored.opened.cursor;
  SOJOURN_RETURN_IF_ERROR(SetPosition(partition, cursor));
  open_.emplace(partition, Open{cursor, cursor, std::move(restored.note), restored.noted_cursor,
                                restored.next_record, std::move(restored.starts)});
  hurry_ = true;
  listener->OnOpened(std::move(restored.opened));
  return Status::Ok();
}

// ---- actions in --------------------------------------------------------------------------------

Result<std::vector<CommittedAction>> KafkaDeliveries::Read(Partition partition, Offset from,
                                                           size_t max_count) {
  const auto found = open_.find(partition);
  if (found == open_.end() || !in_place()) return NotInPlace();
  Open& open = found->second;
  if (from < open.next_read) return ReadBehind(partition, from, open.next_read, max_count);
  if (from > open.next_read) {
    open.next_read = from;
    SOJOURN_RETURN_IF_ERROR(SetPosition(partition, from));
  }
  return ReadQueue(partition, &open, max_count);
}

std::vector<CommittedAction> KafkaDeliveries::ReadQueue(Partition partition, Open* open,
                                                        size_t max_count) {
  std::vector<CommittedAction> actions;
  while (actions.size() < max_count) {
    const auto fetched = input_log_.Fetch(partition, 0, max_count - actions.size());
    if (!fetched.ok() || fetched->records.empty()) break;
    for (const runtime::InputRecord& record : fetched->records) {
      auto action = Decode({partition, record.offset}, record.value);
      if (action) actions.push_back(*std::move(action));
    }
  }
  if (actions.empty()) return actions;
  open->next_read = Offset(actions.back().place.offset.value() + 1);
  open->starts.NoteRead(open->next_read, open->next_record);
  return actions;
}

Result<std::vector<CommittedAction>> KafkaDeliveries::ReadBehind(Partition partition, Offset from,
                                                                 Offset end, size_t max_count) {
  std::vector<CommittedAction> actions;
  bool enough = false;
  const Status read = restorer_.ReadActions(partition, from, end, [&](const StoredRecord& record) {
    auto action = Decode({partition, record.offset}, record.value.value_or(""));
    if (action) actions.push_back(*std::move(action));
    enough = actions.size() >= max_count;
    return enough ? Aborted("enough") : Status::Ok();
  });
  // Of what is deleted there is nothing to be read; where nobody answers, that is not known.
  if (read.ok() || enough || read.code() == StatusCode::kDataLoss) return actions;
  if (!IsPassing(read)) return read;
  if (!actions.empty()) return actions;
  return Unavailable(read.message());
}

std::optional<CommittedAction> KafkaDeliveries::Decode(const ActionPlace& place,
                                                       std::string_view value) {
  Result<model::Action> action = config_.action_format == model::ActionFormat::kProtobuf
                                     ? model::DecodeAction(value)
                                     : model::ActionFromJson(value);
  if (action.ok()) return CommittedAction{place, *std::move(action), value.size()};
  observer_->OnLog(
      LogLevel::kError, reader_.name,
      fmt::format("{} [{}] {}: {}; passed over", actions_topic_, place.partition.value(),
                  place.offset.value(), action.status().message()));
  return std::nullopt;
}

Result<std::map<Offset, DeliveryRecord>> KafkaDeliveries::FindRecords(
    Partition partition, const std::set<Offset>& actions) {
  if (!open_.contains(partition) || !in_place()) return NotInPlace();
  const Status settled = producer_.Settle(kSettleTurn);
  if (!settled.ok()) return IsPassing(settled) ? Unavailable(settled.message()) : settled;
  auto found = restorer_.Find(partition, actions);
  if (found.ok()) return found;
  // It has clients of its own, and retention may delete what it is about to read: whether sends can
  // go on is for what they need themselves to say.
  observer_->OnLog(LogLevel::kWarning, reader_.name,
                   "looking up records: " + found.status().message());
  return Unavailable(found.status().message());
}

// ---- commits out -------------------------------------------------------------------------------

Status KafkaDeliveries::Commit(const DeliveryBatch& batch) {
  SOJOURN_RETURN_IF_ERROR(Serve());
  if (!AllOpen(batch)) return Aborted("Kafka: a partition is not ours any more");
  if (!in_place()) return NotInPlace();
  Attempt attempt = Plan(batch);
  const runtime::CommitResult result = Transact(batch, &attempt);
  if (result.outcome == runtime::CommitOutcome::kUncertain) {
    return FindOutcome(std::move(attempt), batch);
  }
  if (result.outcome == runtime::CommitOutcome::kNotCommitted) {
    // Whether a partition is lost is found out by the member, not by the producer.
    const bool fatal = result.status.code() == StatusCode::kInvalidArgument;
    return fatal ? result.status : Unavailable(result.status.message());
  }
  for (const auto& [partition, attempted] : attempt.places) TookEffect(partition, attempted);
  for (const auto& [partition, number] : attempt.last_records) {
    open_.at(partition).next_record = Offset(producer_.DeliveredOffset(number).value() + 1);
  }
  return Status::Ok();
}

runtime::CommitResult KafkaDeliveries::Transact(const DeliveryBatch& batch, Attempt* attempt) {
  Status status = producer_.Settle(kSettleTurn);
  if (status.ok()) status = producer_.Begin();
  if (!status.ok()) return {runtime::CommitOutcome::kNotCommitted, std::move(status)};
  status = Write(batch, attempt);
  if (status.ok()) return producer_.Commit();
  producer_.Abort();
  return {runtime::CommitOutcome::kNotCommitted, std::move(status)};
}

Status KafkaDeliveries::Serve() {
  if (!input_log_.KeepAlive()) {
    hurry_ = true;  // This Poll may hear what the next one would wait for.
    SOJOURN_RETURN_IF_ERROR(input_log_.Poll(Duration(0)));
  }
  if (!assigned_ || reconciled_) return Status::Ok();
  const Status reconciled = Reconcile();
  return IsPassing(reconciled) ? NotInPlace() : reconciled;
}

bool KafkaDeliveries::AllOpen(const DeliveryBatch& batch) const {
  const auto is_open = [this](const ActionPlace& place) { return open_.contains(place.partition); };
  return !open_.empty() && std::ranges::all_of(batch.cursors, is_open) &&
         std::ranges::all_of(batch.records, is_open, &DeliveryRecord::place);
}

KafkaDeliveries::Attempt KafkaDeliveries::Plan(const DeliveryBatch& batch) {
  std::map<Partition, Offset> cursors;
  for (const ActionPlace& cursor : batch.cursors) cursors[cursor.partition] = cursor.offset;
  const std::string commit = fmt::format("{}-{}", commit_name_, ++commits_);
  Attempt attempt;
  for (const auto& [partition, open] : open_) {
    const auto moved = cursors.find(partition);
    const Offset cursor = moved == cursors.end() ? open.cursor : moved->second;
    attempt.places[partition] = {cursor, EncodeCommitNote({open.starts.For(cursor), commit})};
  }
  return attempt;
}

Status KafkaDeliveries::Write(const DeliveryBatch& batch, Attempt* attempt) {
  for (const DeliveryRecord& record : batch.records) {
    SOJOURN_RETURN_IF_ERROR(WriteRecord(record, attempt));
  }
  SOJOURN_RETURN_IF_ERROR(WriteCursors(attempt));
  for (const deliver::DeliveryEvent& event : batch.events) {
    SOJOURN_RETURN_IF_ERROR(WriteEvent(event));
  }
  return SendOffsets(*attempt);
}

Status KafkaDeliveries::WriteRecord(const DeliveryRecord& record, Attempt* attempt) {
  const Partition partition = record.place.partition;
  const std::string key = OffsetText(record.place.offset);
  const std::string value = deliver::EncodeDelivery(record);
  SOJOURN_ASSIGN_OR_RETURN(attempt->last_records[partition],
                           producer_.Produce({deliveries_topic_, partition, key, value, {}}));
  return Status::Ok();
}

Status KafkaDeliveries::WriteCursors(Attempt* attempt) {
  for (const auto& [partition, attempted] : attempt->places) {
    if (attempted.cursor <= open_.at(partition).noted_cursor) continue;
    const std::string cursor = OffsetText(attempted.cursor);
    SOJOURN_ASSIGN_OR_RETURN(
        attempt->last_records[partition],
        producer_.Produce({deliveries_topic_, partition, reader_.cursor_key, cursor, {}}));
  }
  return Status::Ok();
}

Status KafkaDeliveries::WriteEvent(const deliver::DeliveryEvent& event) {
  Arena arena;
  std::string bytes;
  model::EncodeEvent(deliver::ToEvent(event, &arena), nullptr, &bytes);
  const Partition partition(PartitionOfKey(event.person, partition_count_));
  return producer_.Produce({events_topic_, partition, event.person, bytes, {}}).status();
}

Status KafkaDeliveries::SendOffsets(const Attempt& attempt) {
  std::vector<NextOffset> offsets;
  for (const auto& [partition, attempted] : attempt.places) {
    offsets.push_back({actions_topic_, partition, attempted.cursor, attempted.note});
  }
  SOJOURN_ASSIGN_OR_RETURN(const GroupMetadataPtr generation, input_log_.CurrentGeneration());
  return producer_.SendOffsets(offsets, generation.get());
}

void KafkaDeliveries::TookEffect(Partition partition, const Attempted& attempted) {
  Open& open = open_.at(partition);
  open.cursor = attempted.cursor;
  open.note = attempted.note;
  open.noted_cursor = std::max(open.noted_cursor, attempted.cursor);
  open.starts.NoteCursor(attempted.cursor);
}

Status KafkaDeliveries::FindOutcome(Attempt attempt, const DeliveryBatch& batch) {
  unanswered_ = std::move(attempt);
  reconciled_ = false;
  const auto deadline = SteadyClock::now() + kLongestWaitForOutcome;
  while (unanswered_ && SteadyClock::now() < deadline) {
    const Status served = Serve();
    if (!served.ok() && !IsPassing(served)) return served;
    if (!unanswered_) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryInterval.milliseconds()));
  }
  if (!unanswered_) {
    if (attempt_took_effect_) return Status::Ok();
    if (!AllOpen(batch)) return Aborted("Kafka: a partition is not ours any more");
    return Unavailable("Kafka: the commit did not take effect");
  }
  unanswered_.reset();
  for (const auto& [partition, open] : std::map(open_)) Close(partition);
  return Aborted("Kafka: nobody says whether a commit took effect");
}

}  // namespace sojourn::kafka
