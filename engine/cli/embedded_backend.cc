#include <fmt/format.h>

#include <mutex>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/hash.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/backend.h"
#include "engine/model/action_codec.h"
#include "engine/model/event_codec.h"
#include "engine/model/event_id.h"
#include "engine/store/partition_meta.h"

namespace sojourn::cli {
namespace {

constexpr size_t kFetchRecords = 1000;

class EmbeddedBackend final : public Backend {
 public:
  // `moved`: why nothing may be done with it any more, where its people were moved to Kafka.
  EmbeddedBackend(std::unique_ptr<embedded::EmbeddedLog> log, Status moved)
      : log_(std::move(log)), moved_(std::move(moved)) {}

  int32_t partition_count() const override { return log_->partition_count(); }

  Result<BackendWorker> MakeWorker(int index, int count) override {
    SOJOURN_RETURN_IF_ERROR(moved_);
    auto ports =
        std::make_shared<embedded::EmbeddedLog::WorkerPorts>(log_->MakeWorkerPorts(index, count));
    BackendWorker worker;
    worker.input = ports->input.get();
    worker.committer = ports->committer.get();
    worker.keeper = ports->keeper.get();
    worker.decoder = log_->MakeDecoder();
    worker.owner = std::move(ports);
    return worker;
  }

  runtime::BundleStore* bundles() override { return log_->bundles(); }
  Result<std::optional<Timestamp>> BundleStoredAt(uint32_t number) override {
    SOJOURN_ASSIGN_OR_RETURN(const std::string text,
                             log_->ReadNote(embedded::BundleTimeNote(number)));
    return ParseRfc3339(text);
  }

  Status AppendBoth(std::span<const model::Event> events,
                    std::span<const runtime::DeadLetter> letters) override {
    if (!events.empty()) SOJOURN_RETURN_IF_ERROR(moved_);
    return log_->AppendWithLetters(events, letters);
  }

  Status VisitNewestIds(const IdVisitor& visit) override {
    return log_->VisitNewest([&](const embedded::StoredRecord& record) {
      return visit(record.key, model::ReadEventId(record.event), record.log_time);
    });
  }

  Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) override {
    return log_->AppendDeadLetters(letters);
  }
  Status ScanPersons(const PersonVisitor& visit) override { return log_->ScanPersons(visit); }
  bool ShowsPersonsOnce() const override { return true; }
  Result<std::optional<std::string>> ReadPerson(const std::string& id, Duration) override {
    return log_->ReadPerson(id);
  }
  Result<int32_t> LogParts() override { return log_->partition_count(); }
  Result<LogScan> ScanLog(int32_t part, Offset from, const std::string& person,
                          const LogVisitor& visit) override {
    LogScan scan{from, from, false};
    if (!person.empty() && PartitionOfKey(person, partition_count()) != part) {
      scan.ended = true;
      return scan;
    }
    const auto input = log_->MakeWorkerPorts(0, 1).input;
    const runtime::PartitionPositions position{Partition(part), {from}};
    SOJOURN_RETURN_IF_ERROR(input->SetPositions({&position, 1}));
    while (true) {
      SOJOURN_ASSIGN_OR_RETURN(const auto fetched,
                               input->Fetch(position.partition, 0, kFetchRecords));
      for (const runtime::InputRecord& record : fetched.records) {
        if (scan.next == from) scan.first = record.offset;
        scan.next = Offset(record.offset.value() + 1);
        // Brackets of imports are nobody's.
        if (record.key.empty() || (!person.empty() && record.key != person)) continue;
        if (!visit({embedded::kEventsTopic, position.partition, record.offset, record.log_time,
                    record.key, record.value})) {
          return scan;
        }
      }
      scan.ended = fetched.at_end;
      if (fetched.at_end) return scan;
    }
  }
  Result<std::optional<LogProgress>> ProgressOf(int32_t part) override {
    SOJOURN_ASSIGN_OR_RETURN(const auto bytes, log_->ReadMeta(Partition(part)));
    if (!bytes) return std::optional<LogProgress>({Offset(0), Timestamp::Min()});
    SOJOURN_ASSIGN_OR_RETURN(const store::PartitionMeta meta, store::DecodePartitionMeta(*bytes));
    const Offset next = meta.inputs.empty() ? Offset(0) : meta.inputs.front().next_offset;
    return std::optional<LogProgress>({next, meta.watermark, meta.bundle});
  }
  Result<PoolsOfPartition> ReadPools(Partition partition) override {
    SOJOURN_ASSIGN_OR_RETURN(const auto bytes, log_->ReadMeta(partition));
    PoolsOfPartition pools;
    if (!bytes) return pools;
    SOJOURN_ASSIGN_OR_RETURN(const store::PartitionMeta meta, store::DecodePartitionMeta(*bytes));
    SOJOURN_ASSIGN_OR_RETURN(pools.taken, log_->ReadTakenCodes(partition, meta));
    pools.pools = meta.coupons;
    return pools;
  }
  Result<std::string> ReadNote(const std::string& name) override { return log_->ReadNote(name); }
  Status WriteNote(const std::string& name, const std::string& text) override {
    return log_->WriteNote(name, text);
  }

