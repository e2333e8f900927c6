// What the Kafka connector tells the process behind `sojourn run`: in its log and its metrics.
#pragma once

#include <map>
#include <mutex>

#include "engine/cli/log_observer.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::cli {

// Threads: any. The telemetry outlives it.
class ServiceObserver final : public LogObserver {
 public:
  explicit ServiceObserver(telemetry::Telemetry* telemetry)
      : LogObserver(/*quiet=*/false), telemetry_(telemetry) {}

  void OnRouted(std::string_view topic, int64_t records, int64_t bytes) override;
  void OnRouteDeadLetter(const runtime::DeadLetter& letter) override;
  void OnRouteRolledBack(runtime::CommitOutcome outcome, const Status& why) override;
  void OnRouteLag(std::string_view topic, int64_t records) override;
  void OnRoutedBehind(Duration behind) override;
  void OnRestoring(const kafka::RestoreProgress& progress) override;

 private:
  // Whether a line about the partition's restore is due; a short restore has none.
  bool IsLineDue(const kafka::RestoreProgress& progress);

  telemetry::Telemetry* const telemetry_;
  std::mutex mutex_;
  std::map<Partition, Duration> told_at_;  // since the restore began; guarded by mutex_
};

}  // namespace sojourn::cli
