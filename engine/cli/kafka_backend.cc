#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "connectors/kafka/bundle_store.h"
#include "connectors/kafka/cluster.h"
#include "connectors/kafka/dead_letter.h"
#include "connectors/kafka/deliveries.h"
#include "connectors/kafka/event_producer.h"
#include "connectors/kafka/reader.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/worker.h"
#include "engine/base/hash.h"
#include "engine/cli/backend.h"
#include "engine/model/action_codec.h"
#include "engine/model/event_codec.h"
#include "engine/runtime/event_decoder.h"
#include "engine/store/rocks_database.h"

namespace sojourn::cli {
namespace {

// Where an import's events say they come from: the file, and their place in its sorted order.
constexpr int64_t kBeginPlace = -1;
constexpr int64_t kEndPlace = INT64_MAX;

constexpr Duration kScanPatience = Seconds(20);

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

// How long a reader waits for a broker that is away, or for a transaction that is open, while
// others wait for the reader.
class Patience {
 public:
  explicit Patience(Duration patience) : patience_(patience.milliseconds()) { Renew(); }
  // Something has come.
  void Renew() { end_ = std::chrono::steady_clock::now() + patience_; }
  kafka::PartitionReader::KeepGoing KeepGoing() const {
    return [this] { return std::chrono::steady_clock::now() < end_; };
  }
  // What ended the reading, for people.
  static Status Explain(const Status& status) {
    return status.code() == StatusCode::kAborted
               ? Unavailable(status.message() + ", because nothing came; is the broker there?")
               : status;
  }

 private:
  const std::chrono::milliseconds patience_;
  std::chrono::steady_clock::time_point end_;
};

class KafkaBackend final : public Backend {
 public:
  KafkaBackend(const Config& config, kafka::KafkaObserver* observer, int32_t partition_count)
      : config_(config),
        observer_(observer),
        partition_count_(partition_count),
        databases_(MakeDatabases(config.data)) {}

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
    return Status::Ok();
  }

  int32_t partition_count() const override { return partition_count_; }

  Result<BackendWorker> MakeWorker(int index, int) override {
    auto ports =
        std::make_shared<kafka::KafkaWorker>(config_.kafka, kafka::StateOptions{}, index,
                                             partition_count_, &databases_, &clock_, observer_);
    BackendWorker worker;
    worker.input = ports->input_log();
    worker.committer = ports->committer();
    worker.keeper = ports->state_keeper();
    std::vector<model::EventFormat> formats;
    for (const kafka::InputTopic& input : config_.kafka.inputs) {
      formats.push_back(input.format);
    }
    formats.push_back(model::EventFormat::kProtobuf);  // <app>.events
    worker.decoder = std::make_unique<runtime::FormatDecoder>(std::move(formats));
    worker.owner = std::move(ports);
    return worker;
  }

  runtime::BundleStore* bundles() override { return bundles_.get(); }

  Status Append(std::span<const model::Event> events) override {
    const std::string topic = kafka::EventsTopic(config_.kafka);
    std::vector<std::string> values(events.size());
    std::vector<kafka::NewEvent> records(events.size());
    for (size_t i = 0; i < events.size(); ++i) {
      model::EncodeEvent(events[i], nullptr, &values[i]);
      records[i].topic = topic;
      records[i].key = events[i].person;
      records[i].value = values[i];
    }
    return producer_->Append(records);
  }

  Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) override {
    const std::string topic = kafka::DeadLettersTopic(config_.kafka);
    std::vector<kafka::DeadLetterRecord> contents;
    contents.reserve(letters.size());
    std::vector<kafka::NewEvent> records;
    for (const runtime::DeadLetter& letter : letters) {
      const kafka::DeadLetterRecord& record = contents.emplace_back(kafka::RecordOf(letter));
      records.push_back({topic, record.key, record.value, {}, nullptr, record.headers});
    }
    return producer_->Append(records);
  }

  // The changelog holds every person's newest record.
  Status ScanPersons(const PersonVisitor& visit) override {
    const std::lock_guard lock(mutex_);
    const std::string topic = kafka::ChangelogTopic(config_.kafka);
    Patience patience(kScanPatience);
    for (int32_t p = 0; p < partition_count_; ++p) {
      SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                               cluster_->QueryWatermarks(topic, Partition(p)));
      const auto visit_record = [&](const kafka::StoredRecord& record) {
        patience.Renew();
        if (record.key.starts_with('\xff')) return Status::Ok();  // meta and the like
        return visit(record.key, record.value.value_or(std::string_view()));
      };
      patience.Renew();
      SOJOURN_RETURN_IF_ERROR(
          Patience::Explain(reader_
                                ->ReadTo(topic, Partition(p), watermarks.oldest, watermarks.end,
                                         visit_record, patience.KeepGoing())
                                .status()));
    }
    return Status::Ok();
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

  // Looks through `<app>.events` for what is there of this import; the topic is its own ledger.
  Result<ImportProgress> FindImport(const ImportIdentity& identity) override {
    const std::lock_guard lock(mutex_);
    SOJOURN_RETURN_IF_ERROR(FindPlaces(ImportTopic(identity)));
    ImportProgress progress;
    progress.finished = true;
    for (const int64_t place : places_) {
      progress.begun = progress.begun || place != kNothingThere;
      progress.finished = progress.finished && place == kEndPlace;
    }
    return progress;
  }