  Result<bool> IsEmpty() override { return log_->empty(); }

  Result<ImportLedger> FindImports(const std::string& fingerprint) override {
    ImportLedger ledger;
    for (const ImportMode mode : kImportModes) {
      SOJOURN_ASSIGN_OR_RETURN(const auto state,
                               log_->FindImport(ImportKeyOf({fingerprint, mode, ""})));
      ledger[mode] = state ? ProgressOf(*state) : ImportProgress();
    }
    return ledger;
  }

  Status AppendImport(const ImportIdentity& identity, const ImportPiece& piece) override {
    SOJOURN_RETURN_IF_ERROR(moved_);
    const std::lock_guard lock(import_mutex_);
    Arena arena;
    std::vector<embedded::ImportRecord> records;
    records.reserve(piece.events.size());
    for (const ImportedEvent& event : piece.events) {
      SOJOURN_ASSIGN_OR_RETURN(
          const model::Event decoded,
          decoder_.Decode(model::EventFormat::kProtobuf, event.bytes, event.time, &arena));
      records.push_back({decoded, event.time});
    }
    const std::string key = ImportKeyOf(identity);
    SOJOURN_ASSIGN_OR_RETURN(const auto state, log_->FindImport(key));
    embedded::ImportChunk chunk;
    chunk.fingerprint = key;
    if (state) chunk.continues = piece.position;
    chunk.state.position = piece.position + piece.events.size();
    chunk.state.replay = identity.mode == ImportMode::kReplay;
    chunk.state.finished = piece.last;
    chunk.state.dead_letters = piece.dead_letter_position + piece.dead_letters.size();
    chunk.state.begun_at = state ? state->begun_at : clock_.Now();
    chunk.state.name = identity.name;
    chunk.records = records;
    chunk.dead_letters = piece.dead_letters;
    return log_->AppendImport(chunk);
  }

  Result<std::optional<OpenReplay>> FindOpenReplay() override {
    SOJOURN_ASSIGN_OR_RETURN(const auto open, log_->FindOpenReplay());
    if (!open) return std::optional<OpenReplay>();
    auto identity = ParseImportKey(open->fingerprint);
    if (!identity) return DataLoss("the name of the import that replays is damaged");
    identity->name = open->state.name;
    return std::optional<OpenReplay>({*identity, ProgressOf(open->state)});
  }

  Status AbandonImport(const ImportIdentity& identity) override {
    return log_->AbandonImport(ImportKeyOf(identity));
  }

  Result<ActionCursors> ActionEnds() override { return log_->ActionEnds(); }

  Result<std::vector<CommittedAction>> ReadActions(ActionCursors* cursors, size_t max_count,
                                                   Duration timeout) override {
    cursors->resize(static_cast<size_t>(log_->partition_count()));
    if (timeout > Duration(0)) log_->WaitForActions(*cursors, timeout);
    std::vector<CommittedAction> actions;
    for (int32_t p = 0; p < log_->partition_count() && actions.size() < max_count; ++p) {
      Offset& next = (*cursors)[static_cast<size_t>(p)];
      SOJOURN_ASSIGN_OR_RETURN(const auto stored,
                               log_->ReadActions(Partition(p), next, max_count - actions.size()));
      for (const embedded::StoredAction& entry : stored) {
        SOJOURN_ASSIGN_OR_RETURN(const model::Action action, model::DecodeAction(entry.bytes));
        actions.push_back({entry.partition, entry.offset, model::ActionToJson(action)});
        next = Offset(entry.offset.value() + 1);
      }
    }
    return actions;
  }

