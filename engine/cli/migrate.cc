#include "engine/cli/migrate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "connectors/embedded/embedded_log.h"
#include "connectors/http/instance_file.h"
#include "connectors/kafka/delivery_readers.h"
#include "connectors/kafka/topic_filler.h"
#include "connectors/kafka/topics.h"
#include "engine/base/hash.h"
#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/backend.h"
#include "engine/cli/moved_actions.h"
#include "engine/cli/moved_meta.h"
#include "engine/cli/secrets.h"
#include "engine/cli/unread_events.h"
#include "engine/model/event_codec.h"
#include "engine/runtime/key_fingerprints.h"
#include "engine/runtime/record_check.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {
namespace {

// In the topics, as embedded::kMovedNote in the directory.
constexpr char kMovedFromNote[] = "moved_from";

class Mover {
 public:
  Mover(const Config& config, std::string directory, kafka::KafkaObserver* observer)
      : config_(config), directory_(std::move(directory)), observer_(observer) {}

  Result<Moved> Move(Timestamp now);
  Status Abandon();

 private:
  Status Open();
  Status CheckKeys();
  Status ReadPartitions();
  Status CheckUnread();
  Status CheckSameCluster(const std::string& note) const;
  Result<bool> WasMoved(const std::string& note);
  Status Note(Timestamp now);

  Status Fill(Timestamp now);
  Status FillRules();
  Status FillNotes();
  Status FillSuppressions();
  Status FillDeadLetters();
  Status FillActions();
  Status FillActionsOf(std::string_view reader, const ActionOwner& owner, MovedSends* moved);
  Status FillAction(const LeftAction& left, MovedSends* moved);
  Status FillReaders();
  Status FillDeliveries();
  Status FillEvents();
  Status FillPeople();
  Status FillPerson(std::string_view id, std::string_view record);
  Status FillMetas(Timestamp now);
  Status Commit();
  Status Unfinished(const Status& why) const;

