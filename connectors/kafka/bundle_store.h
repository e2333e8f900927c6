// runtime::BundleStore over `<app>.rules` (compacted, one partition).
//
// A bundle is cut into records of at most half a MiB, keys `NUMBER/PART`, written in one
// transaction. Every process of the app writes with the same transactional id, so that of two that
// append at once one is turned away, waits for a moment of its own, and reads again: it takes the
// next number, or finds that the other wrote the same files.
//
// Threads: any, one call at a time. The observer outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/reader.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

class KafkaBundleStore : public runtime::BundleStore {
 public:
  // Errors: as of Cluster::Connect.
  static Result<std::unique_ptr<KafkaBundleStore>> Open(const KafkaConfig& config,
                                                        KafkaObserver* observer);

  // kUnavailable where no broker answers within config.start_timeout; kDataLoss where a bundle is
  // not whole.
  Result<std::vector<runtime::StoredBundle>> ReadAll() override;
  // When a bundle was written, by its writer's clock; of those that the last ReadAll gave.
  std::optional<Timestamp> StoredAt(uint32_t number) const;
  // Waits for other writers, up to config.start_timeout. kUnavailable, kUnknown: trying again is
  // safe.
  Result<uint32_t> Append(const std::map<std::string, std::string>& files) override;

 private:
  KafkaBundleStore(const KafkaConfig& config, KafkaObserver* observer);
  Result<std::optional<uint32_t>> FindNewest(const std::map<std::string, std::string>& files);
  // kAborted: another process wrote meanwhile.
  Result<uint32_t> TryToAppend(const std::map<std::string, std::string>& files);
  Status Write(uint32_t number, const std::map<std::string, std::string>& files);

  const KafkaConfig config_;
  TransactionalProducer producer_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<PartitionReader> reader_;
  std::map<std::string, Timestamp> written_;  // by record key
  uint32_t newest_ = 0;                       // as FindNewest found it
};

}  // namespace sojourn::kafka
