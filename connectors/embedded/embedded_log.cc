#include "connectors/embedded/embedded_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "connectors/embedded/bundle_rows.h"
#include "connectors/embedded/deliveries.h"
#include "connectors/embedded/newest.h"
#include "connectors/embedded/retention.h"
#include "connectors/embedded/rows.h"
#include "connectors/embedded/shared.h"
#include "connectors/embedded/suppressions.h"
#include "connectors/embedded/worker_ports.h"
#include "engine/base/hash.h"
#include "engine/store/keys.h"
#include "engine/store/rocks_database.h"

namespace sojourn::embedded {
namespace {

Result<std::unique_ptr<store::Database>> OpenDatabase(DataDirectory* directory,
                                                      store::RocksOptions options) {
  if (directory->is_new()) {
    SOJOURN_RETURN_IF_ERROR(directory->Make([&](const std::string& path) {
      options.directory = path;
      return store::OpenRocksDatabase(options).status();
    }));
  }
  options.directory = directory->database_path();
  options.create_if_missing = false;
  auto database = store::OpenRocksDatabase(options);
  if (database.status().code() != StatusCode::kNotFound) return database;
  return DataLoss(
      fmt::format("{} is empty; restore the directory from a backup", options.directory));
}

class Log final : public EmbeddedLog {
 public:
  Status Open(const EmbeddedOptions& options);

  int32_t partition_count() const override { return shared_.partition_count(); }

  Result<std::vector<AppendedPlace>> Append(std::span<const model::Event> events) override {
    return shared_.writer->Append(events);
  }
  Status VisitNewest(const RecordVisitor& visit) override {
    return embedded::VisitNewest(&shared_, visit);
  }
  bool empty() const override { return shared_.writer->empty(); }
  Result<std::optional<ImportState>> FindImport(std::string_view fingerprint) override {
    return shared_.writer->FindImport(fingerprint);
  }
  Status AppendImport(const ImportChunk& chunk) override;
  Result<std::optional<OpenReplay>> FindOpenReplay() override {
    return shared_.writer->FindOpenReplay();
  }
  Status AbandonImport(std::string_view fingerprint) override {
    return shared_.writer->AbandonImport(fingerprint);
  }

  Result<std::vector<StoredAction>> ReadActions(Partition partition, Offset from,
                                                size_t max_count) override;
  Cursors ActionEnds() const override;
  bool WaitForActions(const Cursors& seen, Duration timeout) override;
  Result<Cursors> ReadCursors(std::string_view reader) override;
  Status WriteCursors(std::string_view reader, const Cursors& cursors) override;
  Result<bool> KnowsReader(std::string_view reader) override;
  Result<std::string> ReadNote(std::string_view name) override;
  Result<std::map<std::string, std::string>> ReadNotes() override;
  Status WriteNote(std::string_view name, std::string_view text) override;
  Result<std::vector<StoredDeadLetter>> ReadDeadLetters(Partition partition, Offset from,
                                                        size_t max_count) override;
  Status VisitDeliveries(Partition partition, Offset from,
                         const std::function<bool(deliver::DeliveryRecord)>& visit) override {
    return embedded::VisitDeliveries(&shared_, partition, from, visit);
  }
  Status AppendWithLetters(std::span<const model::Event> events,
                           std::span<const runtime::DeadLetter> letters) override;
  Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) override;
  Result<std::optional<std::string>> ReadPerson(std::string_view id) override;
  Status ScanPersons(const PersonVisitor& visit) override;
  Result<std::optional<std::string>> ReadMeta(Partition partition) override;
  Result<store::TakenCodes> ReadTakenCodes(Partition partition,
                                           const store::PartitionMeta& meta) override;

