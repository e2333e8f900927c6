#include "connectors/kafka/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "connectors/kafka/changelog.h"
#include "engine/base/check.h"
#include "engine/base/mutant.h"
#include "engine/store/person_record.h"

namespace sojourn::kafka {
namespace {

using runtime::OpenedPartition;
using runtime::Positions;

// Replayed records on their way into the store, applied in chunks.
class ReplayBuffer {
 public:
  ReplayBuffer(store::PartitionStore* store, std::vector<store::NamedText> identities,
               size_t flush_bytes, const runtime::WallClock* clock)
      : store_(store),
        identities_(std::move(identities)),
        flush_bytes_(flush_bytes),
        clock_(clock),
        meta_(store->meta()) {}

  Status Add(const StoredRecord& record) {
    next_ = Offset(record.offset.value() + 1);
    if (record.key == kIncarnationKey) return Status::Ok();
    if (record.key == kMetaKey) {
      SOJOURN_ASSIGN_OR_RETURN(
          meta_, store::DecodePartitionMeta(record.value.value_or(std::string_view())));
      for (store::CodeChunk& chunk : meta_.code_chunks) AddCodes(std::move(chunk));
      meta_.code_chunks.clear();
      return Status::Ok();
    }
    if (const auto codes = ParseCodesKey(record.key)) {
      SOJOURN_ASSIGN_OR_RETURN(std::vector<uint64_t> hashes,
                               store::DecodeCodes(record.value.value_or(std::string_view())));
      AddCodes({std::string(codes->pool), codes->chunk, std::move(hashes)});
      return Status::Ok();
    }
    // Before anything of the partition is applied that only a newer version understands.
    const std::string_view value = record.value.value_or(std::string_view());
    if (!value.empty()) SOJOURN_RETURN_IF_ERROR(store::CheckPersonRecord(value));
    bytes_ += record.key.size() + value.size();
    persons_.emplace_back(record.key, value);
    constexpr size_t kChunkBytes = 4u << 20;
    return bytes_ < kChunkBytes ? Status::Ok() : Apply(next_);
  }

  // Everything up to `next` was seen.
  Status Apply(Offset next) {
    std::vector<store::PersonChange> changes;
    changes.reserve(persons_.size());
    for (const auto& [id, record] : persons_) changes.push_back({id, record});
    for (auto& [place, chunk] : chunks_) meta_.code_chunks.push_back(std::move(chunk));
    chunks_.clear();
    meta_.changelog_next_offset = next;
    meta_.identities = identities_;
    meta_.written_at = clock_->Now();
    SOJOURN_RETURN_IF_ERROR(store_->ApplyRestored(changes, meta_));
    meta_.code_chunks.clear();
    persons_.clear();
    bytes_ = 0;
    if (store_->unflushed_bytes() < flush_bytes_) return Status::Ok();
    return store_->Flush(store::Sync::kNo);
  }

 private:
  void AddCodes(store::CodeChunk chunk) {
    const std::pair place(chunk.pool, chunk.index);
    chunks_[place] = std::move(chunk);
  }

  store::PartitionStore* const store_;
  const std::vector<store::NamedText> identities_;
  const size_t flush_bytes_;
  const runtime::WallClock* const clock_;
  store::PartitionMeta meta_;
  Offset next_;
  std::vector<std::pair<std::string, std::string>> persons_;
  std::map<std::pair<std::string, uint32_t>, store::CodeChunk> chunks_;  // by pool and index
  size_t bytes_ = 0;
};

// Tells the observer how far a replay is.
class ReplayProgress {
 public:
  ReplayProgress(Partition partition, Offset from, Offset end, KafkaObserver* observer)
      : partition_(partition), from_(from), end_(end), next_(from), observer_(observer) {
    Tell();
  }

  void Passed(Offset next) { next_ = next; }
  void TellNowAndThen() {
    constexpr std::chrono::seconds kInterval(1);
    if (SteadyClock::now() - told_at_ >= kInterval) Tell();
  }
  void Tell() {
    told_at_ = SteadyClock::now();
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(told_at_ - began_at_).count();
    observer_->OnRestoring({partition_, next_.value() - from_.value(),
                            std::max<int64_t>(0, end_.value() - next_.value()), Duration(took)});
  }