  const Config& config_;
  const std::string directory_;
  kafka::KafkaObserver* const observer_;
  std::unique_ptr<embedded::EmbeddedLog> log_;
  std::unique_ptr<kafka::TopicFiller> filler_;
  int32_t partition_count_ = 0;  // of the topics
  std::vector<OldPartition> old_;
  std::vector<Offset> applied_;
  std::vector<std::optional<store::PartitionMeta>> metas_;
  std::string note_;  // as it stands in the directory
  struct Tried {
    size_t action;  // of the filler
    deliver::DeliveryRecord record;
  };
  std::vector<Tried> tried_;
  std::vector<std::string_view> readers_;  // that have worked on the directory
  Moved moved_;
};

// ---- may it be ---------------------------------------------------------------------------------

Status Mover::Open() {
  if (config_.log != LogKind::kKafka) {
    return InvalidArgument("the configuration must be that of Kafka: `log: kafka`");
  }
  SOJOURN_RETURN_IF_ERROR(ValidateConfig(config_));
  std::error_code error;
  if (std::filesystem::equivalent(directory_, config_.data, error)) {
    return InvalidArgument(fmt::format(
        "data: {} is the directory that is to be moved; give Kafka's process another one",
        config_.data));
  }
  embedded::EmbeddedOptions options;
  options.directory = directory_;
  options.app = config_.app;
  options.create_if_missing = false;
  SOJOURN_ASSIGN_OR_RETURN(log_, embedded::EmbeddedLog::Open(options));
  SOJOURN_ASSIGN_OR_RETURN(const auto cluster, kafka::Cluster::Connect(config_.kafka, observer_));
  SOJOURN_ASSIGN_OR_RETURN(partition_count_, kafka::CheckTopics(config_.kafka, cluster.get()));
  SOJOURN_ASSIGN_OR_RETURN(filler_,
                           kafka::TopicFiller::Open(config_.kafka, partition_count_, observer_));
  SOJOURN_ASSIGN_OR_RETURN(note_, log_->ReadNote(embedded::kMovedNote));
  return CheckSameCluster(note_);
}

Status Mover::CheckSameCluster(const std::string& note) const {
  if (note.empty()) return Status::Ok();
  const auto json = ParseJson(note);
  const std::string cluster = json.is_object() ? json.value("cluster", "") : "";
  if (cluster == filler_->cluster_id()) return Status::Ok();
  return FailedPrecondition(fmt::format(
      "{} was moved, or was about to be, to the Kafka cluster {}, and this is {}: name that one's "
      "brokers",
      directory_, cluster, filler_->cluster_id()));
}

Status Mover::CheckKeys() {
  SOJOURN_RETURN_IF_ERROR(CheckKeysOf(directory_, config_));
  SOJOURN_ASSIGN_OR_RETURN(const step::Secrets secrets, LoadSecrets(config_));
  for (const OldPartition& partition : old_) {
    if (!partition.meta) continue;
    const std::string changed = runtime::ChangedKey(partition.meta->key_fingerprints, secrets);
    if (changed.empty()) continue;
    return FailedPrecondition(
        fmt::format("secrets: {} is not the one that {} was made with: configure that one", changed,
                    directory_));
  }
  bool has_addresses = false;
  SOJOURN_RETURN_IF_ERROR(log_->suppressions()->ForEach({}, [&](const deliver::Suppression&) {
    has_addresses = true;
    return false;
  }));
  if (!has_addresses) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(const std::string address_key, LoadAddressKey(config_));
  return deliver::Suppressions::Open(address_key, log_->suppressions()).status();
}

Status Mover::ReadPartitions() {
  for (int32_t p = 0; p < log_->partition_count(); ++p) {
    SOJOURN_ASSIGN_OR_RETURN(const auto bytes, log_->ReadMeta(Partition(p)));
    OldPartition& partition = old_.emplace_back();
    if (bytes) {
      SOJOURN_ASSIGN_OR_RETURN(partition.meta, store::DecodePartitionMeta(*bytes));
      SOJOURN_ASSIGN_OR_RETURN(partition.codes,
                               log_->ReadTakenCodes(Partition(p), *partition.meta));
    }
    const bool has_place = partition.meta && !partition.meta->inputs.empty();
    applied_.push_back(has_place ? partition.meta->inputs[0].next_offset : Offset(0));
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto unread, UnreadEvents::Open(log_.get(), applied_));
  for (int32_t p = 0; p < log_->partition_count(); ++p) {
    old_[static_cast<size_t>(p)].has_tail = !unread->IsEmpty(Partition(p));
  }
  SOJOURN_ASSIGN_OR_RETURN(metas_, MoveMetas(old_, partition_count_));
  return Status::Ok();
}

// Brackets of imports and backfills speak of places in this log.
Status Mover::CheckUnread() {
  bool is_open = false;
  for (const OldPartition& partition : old_) {
    is_open = is_open || (partition.meta && partition.meta->import_open);
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto replay, log_->FindOpenReplay());
  is_open = is_open || replay.has_value();
  SOJOURN_ASSIGN_OR_RETURN(const auto unread, UnreadEvents::Open(log_.get(), applied_));
  model::EventDecoder decoder;
  Arena arena;
  while (!is_open) {
    Partition partition(0);
    SOJOURN_ASSIGN_OR_RETURN(const runtime::InputRecord* record, unread->Next(&partition));
    if (record == nullptr) return Status::Ok();
    arena.Reset();
    const auto event =
        decoder.Decode(model::EventFormat::kProtobuf, record->value, record->log_time, &arena);
    if (!event.ok()) continue;  // becomes a dead letter there
    is_open = runtime::IsImportBracket(event->type) ||
              event->type == model::EventType::kBackfillBegin ||
              event->type == model::EventType::kBackfill;
  }
  return FailedPrecondition(fmt::format(
      "an import or a backfill of {} is not at its end: finish it, or `sojourn import --abandon`, "
      "and let sojourn run on the directory until its lag is 0",
      directory_));
}

// ---- the note ----------------------------------------------------------------------------------

Result<bool> Mover::WasMoved(const std::string& note) {
  if (note.empty()) return false;
  SOJOURN_ASSIGN_OR_RETURN(const auto found, filler_->FindNote(kMovedFromNote));
  return found == note;
}

Status Mover::Note(Timestamp now) {
  if (!note_.empty()) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(const std::string id, http::NewToken());
  note_ = DumpJson(nlohmann::json{{"id", id},
                                  {"app", config_.app},
                                  {"cluster", filler_->cluster_id()},
                                  {"begun_at", FormatRfc3339(now)}});
  return log_->WriteNote(embedded::kMovedNote, note_);
}

Status Mover::Unfinished(const Status& why) const {
  return Status(why.code(), fmt::format("{}; nothing was moved: move again, or give {} back by "
                                        "sojourn migrate-to-kafka --abandon",
                                        why.message(), directory_));
}

// ---- filling -----------------------------------------------------------------------------------

Status Mover::FillRules() {
  SOJOURN_ASSIGN_OR_RETURN(const auto bundles, log_->bundles()->ReadAll());
  for (const runtime::StoredBundle& bundle : bundles) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string stored_at,
                             log_->ReadNote(embedded::BundleTimeNote(bundle.number)));
    SOJOURN_RETURN_IF_ERROR(filler_->AddBundle(bundle, ParseRfc3339(stored_at)));
    ++moved_.bundles;
  }
  return Status::Ok();
}

