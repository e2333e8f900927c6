#include "connectors/kafka/bundle_store.h"

#include <chrono>

#include "connectors/kafka/bundle_record.h"

namespace sojourn::kafka {
namespace {

constexpr Partition kOnlyPartition{0};

}  // namespace

KafkaBundleStore::KafkaBundleStore(const KafkaConfig& config, KafkaObserver* observer)
    : config_(config), producer_(config, config.app + "-rules", observer) {}

Result<std::unique_ptr<KafkaBundleStore>> KafkaBundleStore::Open(const KafkaConfig& config,
                                                                 KafkaObserver* observer) {
  std::unique_ptr<KafkaBundleStore> bundle_store(new KafkaBundleStore(config, observer));
  SOJOURN_ASSIGN_OR_RETURN(bundle_store->cluster_, Cluster::Connect(config, observer));
  SOJOURN_ASSIGN_OR_RETURN(bundle_store->reader_, PartitionReader::Open(config, observer));
  return bundle_store;
}

Result<std::vector<runtime::StoredBundle>> KafkaBundleStore::ReadAll() {
  const std::string topic = RulesTopic(config_);
  SOJOURN_ASSIGN_OR_RETURN(const Watermarks watermarks,
                           cluster_->QueryWatermarks(topic, kOnlyPartition));
  std::map<std::string, std::string> records;
  written_.clear();
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(config_.start_timeout.milliseconds());
  const auto read = reader_->ReadTo(
      topic, kOnlyPartition, watermarks.oldest, watermarks.end,
      [&](const StoredRecord& record) {
        if (record.value) {
          records[std::string(record.key)] = *record.value;
          written_[std::string(record.key)] = record.log_time;
        } else {
          records.erase(std::string(record.key));
        }
        return Status::Ok();
      },
      [&] { return std::chrono::steady_clock::now() < deadline; });
  if (!read.ok()) {
    return read.status().code() == StatusCode::kAborted
               ? Unavailable("Kafka: " + topic + " could not be read in time")
               : read.status();
  }
  return DecodeBundles(records);
}

std::optional<Timestamp> KafkaBundleStore::StoredAt(uint32_t number) const {
  const auto found = written_.find(BundleRecordKey(number, 0));
  return found == written_.end() ? std::nullopt : std::optional(found->second);
}

Status KafkaBundleStore::Write(uint32_t number, const std::map<std::string, std::string>& files) {
  SOJOURN_RETURN_IF_ERROR(producer_.Begin());
  const std::string topic = RulesTopic(config_);
  for (const auto& [key, value] : EncodeBundle(number, files)) {
    if (auto produced = producer_.Produce({topic, kOnlyPartition, key, value, {}});
        !produced.ok()) {
      producer_.Abort();
      return produced.status();
    }
  }
  return producer_.Commit().status;
}

Result<uint32_t> KafkaBundleStore::Append(const std::map<std::string, std::string>& files) {
  constexpr int kAttempts = 5;
  Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // From here on other writers are fenced, and what they left open is decided.
    SOJOURN_RETURN_IF_ERROR(producer_.Settle(config_.start_timeout));
    SOJOURN_ASSIGN_OR_RETURN(const std::vector<runtime::StoredBundle> bundles, ReadAll());
    if (!bundles.empty() && bundles.back().files == files) return bundles.back().number;
    const uint32_t number = bundles.empty() ? 1 : bundles.back().number + 1;
    status = Write(number, files);
    if (status.ok()) return number;
    producer_.Drop(status);
  }
  return status;
}

}  // namespace sojourn::kafka