 private:
  using SteadyClock = std::chrono::steady_clock;

  const Partition partition_;
  const Offset from_;
  const Offset end_;
  Offset next_;
  KafkaObserver* const observer_;
  const SteadyClock::time_point began_at_ = SteadyClock::now();
  SteadyClock::time_point told_at_;
};

std::string IncarnationIn(const store::PartitionMeta& meta) {
  const auto found = std::ranges::find_if(
      meta.identities, [](const store::NamedText& it) { return it.name == "changelog"; });
  return found == meta.identities.end() ? "" : found->value;
}

const store::InputPosition* FindInput(const store::PartitionMeta& meta, const std::string& topic) {
  const auto found = std::ranges::find_if(
      meta.inputs, [&](const store::InputPosition& input) { return input.topic == topic; });
  return found == meta.inputs.end() ? nullptr : &*found;
}

}  // namespace

KafkaStateKeeper::KafkaStateKeeper(const KafkaConfig& config, const StateOptions& options,
                                   KafkaInputLog* input_log, TransactionalProducer* producer,
                                   StateDatabases* databases, const runtime::WallClock* clock,
                                   KafkaObserver* observer)
    : config_(config),
      options_(options),
      input_log_(input_log),
      producer_(producer),
      databases_(databases),
      clock_(clock),
      observer_(observer) {}

template <typename Attempt>
auto KafkaStateKeeper::Patiently(Attempt attempt) -> decltype(attempt()) {
  constexpr std::chrono::milliseconds kPause(100);
  for (;;) {
    if (!input_log_->KeepAlive()) return Aborted("Kafka: the partition is not ours any more");
    auto result = attempt();
    if constexpr (std::is_same_v<decltype(attempt()), Status>) {
      if (result.code() != StatusCode::kUnavailable) return result;
    } else {
      if (result.ok() || result.status().code() != StatusCode::kUnavailable) return result;
    }
    std::this_thread::sleep_for(kPause);
  }
}

OpenedState* KafkaStateKeeper::StateOf(Partition partition) {
  const auto found = opened_.find(partition);
  SOJOURN_CHECK(found != opened_.end());
  return &found->second;
}

Result<OpenedPartition> KafkaStateKeeper::Open(Partition partition) {
  SOJOURN_RETURN_IF_ERROR(Settle());
  SOJOURN_RETURN_IF_ERROR(Patiently([&] { return Connect(); }));
  // The committed offsets come first: once they are stable, every transaction that they belong to
  // lies below the changelog's end.
  SOJOURN_ASSIGN_OR_RETURN(const auto committed, input_log_->CommittedOffsets(partition));
  SOJOURN_ASSIGN_OR_RETURN(const Changelog changelog, LookAtChangelog(partition));
  OpenedState& state = opened_[partition];
  state = OpenedState();
  if (changelog.empty) {
    SOJOURN_RETURN_IF_ERROR(CheckNothingCommitted(partition, committed));
    state.incarnation_to_write = NewIncarnation();
  }
  state.identities =
      IdentitiesOf(changelog.empty ? state.incarnation_to_write : changelog.incarnation);
  OpenedPartition opened;
  SOJOURN_ASSIGN_OR_RETURN(opened.store, OpenStore(partition, changelog));
  SOJOURN_RETURN_IF_ERROR(Replay(partition, changelog, opened.store.get()));
  SOJOURN_ASSIGN_OR_RETURN(opened.next, NextPositions(partition, *opened.store, committed));
  return opened;
}

Status KafkaStateKeeper::Settle() {
  // Short turns, so that the group does not take us for dead and a lost partition is noticed.
  return Patiently([&] { return producer_->Settle(Milliseconds(500)); });
}

Status KafkaStateKeeper::Connect() {
  if (!cluster_) {
    SOJOURN_ASSIGN_OR_RETURN(cluster_, Cluster::Connect(config_, observer_));
  }
  if (!reader_) {
    SOJOURN_ASSIGN_OR_RETURN(reader_, PartitionReader::Open(config_, observer_));
  }
  return Status::Ok();
}

Result<KafkaStateKeeper::Changelog> KafkaStateKeeper::LookAtChangelog(Partition partition) {
  const std::string topic = ChangelogTopic(config_);
  Changelog changelog;
  SOJOURN_ASSIGN_OR_RETURN(changelog.watermarks,
                           Patiently([&] { return cluster_->QueryWatermarks(topic, partition); }));
  SOJOURN_ASSIGN_OR_RETURN(
      const bool found, reader_->ReadFirst(
                            topic, partition, changelog.watermarks.oldest, changelog.watermarks.end,
                            [&](const StoredRecord& record) {
                              if (record.key == kIncarnationKey && record.value)
                                changelog.incarnation = *record.value;
                              return Status::Ok();
                            },
                            [&] { return input_log_->KeepAlive(); }));
  changelog.cut = changelog.incarnation.empty() && changelog.watermarks.oldest > Offset(0);
  changelog.empty = !found && !changelog.cut;
  return changelog;
}

// Told before the local state, which belongs to another changelog, is thrown away.
Status KafkaStateKeeper::CheckNothingCommitted(
    Partition partition, const std::vector<CommittedOffset>& committed) const {
  if (IsMutant(Mutant::kOffsetsOutside)) return Status::Ok();
  for (size_t input = 0; input < committed.size(); ++input) {
    if (!committed[input].offset) continue;
    return DoNotBelongTogether(*committed[input].offset, input_log_->inputs()[input].topic,
                               partition, std::nullopt);
  }
  return Status::Ok();
}

Status KafkaStateKeeper::DoNotBelongTogether(Offset committed, const std::string& topic,
                                             Partition partition,
                                             std::optional<Offset> known) const {
  return FailedPrecondition(fmt::format(
      "Kafka: group {} has committed offset {} of {} [{}], and the state in {} stands at {}: "
      "they do not belong together; restore the missing one, or start over with another "
      "kafka.app",
      config_.app, committed.value(), topic, partition.value(), ChangelogTopic(config_),
      known ? std::to_string(known->value()) : "none"));
}

std::vector<store::NamedText> KafkaStateKeeper::IdentitiesOf(const std::string& incarnation) const {
  return {{"app", config_.app},
          {"changelog", incarnation},
          {"cluster", cluster_->id()},
          {"partitions", std::to_string(input_log_->partition_count())}};
}

Result<store::Database*> KafkaStateKeeper::AcquireDatabase(Partition partition) {
  return Patiently([&] { return databases_->Acquire(partition, this); });
}

std::string KafkaStateKeeper::WhyUnusable(const store::PartitionMeta& meta,
                                          const Changelog& changelog,
                                          const OpenedState& state) const {
  // Of a changelog that was cut the local state alone knows which one it is.
  if (meta.identities != (changelog.cut ? IdentitiesOf(IncarnationIn(meta)) : state.identities)) {
    return "it belongs to another app, cluster, changelog or number of partitions";
  }
  if (meta.changelog_next_offset < changelog.watermarks.oldest) {
    return "the changelog begins behind what it holds";
  }
  if (meta.changelog_next_offset > changelog.watermarks.end) {
    return "the changelog ends before what it holds";
  }
  // Tombstones older than the retention may be gone, and with them the news that a person is.
  const Duration usable(config_.tombstone_retention.milliseconds() / 10 * 9);
  if (clock_->Now() - meta.written_at > usable) {
    return "it was idle for longer than tombstones are kept";
  }
  return "";
}

// A null store: there is none that can be gone on with.
Result<KafkaStateKeeper::FoundStore> KafkaStateKeeper::FindStore(Partition partition,
                                                                 const Changelog& changelog) {
  const Result<store::Database*> database = AcquireDatabase(partition);
  auto opened = database.ok() ? store::PartitionStore::Open(*database, partition, options_.store)
                              : Result<std::unique_ptr<store::PartitionStore>>(database.status());
  if (opened.status().code() == StatusCode::kDataLoss)
    return FoundStore{nullptr, opened.status().message()};
  SOJOURN_RETURN_IF_ERROR(opened.status());
  const store::PartitionStore& found = **opened;
  if (!found.ever_committed()) {
    if (changelog.cut) return FoundStore{nullptr, "there is none"};
    return FoundStore{*std::move(opened), ""};
  }
  std::string why = WhyUnusable(found.meta(), changelog, *StateOf(partition));
  if (!why.empty()) return FoundStore{nullptr, std::move(why)};
  return FoundStore{*std::move(opened), ""};
}

Result<std::unique_ptr<store::PartitionStore>> KafkaStateKeeper::OpenStore(
    Partition partition, const Changelog& changelog) {
  SOJOURN_ASSIGN_OR_RETURN(FoundStore found, FindStore(partition, changelog));
  if (found.store != nullptr) {
    if (changelog.cut) {
      StateOf(partition)->identities = found.store->meta().identities;
      observer_->OnChangelogCut(ChangelogTopic(config_), partition, changelog.watermarks.oldest);
    }
    return std::move(found.store);
  }
  if (changelog.cut) {
    return FailedPrecondition(fmt::format(
        "Kafka: the records of {} [{}] before offset {} were deleted, and with them the state of "
        "people, and the copy in the data directory is of no use: {}. Start the instance that had "
        "the partition last, with its data directory, or start over with another kafka.app",
        ChangelogTopic(config_), partition.value(), changelog.watermarks.oldest.value(),
        found.why));
  }
  observer_->OnStoreWiped(partition, found.why);
  SOJOURN_ASSIGN_OR_RETURN(store::Database * empty, databases_->Wipe(partition, this));
  return store::PartitionStore::Open(empty, partition, options_.store);
}

// What is wrong with a record is told with its place.
Status KafkaStateKeeper::At(Partition partition, const StoredRecord& record,
                            const Status& status) const {
  if (status.ok()) return status;
  return Status(status.code(),
                fmt::format("Kafka: {} [{}] offset {}: {}", ChangelogTopic(config_),
                            partition.value(), record.offset.value(), status.message()));
}

Status KafkaStateKeeper::Replay(Partition partition, const Changelog& changelog,
                                store::PartitionStore* store) {
  if (changelog.empty) return Status::Ok();
  const Offset from =
      store->ever_committed() ? store->meta().changelog_next_offset : changelog.watermarks.oldest;
  ReplayBuffer buffer(store, StateOf(partition)->identities, options_.flush_bytes, clock_);
  ReplayProgress progress(partition, from, changelog.watermarks.end, observer_);
  const auto add = [&](const StoredRecord& record) {
    progress.Passed(Offset(record.offset.value() + 1));
    return At(partition, record, buffer.Add(record));
  };
  const auto keep_going = [&] {
    progress.TellNowAndThen();
    return input_log_->KeepAlive();
  };
  SOJOURN_ASSIGN_OR_RETURN(const Offset next,
                           reader_->ReadTo(ChangelogTopic(config_), partition, from,
                                           changelog.watermarks.end, add, keep_going));
  if (next != from) SOJOURN_RETURN_IF_ERROR(buffer.Apply(next));
  progress.Passed(next);
  progress.Tell();
  return Status::Ok();
}

Result<Positions> KafkaStateKeeper::NextPositions(Partition partition,
                                                  const store::PartitionStore& store,
                                                  const std::vector<CommittedOffset>& committed) {
  Positions next;
  for (size_t input = 0; input < committed.size(); ++input) {
    const std::string& topic = input_log_->inputs()[input].topic;
    const store::InputPosition* known =
        store.ever_committed() ? FindInput(store.meta(), topic) : nullptr;
    const std::optional<Offset> offset = committed[input].offset;
    if (IsMutant(Mutant::kOffsetsOutside) && offset) {
      next.push_back(*offset);
      continue;
    }
    if (offset && (!known || known->next_offset != *offset)) {
      return DoNotBelongTogether(*offset, topic, partition,
                                 known ? std::optional(known->next_offset) : std::nullopt);
    }
    if (known) {
      next.push_back(known->next_offset);
    } else {
      SOJOURN_ASSIGN_OR_RETURN(const Offset first, FirstOffset(topic, partition));
      next.push_back(first);
    }
  }
  return next;
}

Result<Offset> KafkaStateKeeper::FirstOffset(const std::string& topic, Partition partition) {
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks watermarks,
                           Patiently([&] { return cluster_->QueryWatermarks(topic, partition); }));
  const bool oldest = config_.first_start == FirstStart::kOldest ||
                      topic == EventsTopic(config_);  // The product's own records are never old.
  return oldest ? watermarks.oldest : watermarks.end;
}

}  // namespace sojourn::kafka