  WorkerPorts MakeWorkerPorts(int index, int count) override {
    return {std::make_unique<EmbeddedInput>(&shared_, index, count),
            std::make_unique<EmbeddedCommitter>(&shared_),
            std::make_unique<EmbeddedKeeper>(&shared_)};
  }
  std::unique_ptr<runtime::Decoder> MakeDecoder() override {
    return std::make_unique<EmbeddedDecoder>();
  }
  Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog(std::string reader) override {
    SOJOURN_ASSIGN_OR_RETURN(auto log, EmbeddedDeliveries::Open(&shared_, std::move(reader)));
    return std::unique_ptr<deliver::DeliveryLog>(std::move(log));
  }
  deliver::SuppressionList* suppressions() override { return &suppressions_; }
  runtime::BundleStore* bundles() override { return bundles_.get(); }

  Status Health() override {
    SOJOURN_RETURN_IF_ERROR(shared_.database->failure());
    return shared_.CheckRoom();
  }
  Status ApplyRetention() override {
    if (!shared_.options.retention.has_value()) return Status::Ok();
    return DeleteOldRows(&shared_, *shared_.options.retention);
  }
  store::DatabaseSizes Sizes() override { return shared_.database->Sizes(); }
  Status Checkpoint(const std::string& directory) override;

 private:
  Status OpenWriter();
  // Adds the intake's dead letters to `batch`; gives their end once it is written.
  Offset AddDeadLetters(std::span<const runtime::DeadLetter> letters, store::WriteBatch* batch);

