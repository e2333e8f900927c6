// runtime::StateKeeper over the changelog: a partition's local store, brought to exactly what its
// consumer group has committed.
//
// Threads: one owner, the worker. All that is passed in outlives this object.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/input_log.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/reader.h"
#include "connectors/kafka/state_databases.h"
#include "engine/runtime/ports.h"
#include "engine/store/partition_meta.h"
#include "engine/store/partition_store.h"

namespace sojourn::kafka {

struct StateOptions {
  store::PartitionStoreOptions store;
  size_t flush_bytes = 32u << 20;         // of one partition: unflushed state beyond it is written
  Duration flush_interval = Seconds(60);  // and all that is older than this
};

// What a commit must know of an opened partition.
struct OpenedState {
  std::vector<store::NamedText> identities;  // what the local store belongs to
  std::string incarnation_to_write;          // the changelog is empty: its first record; else ""
};

class KafkaStateKeeper : public runtime::StateKeeper {
 public:
  KafkaStateKeeper(const KafkaConfig& config, const StateOptions& options, KafkaInputLog* input_log,
                   TransactionalProducer* producer, StateDatabases* databases,
                   const runtime::WallClock* clock, KafkaObserver* observer);

  // Waits for brokers, for open transactions and for other workers of the process, as long as the
  // partition is ours. kFailedPrecondition: changelog and committed offsets do not fit together, or
  // the beginning of the changelog was deleted and the local state does not have it. What is on the
  // disk stays then.
  Result<runtime::OpenedPartition> Open(Partition partition) override;

  // Requires that the partition was opened.
  OpenedState* StateOf(Partition partition);

 private:
  struct Changelog {
    Watermarks watermarks;
    std::string incarnation;  // "" where it has none
    bool empty = false;       // nothing was ever committed to it
    bool cut = false;         // its beginning was deleted, which compaction never does
  };

  struct FoundStore {
    std::unique_ptr<store::PartitionStore> store;
    std::string why;  // it cannot be gone on with
  };

  // The cluster and the reader are made when they are first needed.
  Status Connect();
  Status Settle();
  Result<Changelog> LookAtChangelog(Partition partition);
  std::vector<store::NamedText> IdentitiesOf(const std::string& incarnation) const;
  Result<store::Database*> AcquireDatabase(Partition partition);
  Result<FoundStore> FindStore(Partition partition, const Changelog& changelog);
  Result<std::unique_ptr<store::PartitionStore>> OpenStore(Partition partition,
                                                           const Changelog& changelog);
  Status CheckNothingCommitted(Partition partition,
                               const std::vector<CommittedOffset>& committed) const;
  Status DoNotBelongTogether(Offset committed, const std::string& topic, Partition partition,
                             std::optional<Offset> known) const;
  std::string WhyUnusable(const store::PartitionMeta& meta, const Changelog& changelog,
                          const OpenedState& state) const;
  Status At(Partition partition, const StoredRecord& record, const Status& status) const;
  Status Replay(Partition partition, const Changelog& changelog, store::PartitionStore* store);
  Result<runtime::Positions> NextPositions(Partition partition, const store::PartitionStore& store,
                                           const std::vector<CommittedOffset>& committed);
  Result<Offset> FirstOffset(const std::string& topic, Partition partition);
  // Calls `attempt` until it gives something else than kUnavailable, or the partition is lost.
  template <typename Attempt>
  auto Patiently(Attempt attempt) -> decltype(attempt());

  const KafkaConfig config_;
  const StateOptions options_;
  KafkaInputLog* const input_log_;
  TransactionalProducer* const producer_;
  StateDatabases* const databases_;
  const runtime::WallClock* const clock_;
  KafkaObserver* const observer_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<PartitionReader> reader_;
  std::map<Partition, OpenedState> opened_;
};

}  // namespace sojourn::kafka
