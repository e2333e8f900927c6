// Imports into `<app>.events`. The topic is its own ledger: an import's events say which import
// they are of and their place in its sorted order, and brackets in every partition mark begin and
// end. When an import began stands nowhere, so `begun_at` is never there; nor does the count of
// dead letters, so an import that is cut short while it keeps them keeps them again.
//
// Threads: one at a time. Errors: Kafka's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/event_producer.h"
#include "connectors/kafka/reader.h"
#include "engine/base/status.h"
#include "engine/cli/config.h"
#include "engine/cli/imports.h"
#include "engine/model/event_codec.h"

namespace sojourn::cli {

class KafkaImports {
 public:
  // All outlive this.
  KafkaImports(const Config* config, int32_t partition_count, kafka::EventProducer* producer,
               kafka::Cluster* cluster, kafka::PartitionReader* reader)
      : config_(*config),
        partition_count_(partition_count),
        producer_(producer),
        cluster_(cluster),
        reader_(reader) {}

  // These two read the whole topic.
  Result<ImportLedger> Find(const std::string& fingerprint);
  Result<std::optional<OpenReplay>> FindOpenReplay();

  // The events of the piece, and the end. What is there already is passed over.
  Status Append(const ImportIdentity& identity, const ImportPiece& piece);
  Status Abandon(const ImportIdentity& identity);

 private:
  // What is there of one import.
  struct Places {
    std::vector<int64_t> reached;  // by partition: the last place
    Timestamp last_time;           // the newest of its events
  };

  Status Scan();
  Status ScanPartition(Partition partition);
  Places* PlacesOf(const std::string& source);
  ImportProgress ProgressOf(const Places& places) const;

  const Config& config_;
  const int32_t partition_count_;
  kafka::EventProducer* const producer_;
  kafka::Cluster* const cluster_;
  kafka::PartitionReader* const reader_;
  model::EventDecoder decoder_;
  std::map<std::string, Places> imports_;  // by source
  bool known_ = false;                     // `imports_` is what stands in the topic
};

}  // namespace sojourn::cli