// All but those that speak of this log's own rows.
Status Mover::FillNotes() {
  SOJOURN_ASSIGN_OR_RETURN(const auto notes, log_->ReadNotes());
  const std::string times = embedded::BundleTimeNote(0);
  const std::string prefix = times.substr(0, times.size() - 1);
  for (const auto& [name, text] : notes) {
    if (name == embedded::kMovedNote || name.starts_with(prefix)) continue;
    SOJOURN_RETURN_IF_ERROR(filler_->AddNote(name, text));
  }
  return filler_->AddNote(kMovedFromNote, note_);
}

Status Mover::FillSuppressions() {
  Status added;
  const Status read = log_->suppressions()->ForEach({}, [&](const deliver::Suppression& entry) {
    added = filler_->AddSuppression(entry);
    if (entry.reason != deliver::SuppressionReason::kKey) ++moved_.suppressions;
    return added.ok();
  });
  return added.ok() ? read : added;
}

Status Mover::FillDeadLetters() {
  constexpr size_t kLettersAtOnce = 256;
  // The last is that of calls that reached no partition.
  for (int32_t p = 0; p <= log_->partition_count(); ++p) {
    Offset next(0);
    while (true) {
      SOJOURN_ASSIGN_OR_RETURN(const auto stored,
                               log_->ReadDeadLetters(Partition(p), next, kLettersAtOnce));
      if (stored.empty()) break;
      for (const embedded::StoredDeadLetter& entry : stored) {
        SOJOURN_RETURN_IF_ERROR(filler_->AddDeadLetter(entry.letter));
        ++moved_.dead_letters;
      }
      next = Offset(stored.back().offset.value() + 1);
    }
  }
  return Status::Ok();
}

Status Mover::FillActions() {
  const ActionOwner mails = {std::string(kafka::kMailReader.channel), [](model::ActionKind kind) {
                               return kind == model::ActionKind::kSendEmail;
                             }};
  const ActionOwner webhooks = {
      std::string(kafka::kWebhookReader.channel),
      [this](model::ActionKind kind) { return config_.webhooks.gateways.Takes(kind); }};
  SOJOURN_RETURN_IF_ERROR(FillActionsOf(kafka::kMailReader.name, mails, &moved_.mails));
  return FillActionsOf(kafka::kWebhookReader.name, webhooks, &moved_.webhooks);
}

