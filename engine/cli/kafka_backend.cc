#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <mutex>
#include <thread>

#include "connectors/kafka/bundle_store.h"
#include "connectors/kafka/changelog.h"
#include "connectors/kafka/cluster.h"
#include "connectors/kafka/dead_letter.h"
#include "connectors/kafka/deliveries.h"
#include "connectors/kafka/delivery_readers.h"
#include "connectors/kafka/delivery_topic.h"
#include "connectors/kafka/event_producer.h"
#include "connectors/kafka/notes.h"
#include "connectors/kafka/reader.h"
#include "connectors/kafka/record_decoder.h"
#include "connectors/kafka/route_progress.h"
#include "connectors/kafka/router.h"
#include "connectors/kafka/schema_lookup.h"
#include "connectors/kafka/suppressions.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/worker.h"
#include "engine/base/hash.h"
#include "engine/cli/backend.h"
#include "engine/cli/kafka_imports.h"
#include "engine/cli/patience.h"
#include "engine/cli/topic_events.h"
#include "engine/model/action_codec.h"
#include "engine/store/rocks_database.h"

namespace sojourn::cli {
namespace {

// What the workers took in and have not written yet must find room.
constexpr uint64_t kMinFreeBytes = 64u << 20;

kafka::StateDatabases MakeDatabases(const std::string& directory) {
  const auto path = [directory](Partition partition) {
    return fmt::format("{}/state-{}", directory, partition.value());
  };
  auto memory = store::NewRocksMemory(64u << 20, 64u << 20);
  return kafka::StateDatabases(
      [path, memory](Partition partition) {
        return store::OpenRocksDatabase({.directory = path(partition), .memory = memory});
      },
      [path](Partition partition) { return store::DestroyRocksDatabase(path(partition)); });
}

class KafkaBackend final : public Backend {
 public:
  KafkaBackend(const Config& config, kafka::KafkaObserver* observer, int32_t partition_count)
      : config_(config),
        observer_(observer),
        partition_count_(partition_count),
        databases_(MakeDatabases(config.data)),
        decoder_(kafka::RegistryOf(config.kafka)) {}

  Status Start() {
    std::error_code error;
    std::filesystem::create_directories(config_.data, error);
    if (error) {
      return FailedPrecondition(
          fmt::format("data: cannot make the directory {}: {}", config_.data, error.message()));
    }
    SOJOURN_ASSIGN_OR_RETURN(cluster_, kafka::Cluster::Connect(config_.kafka, observer_));
    SOJOURN_ASSIGN_OR_RETURN(producer_, kafka::EventProducer::Open(config_.kafka, observer_));
    SOJOURN_ASSIGN_OR_RETURN(reader_, kafka::PartitionReader::Open(config_.kafka, observer_));
    SOJOURN_ASSIGN_OR_RETURN(bundles_, kafka::KafkaBundleStore::Open(config_.kafka, observer_));
    imports_ = std::make_unique<KafkaImports>(&config_, partition_count_, producer_.get(),
                                              cluster_.get(), reader_.get());
    return Status::Ok();
  }

  int32_t partition_count() const override { return partition_count_; }

  Result<BackendWorker> MakeWorker(int index, int) override {
    has_workers_ = true;
    SOJOURN_RETURN_IF_ERROR(FollowRoutes());
    auto ports = std::make_shared<kafka::KafkaWorker>(config_.kafka, kafka::StateOptions{}, index,
                                                      partition_count_, &databases_,
                                                      progress_.get(), &clock_, observer_);
    BackendWorker worker;
    worker.input = ports->input_log();
    worker.committer = ports->committer();
    worker.keeper = ports->state_keeper();
    std::unique_ptr<kafka::SchemaRegistry> registry = kafka::RegistryOf(config_.kafka);
    if (registry != nullptr) {
      registry = std::make_unique<kafka::SchemaLookup>(
          std::move(registry), [ports] { ports->input_log()->Wake(); }, observer_);
    }
    worker.decoder = std::make_unique<kafka::InputDecoder>(config_.kafka, std::move(registry));
    worker.questions = &questions_;
    worker.owner = std::move(ports);
    return worker;
  }

