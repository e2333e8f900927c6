#include "engine/cli/kafka_imports.h"

#include <algorithm>
#include <utility>

#include "connectors/kafka/topics.h"
#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/cli/patience.h"

namespace sojourn::cli {
namespace {

// Where an import's events say they come from: the file, and their place in its sorted order.
constexpr std::string_view kSourcePrefix = "import-";
constexpr int64_t kNothingThere = -2;
constexpr int64_t kBeginPlace = -1;
constexpr int64_t kAbandonedPlace = INT64_MAX - 1;
constexpr int64_t kEndPlace = INT64_MAX;

std::string SourceOf(const ImportIdentity& identity) {
  return std::string(kSourcePrefix) + ImportKeyOf(identity);
}

// Records of one piece with the memory that they point into.
class PieceWriter {
 public:
  PieceWriter(std::string source, bool replay, std::string topic)
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

}  // namespace

Result<ImportLedger> KafkaImports::Find(const std::string& fingerprint) {
  SOJOURN_RETURN_IF_ERROR(Scan());
  ImportLedger ledger;
  for (const ImportMode mode : kImportModes) {
    const auto found = imports_.find(SourceOf({fingerprint, mode, ""}));
    ledger[mode] = found == imports_.end() ? ImportProgress() : ProgressOf(found->second);
  }
  return ledger;
}

Result<std::optional<OpenReplay>> KafkaImports::FindOpenReplay() {
  SOJOURN_RETURN_IF_ERROR(Scan());
  for (const auto& [source, places] : imports_) {
    const auto identity = ParseImportKey(std::string_view(source).substr(kSourcePrefix.size()));
    ImportProgress progress = ProgressOf(places);
    if (!identity || identity->mode != ImportMode::kReplay || progress.finished) continue;
    for (const int64_t place : places.reached) {
      if (place >= kAbandonedPlace) continue;
      progress.position =
          std::max(progress.position, static_cast<uint64_t>(std::max<int64_t>(place, -1) + 1));
    }
    return std::optional<OpenReplay>({*identity, progress});
  }
  return std::optional<OpenReplay>();
}

Status KafkaImports::Append(const ImportIdentity& identity, const ImportPiece& piece) {
  if (!known_) SOJOURN_RETURN_IF_ERROR(Scan());
  const std::string source = SourceOf(identity);
  Places* places = PlacesOf(source);
  PieceWriter writer(source, identity.mode == ImportMode::kReplay,
                     kafka::EventsTopic(config_.kafka));
  for (int32_t p = 0; p < partition_count_; ++p) {
    if (places->reached[static_cast<size_t>(p)] != kNothingThere) continue;
    writer.AddBracket(Partition(p), model::EventType::kImportBegin, kBeginPlace, Timestamp(0));
    places->reached[static_cast<size_t>(p)] = kBeginPlace;
  }
  Arena arena;
  for (size_t i = 0; i < piece.events.size(); ++i) {
    const ImportedEvent& imported = piece.events[i];
    const auto place = static_cast<int64_t>(piece.position + i);
    places->last_time = std::max(places->last_time, imported.time);
    int64_t& reached =
        places->reached[static_cast<size_t>(PartitionOfKey(imported.person, partition_count_))];
    if (place <= reached) continue;
    SOJOURN_ASSIGN_OR_RETURN(
        const model::Event event,
        decoder_.Decode(model::EventFormat::kProtobuf, imported.bytes, imported.time, &arena));
    writer.AddEvent(event, place, imported.time);
    reached = place;
  }
  for (int32_t p = 0; piece.last && p < partition_count_; ++p) {
    if (places->reached[static_cast<size_t>(p)] == kEndPlace) continue;
    writer.AddBracket(Partition(p), model::EventType::kImportEnd, kEndPlace, places->last_time);
    places->reached[static_cast<size_t>(p)] = kEndPlace;
  }
  const Status written = producer_->Append(writer.Records());
  if (!written.ok()) known_ = false;  // what is there must be found out anew
  return written;
}

// Where it was not begun, no bracket is open.
Status KafkaImports::Abandon(const ImportIdentity& identity) {
  SOJOURN_RETURN_IF_ERROR(Scan());
  const std::string source = SourceOf(identity);
  Places* places = PlacesOf(source);
  PieceWriter writer(source, identity.mode == ImportMode::kReplay,
                     kafka::EventsTopic(config_.kafka));
  for (int32_t p = 0; p < partition_count_; ++p) {
    const int64_t reached = places->reached[static_cast<size_t>(p)];
    if (reached == kNothingThere || reached >= kAbandonedPlace) continue;
    writer.AddBracket(Partition(p), model::EventType::kImportEnd, kAbandonedPlace,
                      places->last_time);
  }
  if (writer.Records().empty()) return FailedPrecondition("no such import is unfinished");
  known_ = false;
  return producer_->Append(writer.Records());
}

Status KafkaImports::Scan() {
  imports_.clear();
  known_ = false;
  for (int32_t p = 0; p < partition_count_; ++p) {
    SOJOURN_RETURN_IF_ERROR(ScanPartition(Partition(p)));
  }
  known_ = true;
  return Status::Ok();
}

Status KafkaImports::ScanPartition(Partition partition) {
  const std::string topic = kafka::EventsTopic(config_.kafka);
  SOJOURN_ASSIGN_OR_RETURN(const kafka::Watermarks watermarks,
                           cluster_->QueryWatermarks(topic, partition));
  Patience patience(kScanPatience);
  const auto visit = [&](const kafka::StoredRecord& record) {
    patience.Renew();
    if (!record.value) return Status::Ok();
    const auto origin = model::ReadOrigin(*record.value);
    if (!origin || !origin->place.topic.starts_with(kSourcePrefix)) return Status::Ok();
    const int64_t place = origin->place.offset.value();
    Places* places = PlacesOf(std::string(origin->place.topic));
    int64_t& reached = places->reached[static_cast<size_t>(partition.value())];
    reached = std::max(reached, place);
    if (place < kAbandonedPlace) {
      places->last_time = std::max(places->last_time, origin->log_time);
    }
    return Status::Ok();
  };
  return Patience::Explain(
      reader_
          ->ReadTo(topic, partition, watermarks.oldest, watermarks.end, visit, patience.KeepGoing())
          .status());
}

KafkaImports::Places* KafkaImports::PlacesOf(const std::string& source) {
  Places& places = imports_[source];
  places.reached.resize(static_cast<size_t>(partition_count_), kNothingThere);
  return &places;
}

ImportProgress KafkaImports::ProgressOf(const Places& places) const {
  ImportProgress progress;
  bool open = false;
  bool ended = true;
  for (const int64_t place : places.reached) {
    progress.begun = progress.begun || place != kNothingThere;
    progress.abandoned = progress.abandoned || place == kAbandonedPlace;
    open = open || (place != kNothingThere && place < kAbandonedPlace);
    ended = ended && place == kEndPlace;
  }
  progress.finished = ended || (progress.abandoned && !open);
  return progress;
}

}  // namespace sojourn::cli