// The readers of the embedded log have the same names.
Status Mover::FillActionsOf(std::string_view reader, const ActionOwner& owner, MovedSends* moved) {
  SOJOURN_ASSIGN_OR_RETURN(const bool known, log_->KnowsReader(reader));
  moved->never_sent = !known;
  if (!known) return Status::Ok();
  readers_.push_back(reader);
  SOJOURN_ASSIGN_OR_RETURN(embedded::Cursors cursors, log_->ReadCursors(reader));
  cursors.resize(static_cast<size_t>(log_->partition_count()), Offset(0));
  for (int32_t p = 0; p < log_->partition_count(); ++p) {
    SOJOURN_RETURN_IF_ERROR(VisitLeftActions(
        log_.get(), Partition(p), cursors[static_cast<size_t>(p)], owner,
        [this, moved](const LeftAction& left) { return FillAction(left, moved); }));
  }
  return Status::Ok();
}

Status Mover::FillAction(const LeftAction& left, MovedSends* moved) {
  SOJOURN_ASSIGN_OR_RETURN(const size_t action, filler_->AddAction(left.action));
  const bool failed = left.record && left.record->state == deliver::DeliveryState::kFailed;
  ++(failed ? moved->failed : moved->open);
  if (left.record) tried_.push_back({action, *left.record});
  return Status::Ok();
}

// All that the topics hold is for those deliverers that worked on the directory.
Status Mover::FillReaders() {
  if (readers_.empty()) return Status::Ok();
  kafka::ReaderStarts starts;
  const std::vector<Offset> ends(static_cast<size_t>(partition_count_), Offset(0));
  kafka::AddReaders(readers_, ends, &starts);
  return filler_->AddNote(kafka::kReaderStartsNote, kafka::EncodeReaderStarts(starts));
}

Status Mover::FillDeliveries() {
  if (tried_.empty()) return Status::Ok();
  SOJOURN_RETURN_IF_ERROR(filler_->AwaitActions());
  for (Tried& tried : tried_) {
    tried.record.place = filler_->PlaceOf(tried.action);
    SOJOURN_RETURN_IF_ERROR(filler_->AddDelivery(tried.record));
  }
  return Status::Ok();
}

Status Mover::FillEvents() {
  SOJOURN_ASSIGN_OR_RETURN(const auto unread, UnreadEvents::Open(log_.get(), applied_));
  while (true) {
    Partition partition(0);
    SOJOURN_ASSIGN_OR_RETURN(const runtime::InputRecord* record, unread->Next(&partition));
    if (record == nullptr) return Status::Ok();
    const runtime::OriginalPlace place{std::string(embedded::kEventsTopic), partition,
                                       record->offset, record->log_time};
    SOJOURN_RETURN_IF_ERROR(filler_->AddEvent(record->key, record->value, place));
    ++moved_.events;
  }
}

Status Mover::FillPeople() {
  return log_->ScanPersons(
      [this](std::string_view id, std::string_view record) { return FillPerson(id, record); });
}

Status Mover::FillPerson(std::string_view id, std::string_view record) {
  model::Person person;
  person.id = id;
  const Status read = store::DecodePerson(record, &person);
  if (!read.ok()) {
    return Status(read.code(),
                  fmt::format("{}: the person {}: {}", directory_, id, read.message()));
  }
  const auto partition = static_cast<size_t>(PartitionOfKey(id, partition_count_));
  if (!metas_[partition]) {
    return DataLoss(fmt::format("{}: the person {} is in a partition that says nothing of itself",
                                directory_, id));
  }
  ++metas_[partition]->persons;
  ++moved_.people;
  if (person.backfills.empty()) return filler_->AddPerson(id, record);
  // It counts places of this log, and nobody will end it.
  ++moved_.dropped_backfills;
  person.backfills.Clear();
  std::string bytes;
  SOJOURN_RETURN_IF_ERROR(store::EncodePerson(person, &bytes));
  return filler_->AddPerson(id, bytes);
}