  runtime::BundleStore* bundles() override { return bundles_.get(); }

  Result<std::unique_ptr<kafka::Router>> MakeRouter() override {
    SOJOURN_RETURN_IF_ERROR(FollowRoutes());
    return std::make_unique<kafka::Router>(config_.kafka, partition_count_, config_.commit_interval,
                                           observer_);
  }

  Result<std::optional<Timestamp>> BundleStoredAt(uint32_t number) override {
    return bundles_->StoredAt(number);
  }

  Status AppendBoth(std::span<const model::Event> events,
                    std::span<const runtime::DeadLetter> letters) override {
    const std::string topic = kafka::EventsTopic(config_.kafka);
    const std::string letters_topic = kafka::DeadLettersTopic(config_.kafka);
    std::vector<std::string> values(events.size());
    std::vector<kafka::NewEvent> records(events.size());
    for (size_t i = 0; i < events.size(); ++i) {
      model::EncodeEvent(events[i], nullptr, &values[i]);
      records[i].topic = topic;
      records[i].key = events[i].person;
      records[i].value = values[i];
    }
    std::vector<kafka::DeadLetterRecord> contents;
    contents.reserve(letters.size());
    for (const runtime::DeadLetter& letter : letters) {
      const kafka::DeadLetterRecord& record = contents.emplace_back(kafka::RecordOf(letter));
      records.push_back({letters_topic, record.key, record.value, {}, nullptr, record.headers});
    }
    return producer_->Append(records);
  }

  Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) override {
    return AppendBoth({}, letters);
  }

  // The changelog holds every person's newest record.
  Status ScanPersons(const PersonVisitor& visit) override {
    const std::lock_guard lock(mutex_);
    for (int32_t p = 0; p < partition_count_; ++p) {
      SOJOURN_RETURN_IF_ERROR(ReadChangelog(Partition(p), Offset(0), visit).status());
    }
    return Status::Ok();
  }

  Status Health() override {
    std::error_code error;
    const auto space = std::filesystem::space(config_.data, error);
    if (error || space.available >= kMinFreeBytes) return Status::Ok();
    return ResourceExhausted(
        fmt::format("the disk of the data directory {} is nearly full: it has {} MiB left and "
                    "nothing is taken from the topics below {} MiB; make room there, and it goes "
                    "on by itself",
                    config_.data, space.available >> 20, kMinFreeBytes >> 20));
  }

  bool shows_commits() const override { return true; }
  Result<StateScan> ScanState(Partition partition, Offset from,
                              const PersonVisitor& visit) override {
    const std::lock_guard lock(mutex_);
    return ReadChangelog(partition, from, visit);
  }

  Result<PoolsOfPartition> ReadPools(Partition partition) override {
    const std::lock_guard lock(mutex_);
    const auto pass_over = [](std::string_view, std::string_view) { return Status::Ok(); };
    store::CodeRows rows;
    SOJOURN_ASSIGN_OR_RETURN(const StateScan scan,
                             ReadChangelog(partition, Offset(0), pass_over, &rows));
    PoolsOfPartition pools;
    if (!scan.meta) return pools;
    SOJOURN_ASSIGN_OR_RETURN(pools.taken, store::JoinTakenCodes(rows, *scan.meta));
    pools.pools = scan.meta->coupons;
    return pools;
  }

  // From the worker that has the person's partition; a command has none and looks for itself.
  Result<std::optional<std::string>> ReadPerson(const std::string& id, Duration patience) override {
    const Partition partition(PartitionOfKey(id, partition_count_));
    if (has_workers_) return questions_.Ask(partition, id, patience);
    const std::lock_guard lock(mutex_);
    std::optional<std::string> newest;
    const auto visit = [&](std::string_view person, std::string_view record) {
      if (person != id) return Status::Ok();
      newest = record.empty() ? std::nullopt : std::optional<std::string>(record);
      return Status::Ok();
    };
    SOJOURN_RETURN_IF_ERROR(ReadChangelog(partition, Offset(0), visit).status());
    return newest;
  }

