#include "engine/cli/service_observer.h"

namespace sojourn::cli {

void ServiceObserver::OnRouted(std::string_view topic, int64_t records, int64_t bytes) {
  telemetry_->Record(telemetry::RecordsRouted{topic, records, bytes});
}

void ServiceObserver::OnRouteDeadLetter(const runtime::DeadLetter& letter) {
  telemetry_->Record(telemetry::RecordDeadLettered{letter.topic, letter.partition, letter.offset,
                                                   runtime::DeadLetterReasonName(letter.reason),
                                                   letter.message});
}

void ServiceObserver::OnRouteRolledBack(runtime::CommitOutcome outcome, const Status& why) {
  const bool is_uncertain = outcome == runtime::CommitOutcome::kUncertain;
  telemetry_->Record(
      telemetry::RoutingRolledBack{is_uncertain ? "uncertain" : "not_committed", why.message()});
}

void ServiceObserver::OnRouteLag(std::string_view topic, int64_t records) {
  telemetry_->Record(telemetry::RouteStands{topic, records});
}

void ServiceObserver::OnRoutedBehind(Duration behind) {
  telemetry_->Record(telemetry::RoutedBehind{behind});
}

bool ServiceObserver::IsLineDue(const kafka::RestoreProgress& progress) {
  constexpr Duration kInterval = Seconds(5);
  const std::lock_guard lock(mutex_);
  Duration& told_at = told_at_[progress.partition];
  if (progress.took < told_at) told_at = Duration(0);  // another restore
  if (progress.remaining == 0 || progress.took < told_at + kInterval) return false;
  told_at = progress.took;
  return true;
}

void ServiceObserver::OnRestoring(const kafka::RestoreProgress& progress) {
  telemetry::PartitionRestoring restoring{progress.partition, progress.remaining, std::nullopt,
                                          IsLineDue(progress)};
  if (progress.done > 0) {
    const double share =
        static_cast<double>(progress.remaining) / static_cast<double>(progress.done);
    restoring.remaining =
        Duration(static_cast<int64_t>(share * static_cast<double>(progress.took.milliseconds())));
  }
  telemetry_->Record(restoring);
}

}  // namespace sojourn::cli