  Shared shared_;
  std::unique_ptr<EmbeddedBundles> bundles_;
  EmbeddedSuppressions suppressions_{&shared_};
  std::mutex intake_letters_;  // one appender to the intake's dead letters at a time
};

Status Log::Open(const EmbeddedOptions& options) {
  if (options.partition_count < 1) return InvalidArgument("a log needs at least one partition");
  shared_.options = options;
  shared_.clock = options.clock != nullptr ? options.clock : &shared_.system_clock;
  SOJOURN_ASSIGN_OR_RETURN(shared_.directory, DataDirectory::Open(options.directory,
                                                                  {kDirectoryFormat, options.app,
                                                                   options.partition_count},
                                                                  options.create_if_missing));
  store::RocksOptions rocks;
  rocks.extra_families = {{"log"},           {"actions"},    {"dead_letters"},
                          {"control", true}, {"deliveries"}, {"suppressions"}};
  rocks.memory = store::NewRocksMemory(options.block_cache_bytes, options.write_buffer_bytes);
  SOJOURN_ASSIGN_OR_RETURN(auto database, OpenDatabase(shared_.directory.get(), rocks));
  if (options.wrap_database) database = options.wrap_database(std::move(database));
  shared_.database = std::make_unique<FailStopDatabase>(std::move(database));
  bundles_ = std::make_unique<EmbeddedBundles>(shared_.database.get());
  shared_.action_ends = std::make_unique<RowEnds>(partition_count());
  // One more: the intake's.
  shared_.dead_letter_ends = std::make_unique<RowEnds>(partition_count() + 1);
  for (int32_t p = 0; p <= partition_count(); ++p) {
    if (p < partition_count()) {
      SOJOURN_ASSIGN_OR_RETURN(const Offset actions,
                               FindEnd(shared_.database.get(), kActionsFamily, Partition(p)));
      shared_.action_ends->Set(Partition(p), actions);
    }
    SOJOURN_ASSIGN_OR_RETURN(const Offset letters,
                             FindEnd(shared_.database.get(), kDeadLettersFamily, Partition(p)));
    shared_.dead_letter_ends->Set(Partition(p), letters);
  }
  return OpenWriter();
}

Status Log::OpenWriter() {
  LogWriterOptions writer;
  writer.partition_count = partition_count();
  writer.check_room = [this] { return shared_.CheckRoom(); };
  writer.on_written = [this] { shared_.appended.Raise(); };
  writer.clock = shared_.clock;
  SOJOURN_ASSIGN_OR_RETURN(shared_.writer,
                           LogWriter::Open(shared_.database.get(), std::move(writer)));
  return Status::Ok();
}

// ---- readers ---------------------------------------------------------------------------------

Result<std::vector<StoredAction>> Log::ReadActions(Partition partition, Offset from,
                                                   size_t max_count) {
  std::vector<StoredAction> actions;
  const auto rows = shared_.database->NewIterator(
      kActionsFamily, RowRange(partition, from, shared_.action_ends->Get(partition)));
  for (rows->SeekToFirst(); rows->Valid() && actions.size() < max_count; rows->Next()) {
    const std::optional<Offset> offset = OffsetOfRowKey(rows->key());
    if (!offset.has_value()) return DataLoss("a key of the embedded log is damaged");
    SOJOURN_ASSIGN_OR_RETURN(const ActionRow row, DecodeActionRow(rows->value()));
    actions.push_back({partition, *offset, row.committed_at, std::string(row.action)});
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return actions;
}

Cursors Log::ActionEnds() const {
  Cursors ends;
  for (int32_t p = 0; p < partition_count(); ++p) {
    ends.push_back(shared_.action_ends->Get(Partition(p)));
  }
  return ends;
}

bool Log::WaitForActions(const Cursors& seen, Duration timeout) {
  const auto reach_behind = [&] {
    const Cursors ends = ActionEnds();
    for (size_t p = 0; p < ends.size(); ++p) {
      if (ends[p] > (p < seen.size() ? seen[p] : Offset(0))) return true;
    }
    return false;
  };
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline =
      Clock::now() + std::chrono::milliseconds(timeout.milliseconds());
  while (true) {
    const uint64_t count = shared_.committed.count();
    if (reach_behind()) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    shared_.committed.WaitBeyond(count, Milliseconds(left));
  }
}

Result<Cursors> Log::ReadCursors(std::string_view reader) {
  SOJOURN_ASSIGN_OR_RETURN(const auto row,
                           shared_.database->Get(kControlFamily, ReaderKey(reader)));
  const size_t count = static_cast<size_t>(partition_count());
  if (!row.has_value()) return Cursors(count, Offset(0));
  SOJOURN_ASSIGN_OR_RETURN(Cursors cursors, DecodeCursors(*row));
  cursors.resize(count, Offset(0));
  return cursors;
}

Status Log::WriteCursors(std::string_view reader, const Cursors& cursors) {
  store::WriteBatch batch;
  batch.Put(kControlFamily, ReaderKey(reader), EncodeCursors(cursors));
  return shared_.database->Write(batch, store::Sync::kYes);
}

Result<bool> Log::KnowsReader(std::string_view reader) {
  SOJOURN_ASSIGN_OR_RETURN(const auto row,
                           shared_.database->Get(kControlFamily, ReaderKey(reader)));
  return row.has_value();
}

Result<std::string> Log::ReadNote(std::string_view name) {
  SOJOURN_ASSIGN_OR_RETURN(const auto row, shared_.database->Get(kControlFamily, NoteKey(name)));
  return row.value_or("");
}

Status Log::WriteNote(std::string_view name, std::string_view text) {
  SOJOURN_RETURN_IF_ERROR(shared_.CheckRoom());
  store::WriteBatch batch;
  batch.Put(kControlFamily, NoteKey(name), text);
  return shared_.database->Write(batch, store::Sync::kYes);
}

Result<std::map<std::string, std::string>> Log::ReadNotes() {
  std::map<std::string, std::string> notes;
  const std::string prefix = NoteKey("");
  const auto rows = shared_.database->NewIterator(kControlFamily, {prefix, "note;"});
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    notes.emplace(rows->key().substr(prefix.size()), rows->value());
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return notes;
}

Result<std::vector<StoredDeadLetter>> Log::ReadDeadLetters(Partition partition, Offset from,
                                                           size_t max_count) {
  std::vector<StoredDeadLetter> letters;
  if (from >= shared_.dead_letter_ends->Get(partition)) return letters;
  const auto rows = shared_.database->NewIterator(
      kDeadLettersFamily, RowRange(partition, from, shared_.dead_letter_ends->Get(partition)));
  for (rows->SeekToFirst(); rows->Valid() && letters.size() < max_count; rows->Next()) {
    const std::optional<Offset> offset = OffsetOfRowKey(rows->key());
    if (!offset.has_value()) return DataLoss("a key of the embedded log is damaged");
    SOJOURN_ASSIGN_OR_RETURN(runtime::DeadLetter letter, DecodeDeadLetter(rows->value()));
    letters.push_back({*offset, std::move(letter)});
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return letters;
}

Result<std::optional<std::string>> Log::ReadPerson(std::string_view id) {
  const Partition partition(PartitionOfKey(id, partition_count()));
  return shared_.database->Get(store::kStateFamily, store::StateKey(partition, id));
}

Status Log::AppendDeadLetters(std::span<const runtime::DeadLetter> letters) {
  SOJOURN_RETURN_IF_ERROR(shared_.CheckRoom());
  const std::lock_guard lock(intake_letters_);
  store::WriteBatch batch;
  const Offset end = AddDeadLetters(letters, &batch);
  SOJOURN_RETURN_IF_ERROR(shared_.database->Write(batch, store::Sync::kYes));
  shared_.dead_letter_ends->Set(Partition(partition_count()), end);
  return Status::Ok();
}

Status Log::AppendWithLetters(std::span<const model::Event> events,
                              std::span<const runtime::DeadLetter> letters) {
  if (letters.empty()) return shared_.writer->Append(events).status();
  if (events.empty()) return AppendDeadLetters(letters);
  const std::lock_guard lock(intake_letters_);
  store::WriteBatch batch;
  const Offset end = AddDeadLetters(letters, &batch);
  SOJOURN_RETURN_IF_ERROR(shared_.writer->AppendWith(events, &batch));
  shared_.dead_letter_ends->Set(Partition(partition_count()), end);
  return Status::Ok();
}

Status Log::AppendImport(const ImportChunk& chunk) {
  if (chunk.dead_letters.empty()) return shared_.writer->AppendImport(chunk, nullptr);
  const std::lock_guard lock(intake_letters_);
  store::WriteBatch batch;
  const Offset end = AddDeadLetters(chunk.dead_letters, &batch);
  SOJOURN_RETURN_IF_ERROR(shared_.writer->AppendImport(chunk, &batch));
  shared_.dead_letter_ends->Set(Partition(partition_count()), end);
  return Status::Ok();
}

Offset Log::AddDeadLetters(std::span<const runtime::DeadLetter> letters, store::WriteBatch* batch) {
  const Partition intake(partition_count());
  int64_t end = shared_.dead_letter_ends->Get(intake).value();
  for (const runtime::DeadLetter& letter : letters) {
    batch->Put(kDeadLettersFamily, RowKey(intake, Offset(end++)), EncodeDeadLetter(letter));
  }
  return Offset(end);
}

Status Log::ScanPersons(const PersonVisitor& visit) {
  const auto rows = shared_.database->NewIterator(store::kStateFamily, {});
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const std::optional<std::string_view> id = store::PersonOfStateKey(rows->key());
    if (!id.has_value()) return DataLoss("a key of the state is damaged");
    SOJOURN_RETURN_IF_ERROR(visit(*id, rows->value()));
  }
  return rows->status();
}

Result<std::optional<std::string>> Log::ReadMeta(Partition partition) {
  return shared_.database->Get(store::kMetaFamily, store::PartitionMetaKey(partition));
}

Result<store::TakenCodes> Log::ReadTakenCodes(Partition partition,
                                              const store::PartitionMeta& meta) {
  return store::ReadTakenCodes(shared_.database.get(), partition, meta);
}

Status Log::Checkpoint(const std::string& directory) {
  SOJOURN_RETURN_IF_ERROR(shared_.directory->MakeCopy(directory));
  return shared_.database->Checkpoint(directory + "/database");
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::Open(const EmbeddedOptions& options) {
  auto log = std::make_unique<Log>();
  SOJOURN_RETURN_IF_ERROR(log->Open(options));
  return std::unique_ptr<EmbeddedLog>(std::move(log));
}

}  // namespace sojourn::embedded