  Result<std::string> ReadNote(const std::string& name) override {
    SOJOURN_ASSIGN_OR_RETURN(kafka::KafkaNotes* const notes, Notes());
    return notes->Read(name);
  }
  Result<std::string> ReadNewestNote(const std::string& name) override {
    SOJOURN_ASSIGN_OR_RETURN(kafka::KafkaNotes* const notes, Notes());
    return notes->ReadNewest(name);
  }
  Status WriteNote(const std::string& name, const std::string& text) override {
    SOJOURN_ASSIGN_OR_RETURN(kafka::KafkaNotes* const notes, Notes());
    return notes->Write(name, text);
  }

  Result<int32_t> LogParts() override {
    return partition_count_ * static_cast<int32_t>(kafka::InputTopicNames(config_.kafka).size());
  }

  // Dead letters are nobody's events.
  Result<LogScan> ScanLog(int32_t part, Offset from, const std::string& person,
                          const LogVisitor& visit) override {
    const std::lock_guard lock(mutex_);
    const auto input = static_cast<size_t>(part / partition_count_);
    const Partition partition(part % partition_count_);
    const std::string topic = kafka::InputTopicNames(config_.kafka)[input];
    if (!person.empty() && PartitionOfKey(person, partition_count_) != partition.value()) {
      return LogScan{.first = from, .next = from, .ended = true};
    }
    SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                             cluster_->QueryWatermarks(topic, partition));
    LogScan scan{std::max(from, watermarks.oldest), from};
    TopicEvents events(&decoder_, FormatOf(input), topic, partition, person, visit);
    Patience patience(kScanPatience);
    const auto visit_record = [&](const kafka::StoredRecord& record) {
      patience.Renew();
      scan.next = Offset(record.offset.value() + 1);
      SOJOURN_ASSIGN_OR_RETURN(const bool more, events.Show(record));
      return more ? Status::Ok() : Aborted("enough");
    };
    const Result<Offset> read = reader_->ReadTo(topic, partition, scan.first, watermarks.end,
                                                visit_record, patience.KeepGoing());
    scan.passed_over = events.passed_over();
    if (events.stopped()) return scan;
    if (!read.ok()) return Patience::Explain(read.status());
    scan.next = *read;
    scan.ended = true;
    return scan;
  }