Status Mover::FillMetas(Timestamp now) {
  for (size_t p = 0; p < metas_.size(); ++p) {
    if (!metas_[p]) continue;
    metas_[p]->written_at = now;
    SOJOURN_RETURN_IF_ERROR(filler_->AddMeta(Partition(static_cast<int32_t>(p)), *metas_[p]));
  }
  return Status::Ok();
}

Status Mover::Fill(Timestamp now) {
  SOJOURN_RETURN_IF_ERROR(filler_->Begin());
  SOJOURN_RETURN_IF_ERROR(FillActions());
  SOJOURN_RETURN_IF_ERROR(FillReaders());
  SOJOURN_RETURN_IF_ERROR(FillDeliveries());
  SOJOURN_RETURN_IF_ERROR(FillRules());
  SOJOURN_RETURN_IF_ERROR(FillNotes());
  SOJOURN_RETURN_IF_ERROR(FillSuppressions());
  SOJOURN_RETURN_IF_ERROR(FillDeadLetters());
  SOJOURN_RETURN_IF_ERROR(FillEvents());
  SOJOURN_RETURN_IF_ERROR(FillPeople());
  return FillMetas(now);
}

Status Mover::Commit() {
  const runtime::CommitResult result = filler_->Commit();
  if (result.outcome != runtime::CommitOutcome::kUncertain) return result.status;
  // Whoever opens it next settles what was left open.
  SOJOURN_ASSIGN_OR_RETURN(filler_,
                           kafka::TopicFiller::Open(config_.kafka, partition_count_, observer_));
  SOJOURN_ASSIGN_OR_RETURN(const bool moved, WasMoved(note_));
  return moved ? Status::Ok() : result.status;
}

Result<Moved> Mover::Move(Timestamp now) {
  SOJOURN_RETURN_IF_ERROR(Open());
  SOJOURN_ASSIGN_OR_RETURN(moved_.before, WasMoved(note_));
  if (moved_.before) return moved_;
  SOJOURN_RETURN_IF_ERROR(ReadPartitions());
  SOJOURN_RETURN_IF_ERROR(CheckKeys());
  SOJOURN_ASSIGN_OR_RETURN(const bool signs, SignsWithSecretOf(directory_, config_));
  moved_.signs_otherwise = config_.webhooks.send && !signs;
  SOJOURN_RETURN_IF_ERROR(CheckUnread());
  SOJOURN_ASSIGN_OR_RETURN(const std::vector<std::string> occupied, filler_->FindOccupied());
  if (!occupied.empty()) {
    return FailedPrecondition(
        fmt::format("app {} is not new over Kafka: there are {}; move to new topics: delete these, "
                    "or configure another cluster",
                    config_.app, fmt::join(occupied, ", ")));
  }
  SOJOURN_RETURN_IF_ERROR(Note(now));
  Status filled = Fill(now);
  if (filled.ok()) filled = Commit();
  if (!filled.ok()) return Unfinished(filled);
  return moved_;
}

Status Mover::Abandon() {
  SOJOURN_RETURN_IF_ERROR(Open());
  if (note_.empty()) {
    return FailedPrecondition(directory_ +
                              " was never about to be moved: there is nothing to undo");
  }
  SOJOURN_ASSIGN_OR_RETURN(const bool moved, WasMoved(note_));
  if (moved) {
    return FailedPrecondition(fmt::format(
        "{} was moved as a whole: its people are over Kafka now, and two logs would mail them "
        "twice; delete the topics of app {} first if they are to be given up",
        directory_, config_.app));
  }
  return log_->WriteNote(embedded::kMovedNote, "");
}

}  // namespace

Result<Moved> MoveToKafka(const Config& config, const std::string& directory, Timestamp now,
                          kafka::KafkaObserver* observer) {
  return Mover(config, directory, observer).Move(now);
}

Status AbandonMove(const Config& config, const std::string& directory,
                   kafka::KafkaObserver* observer) {
  return Mover(config, directory, observer).Abandon();
}

}  // namespace sojourn::cli