  Status AppendImport(const ImportIdentity& identity, uint64_t position,
                      std::span<const ImportedEvent> events, bool last) override {
    const std::lock_guard lock(mutex_);
    const std::string topic = ImportTopic(identity);
    if (places_topic_ != topic) SOJOURN_RETURN_IF_ERROR(FindPlaces(topic));
    const bool replay = identity.mode == ImportMode::kReplay;
    ImportWriter writer(topic, replay, kafka::EventsTopic(config_.kafka));
    for (int32_t p = 0; p < partition_count_; ++p) {
      if (places_[static_cast<size_t>(p)] != kNothingThere) continue;
      writer.AddBracket(Partition(p), model::EventType::kImportBegin, kBeginPlace, Timestamp(0));
      places_[static_cast<size_t>(p)] = kBeginPlace;
    }
    Arena arena;
    for (size_t i = 0; i < events.size(); ++i) {
      const auto place = static_cast<int64_t>(position + i);
      last_time_ = std::max(last_time_, events[i].time);
      int64_t& reached =
          places_[static_cast<size_t>(PartitionOfKey(events[i].person, partition_count_))];
      if (place <= reached) continue;
      SOJOURN_ASSIGN_OR_RETURN(
          const model::Event event,
          decoder_.Decode(model::EventFormat::kProtobuf, events[i].bytes, events[i].time, &arena));
      writer.AddEvent(event, place, events[i].time);
      reached = place;
    }
    for (int32_t p = 0; last && p < partition_count_; ++p) {
      if (places_[static_cast<size_t>(p)] == kEndPlace) continue;
      writer.AddBracket(Partition(p), model::EventType::kImportEnd, kEndPlace, last_time_);
      places_[static_cast<size_t>(p)] = kEndPlace;
    }
    const Status written = producer_->Append(writer.Records());
    if (!written.ok()) places_topic_.clear();  // what is there must be found out anew
    return written;
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

  Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog() override {
    return std::unique_ptr<deliver::DeliveryLog>(
        std::make_unique<kafka::KafkaDeliveries>(config_.kafka, partition_count_, observer_));
  }

  Result<deliver::SuppressionList*> suppressions() override {
    return FailedPrecondition("over Kafka there is no suppression list yet; log: embedded has one");
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
  static constexpr int64_t kNothingThere = -2;

  // Records of one chunk with the memory that they point into.
  class ImportWriter {
   public:
    ImportWriter(std::string source, bool replay, std::string topic)
        : source_(std::move(source)), replay_(replay), topic_(std::move(topic)) {}

    void AddEvent(const model::Event& event, int64_t place, Timestamp log_time) {
      Add(event, place, log_time, std::nullopt);
    }
    // Without a replay the brackets only mark begin and end: they close at once.
    void AddBracket(Partition partition, model::EventType type, int64_t place, Timestamp log_time) {
      model::Event event;
      event.type = replay_ ? type : model::EventType::kImportEnd;
      Add(event, place, log_time, partition);
    }
    const std::vector<kafka::NewEvent>& Records() {
      for (size_t i = 0; i < records_.size(); ++i) {
        records_[i].key = keys_[i];
        records_[i].value = values_[i];
        if (replay_) records_[i].original = &originals_[i];
      }
      return records_;
    }

   private:
    void Add(const model::Event& event, int64_t place, Timestamp log_time,
             std::optional<Partition> partition) {
      const model::EventOrigin origin{{source_, Partition(0), Offset(place)}, log_time};
      keys_.emplace_back(event.person);
      values_.emplace_back();
      model::EncodeEvent(event, &origin, &values_.back());
      originals_.push_back({source_, Partition(0), Offset(place), log_time});
      kafka::NewEvent record;
      record.topic = topic_;
      record.partition = partition;
      records_.push_back(record);
    }

    const std::string source_;
    const bool replay_;
    const std::string topic_;
    std::vector<std::string> keys_;
    std::vector<std::string> values_;
    std::vector<runtime::OriginalPlace> originals_;
    std::vector<kafka::NewEvent> records_;
  };

  static std::string ImportTopic(const ImportIdentity& identity) {
    const std::string_view mode = identity.mode == ImportMode::kReplay    ? "replay"
                                  : identity.mode == ImportMode::kHistory ? "history"
                                                                          : "events";
    return fmt::format("import-{}-{}", mode, identity.fingerprint);
  }

  // The last place of the import in each partition, by what stands there.
  Status FindPlaces(const std::string& topic) {
    const std::string events_topic = kafka::EventsTopic(config_.kafka);
    places_.assign(static_cast<size_t>(partition_count_), kNothingThere);
    for (int32_t p = 0; p < partition_count_; ++p) {
      SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                               cluster_->QueryWatermarks(events_topic, Partition(p)));
      if (watermarks.end == watermarks.oldest) continue;
      int64_t& reached = places_[static_cast<size_t>(p)];
      const auto visit = [&](const kafka::StoredRecord& record) {
        if (!record.value) return Status::Ok();
        const auto origin = model::ReadOrigin(*record.value);
        if (!origin || origin->place.topic != topic) return Status::Ok();
        reached = std::max(reached, origin->place.offset.value());
        if (origin->place.offset.value() != kEndPlace) {
          last_time_ = std::max(last_time_, origin->log_time);
        }
        return Status::Ok();
      };
      SOJOURN_RETURN_IF_ERROR(reader_
                                  ->ReadTo(events_topic, Partition(p), watermarks.oldest,
                                           watermarks.end, visit, [] { return true; })
                                  .status());
    }
    places_topic_ = topic;
    return Status::Ok();
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
  std::unique_ptr<kafka::EventProducer> producer_;
  std::unique_ptr<kafka::KafkaBundleStore> bundles_;

  std::mutex mutex_;  // guards what follows
  std::unique_ptr<kafka::Cluster> cluster_;
  std::unique_ptr<kafka::PartitionReader> reader_;
  model::EventDecoder decoder_;
  std::string places_topic_;  // whose places follow
  std::vector<int64_t> places_;
  Timestamp last_time_;
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