  Result<bool> IsEmpty() override {
    const std::lock_guard lock(mutex_);
    for (const std::string& topic : kafka::InputTopicNames(config_.kafka)) {
      for (int32_t p = 0; p < partition_count_; ++p) {
        SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                                 cluster_->QueryWatermarks(topic, Partition(p)));
        if (watermarks.end > Offset(0)) return false;
      }
    }
    return true;
  }

  Result<ImportLedger> FindImports(const std::string& fingerprint) override {
    const std::lock_guard lock(mutex_);
    return imports_->Find(fingerprint);
  }

  Status AppendImport(const ImportIdentity& identity, const ImportPiece& piece) override {
    const std::lock_guard lock(mutex_);
    if (!piece.dead_letters.empty()) {
      SOJOURN_RETURN_IF_ERROR(AppendDeadLetters(piece.dead_letters));
    }
    return imports_->Append(identity, piece);
  }

  Result<std::optional<OpenReplay>> FindOpenReplay() override {
    const std::lock_guard lock(mutex_);
    return imports_->FindOpenReplay();
  }

  Status AbandonImport(const ImportIdentity& identity) override {
    const std::lock_guard lock(mutex_);
    return imports_->Abandon(identity);
  }

  Result<ActionCursors> ActionEnds() override {
    const std::lock_guard lock(mutex_);
    ActionCursors ends;
    for (int32_t p = 0; p < partition_count_; ++p) {
      SOJOURN_ASSIGN_OR_RETURN(
          const kafka::Watermarks watermarks,
          cluster_->QueryWatermarks(kafka::ActionsTopic(config_.kafka), Partition(p)));
      ends.push_back(watermarks.end);
    }
    return ends;
  }

  Result<std::vector<CommittedAction>> ReadActions(ActionCursors* cursors, size_t max_count,
                                                   Duration timeout) override {
    cursors->resize(static_cast<size_t>(partition_count_));
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout.milliseconds());
    while (true) {
      std::vector<CommittedAction> actions;
      SOJOURN_RETURN_IF_ERROR(ReadWhatIsThere(cursors, max_count, &actions));
      if (!actions.empty() || std::chrono::steady_clock::now() >= deadline) return actions;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  Result<std::vector<runtime::DeadLetter>> ReadDeadLetters(LetterCursors*, size_t) override {
    return FailedPrecondition(
        fmt::format("over Kafka, dead letters stand in the topic {}: read it with any client",
                    kafka::DeadLettersTopic(config_.kafka)));
  }

  Status ScanDeliveries(Partition partition, Offset from, const DeliveryVisitor& visit) override {
    const std::lock_guard lock(mutex_);
    const std::string topic = kafka::DeliveriesTopic(config_.kafka);
    SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                             cluster_->QueryWatermarks(topic, partition));
    Patience patience(kScanPatience);
    bool enough = false;
    const auto visit_record = [&](const kafka::StoredRecord& record) -> Status {
      patience.Renew();
      const auto offset = kafka::ParseOffset(record.key);  // the cursor is none
      if (!offset || *offset < from || !record.value) return Status::Ok();
      SOJOURN_ASSIGN_OR_RETURN(const deliver::DeliveryRecord decoded,
                               deliver::DecodeDelivery({partition, *offset}, *record.value));
      enough = !visit(decoded);
      return enough ? Aborted("enough") : Status::Ok();
    };
    const Status read = reader_
                            ->ReadTo(topic, partition, watermarks.oldest, watermarks.end,
                                     visit_record, patience.KeepGoing())
                            .status();
    return enough ? Status::Ok() : Patience::Explain(read);
  }

  Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog(
      const std::string& reader) override {
    SOJOURN_ASSIGN_OR_RETURN(const kafka::DeliveryReader found, kafka::FindDeliveryReader(reader));
    SOJOURN_ASSIGN_OR_RETURN(const kafka::ReaderStarts starts, OpenReaders(found.name));
    return std::unique_ptr<deliver::DeliveryLog>(std::make_unique<kafka::KafkaDeliveries>(
        config_.kafka, found, starts.find(found.name)->second, observer_));
  }

  // Read when it is first asked for: not every command, and not every process, needs it.
  Result<deliver::SuppressionList*> suppressions() override {
    const std::lock_guard lock(opening_);
    if (!suppressions_) {
      SOJOURN_ASSIGN_OR_RETURN(
          suppressions_, kafka::KafkaSuppressions::Open(config_.kafka, producer_.get(), observer_));
    }
    return suppressions_.get();
  }

  std::vector<std::pair<std::string, int64_t>> Sizes() override {
    int64_t bytes = 0;
    std::error_code error;
    for (auto file = std::filesystem::recursive_directory_iterator(config_.data, error);
         !error && file != std::filesystem::end(file); file.increment(error)) {
      std::error_code gone;  // compaction deletes files while we look
      if (file->is_regular_file(gone)) bytes += static_cast<int64_t>(file->file_size(gone));
    }
    return {{"disk", bytes}};
  }

 private:
  // For workers, whose clock waits for the router, and for the router's metrics.
  Status FollowRoutes() {
    if (config_.kafka.routes.empty() || progress_) return Status::Ok();
    SOJOURN_ASSIGN_OR_RETURN(
        progress_, kafka::RouteProgress::Open(config_.kafka, partition_count_, &clock_, observer_));
    return Status::Ok();
  }

  // Where deliverers began; that of this name, and the others of this process, from now on. Before
  // its workers begin, so that nothing that they decide is passed over.
  Result<kafka::ReaderStarts> OpenReaders(std::string_view name) {
    const std::lock_guard lock(opening_readers_);
    SOJOURN_ASSIGN_OR_RETURN(const ActionCursors ends, ActionEnds());  // first, as AddReaders wants
    SOJOURN_ASSIGN_OR_RETURN(const std::string note,
                             ReadNewestNote(std::string(kafka::kReaderStartsNote)));
    SOJOURN_ASSIGN_OR_RETURN(kafka::ReaderStarts starts,
                             kafka::DecodeReaderStarts(note, ends.size()));
    std::vector<std::string_view> readers = {name};
    if (config_.mail.send != MailTransportKind::kNone) readers.push_back(kafka::kMailReader.name);
    if (config_.webhooks.send) readers.push_back(kafka::kWebhookReader.name);
    // Mails were delivered before there was this note.
    SOJOURN_ASSIGN_OR_RETURN(const bool has_deliveries, HasDeliveries());
    if (starts.empty() && has_deliveries) {
      kafka::AddReaders({&kafka::kMailReader.name, 1}, ends, &starts);
    }
    if (kafka::AddReaders(readers, ends, &starts) || note.empty()) {
      SOJOURN_RETURN_IF_ERROR(
          WriteNote(std::string(kafka::kReaderStartsNote), kafka::EncodeReaderStarts(starts)));
    }
    return starts;
  }

  Result<bool> HasDeliveries() {
    const std::lock_guard lock(mutex_);
    for (int32_t p = 0; p < partition_count_; ++p) {
      SOJOURN_ASSIGN_OR_RETURN(
          const kafka::Watermarks watermarks,
          cluster_->QueryWatermarks(kafka::DeliveriesTopic(config_.kafka), Partition(p)));
      if (watermarks.end > Offset(0)) return true;
    }
    return false;
  }

  // `rows` null: nobody wants given coupon codes.
  Result<StateScan> ReadChangelog(Partition partition, Offset from, const PersonVisitor& visit,
                                  store::CodeRows* rows = nullptr) {
    const std::string topic = kafka::ChangelogTopic(config_.kafka);
    SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                             cluster_->QueryWatermarks(topic, partition));
    Patience patience(kScanPatience);
    StateScan scan;
    const auto visit_record = [&](const kafka::StoredRecord& record) -> Status {
      patience.Renew();
      const std::string_view value = record.value.value_or(std::string_view());
      if (record.key == kafka::kMetaKey) {
        SOJOURN_ASSIGN_OR_RETURN(scan.meta, store::DecodePartitionMeta(value));
        for (store::CodeChunk& chunk : scan.meta->code_chunks) {  // of version 2
          if (rows != nullptr) (*rows)[{chunk.pool, chunk.index}] = std::move(chunk.hashes);
        }
      }
      if (const auto codes = kafka::ParseCodesKey(record.key); codes && rows != nullptr) {
        auto& row = (*rows)[{std::string(codes->pool), codes->chunk}];
        SOJOURN_ASSIGN_OR_RETURN(row, store::DecodeCodes(value));
      }
      return record.key.starts_with('\xff') ? Status::Ok() : visit(record.key, value);
    };
    const Result<Offset> read = reader_->ReadTo(topic, partition, std::max(from, watermarks.oldest),
                                                watermarks.end, visit_record, patience.KeepGoing());
    if (!read.ok()) return Patience::Explain(read.status());
    scan.next = *read;
    return scan;
  }

  // Read when they are first asked for.
  Result<kafka::KafkaNotes*> Notes() {
    const std::lock_guard lock(opening_);
    if (!notes_) {
      SOJOURN_ASSIGN_OR_RETURN(notes_,
                               kafka::KafkaNotes::Open(config_.kafka, producer_.get(), observer_));
    }
    return notes_.get();
  }

  // The last input is <app>.events.
  model::EventFormat FormatOf(size_t input) const {
    const auto& inputs = config_.kafka.inputs;
    return input < inputs.size() ? inputs[input].format : model::EventFormat::kProtobuf;
  }

  // A partition whose next action does not come, because a transaction is open before it or the
  // broker is away, is passed over; where there is nothing else, that is an error.
  Status ReadWhatIsThere(ActionCursors* cursors, size_t max_count,
                         std::vector<CommittedAction>* actions) {
    Status passed_over;
    for (int32_t p = 0; p < partition_count_ && actions->size() < max_count; ++p) {
      Patience patience(passed_over.ok() ? Seconds(5) : Seconds(1));
      const Status status = ReadPartition(Partition(p), max_count, &patience,
                                          &(*cursors)[static_cast<size_t>(p)], actions);
      if (status.code() != StatusCode::kAborted) {
        SOJOURN_RETURN_IF_ERROR(status);
      } else {
        passed_over = Patience::Explain(status);
      }
    }
    return actions->empty() ? passed_over : Status::Ok();
  }

  // Until the partition's end, or until there are `max_count` actions. kAborted: out of patience.
  Status ReadPartition(Partition partition, size_t max_count, Patience* patience, Offset* next,
                       std::vector<CommittedAction>* actions) {
    const std::lock_guard lock(mutex_);
    const std::string topic = kafka::ActionsTopic(config_.kafka);
    SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                             cluster_->QueryWatermarks(topic, partition));
    *next = std::max(*next, watermarks.oldest);
    patience->Renew();
    bool enough = false;
    const auto visit = [&](const kafka::StoredRecord& record) {
      patience->Renew();
      SOJOURN_RETURN_IF_ERROR(AddAction(partition, record, actions));
      *next = Offset(record.offset.value() + 1);
      enough = actions->size() >= max_count;
      return enough ? Aborted("enough") : Status::Ok();
    };
    const Result<Offset> read =
        reader_->ReadTo(topic, partition, *next, watermarks.end, visit, patience->KeepGoing());
    if (enough) return Status::Ok();
    SOJOURN_RETURN_IF_ERROR(read.status());
    *next = *read;
    return Status::Ok();
  }

  Status AddAction(Partition partition, const kafka::StoredRecord& record,
                   std::vector<CommittedAction>* actions) {
    if (!record.value) return Status::Ok();
    std::string json(*record.value);
    if (config_.kafka.action_format == model::ActionFormat::kProtobuf) {
      SOJOURN_ASSIGN_OR_RETURN(const model::Action action, model::DecodeAction(*record.value));
      json = model::ActionToJson(action);
    }
    actions->push_back({partition, record.offset, std::move(json)});
    return Status::Ok();
  }

  const Config config_;
  kafka::KafkaObserver* const observer_;
  const int32_t partition_count_;
  const runtime::SystemClock clock_;
  kafka::StateDatabases databases_;
  runtime::PersonQuestions questions_;
  bool has_workers_ = false;                        // set before the threads begin that ask
  std::unique_ptr<kafka::RouteProgress> progress_;  // null: nothing is routed, or nobody asks
  std::unique_ptr<kafka::EventProducer> producer_;
  std::unique_ptr<kafka::KafkaBundleStore> bundles_;

  std::mutex opening_readers_;  // one note of readers at a time

  std::mutex opening_;  // guards what follows
  std::unique_ptr<kafka::KafkaSuppressions> suppressions_;
  std::unique_ptr<kafka::KafkaNotes> notes_;

  std::mutex mutex_;  // guards what follows
  std::unique_ptr<kafka::Cluster> cluster_;
  std::unique_ptr<kafka::PartitionReader> reader_;
  kafka::RecordDecoder decoder_;
  std::unique_ptr<KafkaImports> imports_;
};

}  // namespace

Result<std::unique_ptr<Backend>> OpenKafkaBackend(const Config& config,
                                                  kafka::KafkaObserver* observer) {
  SOJOURN_ASSIGN_OR_RETURN(const auto cluster, kafka::Cluster::Connect(config.kafka, observer));
  SOJOURN_ASSIGN_OR_RETURN(const int32_t partition_count,
                           kafka::CheckTopics(config.kafka, cluster.get()));
  auto backend = std::make_unique<KafkaBackend>(config, observer, partition_count);
  SOJOURN_RETURN_IF_ERROR(backend->Start());
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace sojourn::cli