  Result<std::vector<runtime::DeadLetter>> ReadDeadLetters(LetterCursors* cursors,
                                                           size_t max_count) override {
    const int32_t intake = log_->partition_count();
    cursors->resize(static_cast<size_t>(intake) + 1);
    std::vector<runtime::DeadLetter> letters;
    for (int32_t p = 0; p <= intake && letters.size() < max_count; ++p) {
      Offset& next = (*cursors)[static_cast<size_t>(p)];
      SOJOURN_ASSIGN_OR_RETURN(
          auto stored, log_->ReadDeadLetters(Partition(p), next, max_count - letters.size()));
      for (embedded::StoredDeadLetter& entry : stored) {
        letters.push_back(std::move(entry.letter));
        next = Offset(entry.offset.value() + 1);
      }
    }
    return letters;
  }

  Status ScanDeliveries(Partition partition, Offset from, const DeliveryVisitor& visit) override {
    return log_->VisitDeliveries(partition, from, visit);
  }
  bool deliveries_come_once() const override { return true; }

  Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog(
      const std::string& reader) override {
    SOJOURN_RETURN_IF_ERROR(moved_);
    return log_->MakeDeliveryLog(reader);
  }

  Result<deliver::SuppressionList*> suppressions() override { return log_->suppressions(); }

  Status Health() override { return log_->Health(); }
  Status ApplyRetention() override { return log_->ApplyRetention(); }

  Status CopyTo(const std::string& directory) override { return log_->Checkpoint(directory); }

  std::vector<std::pair<std::string, int64_t>> Sizes() override {
    const store::DatabaseSizes sizes = log_->Sizes();
    return {{"disk", static_cast<int64_t>(sizes.disk_bytes)},
            {"write_buffers", static_cast<int64_t>(sizes.write_buffer_bytes)},
            {"block_cache", static_cast<int64_t>(sizes.cached_block_bytes)}};
  }

 private:
  static ImportProgress ProgressOf(const embedded::ImportState& state) {
    ImportProgress progress{true,           state.finished,     state.abandoned,
                            state.position, state.dead_letters, std::nullopt};
    if (state.begun_at > Timestamp(0)) progress.begun_at = state.begun_at;
    return progress;
  }

  std::unique_ptr<embedded::EmbeddedLog> log_;
  const Status moved_;
  const runtime::SystemClock clock_;
  std::mutex import_mutex_;
  model::EventDecoder decoder_;  // guarded by import_mutex_
};

}  // namespace

Result<std::unique_ptr<Backend>> OpenEmbeddedBackend(const Config& config, bool need_existing) {
  embedded::EmbeddedOptions options;
  options.directory = config.data;
  options.app = config.app;
  options.partition_count = config.partitions;
  options.create_if_missing = !need_existing;
  options.retention = config.retention;
  SOJOURN_ASSIGN_OR_RETURN(auto log, embedded::EmbeddedLog::Open(options));
  SOJOURN_ASSIGN_OR_RETURN(const std::string moved, log->ReadNote(embedded::kMovedNote));
  const Status refusal =
      moved.empty()
          ? Status::Ok()
          : FailedPrecondition(fmt::format(
                "{} was moved to Kafka, or was about to be, and two logs would mail everybody "
                "twice: run sojourn with the configuration of Kafka; sojourn migrate-to-kafka ends "
                "a move that was interrupted, or gives it up with --abandon",
                config.data));
  return std::unique_ptr<Backend>(std::make_unique<EmbeddedBackend>(std::move(log), refusal));
}

Result<std::unique_ptr<Backend>> OpenBackend(const Config& config, bool need_existing,
                                             kafka::KafkaObserver* observer) {
  return config.log == LogKind::kKafka ? OpenKafkaBackend(config, observer)
                                       : OpenEmbeddedBackend(config, need_existing);
}

}  // namespace sojourn::cli
