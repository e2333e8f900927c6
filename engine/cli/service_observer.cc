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

}  // namespace sojourn::cli
