#include "connectors/kafka/bundle_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "connectors/kafka/bundle_record.h"

namespace sojourn::kafka {
namespace {

constexpr Partition kOnlyPartition{0};
constexpr std::chrono::milliseconds kFirstPause(200);
constexpr std::chrono::milliseconds kLongestPause(2000);

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
    if (IsPieceKey(key) && written_.contains(key)) continue;
    if (auto produced = producer_.Produce({topic, kOnlyPartition, key, value, {}});
        !produced.ok()) {
      producer_.Abort();
      return produced.status();
    }
  }
  return producer_.Commit().status;
}

// The number of the newest bundle, if it is this.
Result<std::optional<uint32_t>> KafkaBundleStore::FindNewest(
    const std::map<std::string, std::string>& files) {
  SOJOURN_ASSIGN_OR_RETURN(const std::vector<runtime::StoredBundle> bundles, ReadAll());
  newest_ = bundles.empty() ? 0 : bundles.back().number;
  std::optional<uint32_t> number;
  if (!bundles.empty() && bundles.back().files == files) number = newest_;
  return number;
}

Result<uint32_t> KafkaBundleStore::TryToAppend(const std::map<std::string, std::string>& files) {
  // From here on other writers are fenced, and what they left open is decided.
  SOJOURN_RETURN_IF_ERROR(producer_.Settle(config_.start_timeout));
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<uint32_t> found, FindNewest(files));
  if (found.has_value()) return *found;
  const Status written = Write(newest_ + 1, files);
  if (written.ok()) return newest_ + 1;
  producer_.Drop(written);
  return Aborted(fmt::format(
      "Kafka: {} is being written by other processes, or its broker is not well ({}); try again",
      RulesTopic(config_), written.message()));
}

Result<uint32_t> KafkaBundleStore::Append(const std::map<std::string, std::string>& files) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(config_.start_timeout.milliseconds());
  std::minstd_rand random(std::random_device{}());
  std::chrono::milliseconds longest_pause = kFirstPause;
  for (;;) {
    // Before anybody is fenced: who writes at this moment may be writing just these files.
    SOJOURN_ASSIGN_OR_RETURN(const std::optional<uint32_t> number, FindNewest(files));
    if (number.has_value()) return *number;
    const auto appended = TryToAppend(files);
    if (appended.ok()) return *appended;
    if (appended.status().code() != StatusCode::kAborted) return appended.status();
    if (std::chrono::steady_clock::now() > deadline)
      return Unavailable(appended.status().message());
    // Pauses of one length would let the same writers meet again and again.
    std::uniform_int_distribution<int64_t> pause(0, longest_pause.count());
    std::this_thread::sleep_for(std::chrono::milliseconds(pause(random)));
    longest_pause = std::min(kLongestPause, 2 * longest_pause);
  }
}

}  // namespace sojourn::kafka
