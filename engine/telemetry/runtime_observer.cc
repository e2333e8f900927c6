#include "engine/telemetry/runtime_observer.h"

namespace sojourn::telemetry {
namespace {

using model::FactKind;

std::string_view TypeName(model::EventType type) {
  switch (type) {
    case model::EventType::kTrack:
      return "track";
    case model::EventType::kIdentify:
      return "identify";
    case model::EventType::kEnroll:
      return "enroll";
    case model::EventType::kImportBegin:
    case model::EventType::kImportEnd:
      return "import_bracket";
  }
  return "";
}

}  // namespace

RuntimeObserver::Pending& RuntimeObserver::Of(Partition partition) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Pending>& pending = pending_[partition];
  if (pending == nullptr) pending = std::make_unique<Pending>();
  return *pending;
}

void RuntimeObserver::Add(Pending* pending, bool is_event, FactKind kind, std::string_view first,
                          std::string_view second) {
  std::string& key = pending->key;
  key.assign(1, static_cast<char>(is_event ? -1 : static_cast<int>(kind)));
  key.append(first).append(1, '\0').append(second);
  auto found = pending->tallies.find(std::string_view(key));
  if (found == pending->tallies.end()) {
    const Tally tally{is_event, kind, std::string(first), std::string(second), 0};
    found = pending->tallies.emplace(key, tally).first;
  }
  ++found->second.count;
}

void RuntimeObserver::OnStep(const runtime::StepReport& report) {
  Pending& pending = Of(report.partition);
  const std::lock_guard lock(pending.mutex);
  if (report.event != nullptr) {
    Add(&pending, true, FactKind::kEventApplied, report.topic, TypeName(report.event->type));
    if (!report.actions.empty()) pending.causes.push_back(report.log_time);
  }
  for (const model::Fact& fact : report.facts) {
    switch (fact.kind) {
      case FactKind::kEventDropped:
      case FactKind::kQueuedDropped:
        Add(&pending, false, FactKind::kEventDropped, fact.reason, {});
        break;
      case FactKind::kExpressionError:
        if (!fact.journey.empty()) Add(&pending, false, fact.kind, fact.journey, {});
        break;
      case FactKind::kUnknownTopic:
        Add(&pending, false, fact.kind, fact.reason, {});
        break;
      case FactKind::kEntered:
      case FactKind::kGoal:
        Add(&pending, false, fact.kind, fact.journey, {});
        break;
      case FactKind::kEntryRefused:
      case FactKind::kExited:
      case FactKind::kSkipped:
        Add(&pending, false, fact.kind, fact.journey, fact.reason);
        break;
      case FactKind::kWrongType:
        Add(&pending, false, fact.kind, {}, {});
        break;
      default:
        break;  // in traces only, or counted from the report itself
    }
  }
}

void RuntimeObserver::Count(const Tally& tally) {
  if (tally.is_event) {
    telemetry_->Record(EventsApplied{tally.first, tally.second, tally.count});
    return;
  }
  switch (tally.kind) {
    case FactKind::kEventDropped:
      return telemetry_->Record(EventsDropped{tally.first, tally.count});
    case FactKind::kEntered:
      return telemetry_->Record(RunsEntered{tally.first, tally.count});
    case FactKind::kGoal:
      return telemetry_->Record(GoalsReached{tally.first, tally.count});
    case FactKind::kExpressionError:
      return telemetry_->Record(ExpressionErrors{tally.first, tally.count});
    case FactKind::kEntryRefused:
      return telemetry_->Record(EntriesRefused{tally.first, tally.second, tally.count});
    case FactKind::kExited:
      return telemetry_->Record(RunsExited{tally.first, tally.second, tally.count});
    case FactKind::kSkipped:
      return telemetry_->Record(StepsSkipped{tally.first, tally.second, tally.count});
    case FactKind::kWrongType:
      return telemetry_->Record(WrongTypes{tally.count});
    case FactKind::kUnknownTopic:
      return telemetry_->Record(UnknownTopics{tally.first, tally.count});
    default:
      return;
  }
}

void RuntimeObserver::OnCommitted(const runtime::CommitReport& report) {
  Pending& pending = Of(report.partition);
  {
    const std::lock_guard lock(pending.mutex);
    for (auto& [key, tally] : pending.tallies) {
      if (tally.count > 0) Count(tally);
      tally.count = 0;
    }
    for (const Timestamp cause : pending.causes) {
      if (!pending.importing) {
        telemetry_->Record(ActionLatency{report.committed_at - cause});
      }
    }
    pending.causes.clear();
  }
  for (const model::Action& action : report.actions) {
    telemetry_->Record(ActionsEmitted{model::ActionKindName(action.kind), action.journey});
    if (action.late) telemetry_->Record(ActionsLate{});
  }
  for (const runtime::DeadLetter& letter : report.dead_letters) {
    telemetry_->Record(RecordDeadLettered{letter.topic, letter.partition, letter.offset,
                                          runtime::DeadLetterReasonName(letter.reason),
                                          letter.message});
  }
  telemetry_->Record(CommitMade{report.partition, report.records, report.timers_fired,
                                report.persons_changed, report.record_bytes,
                                report.commit_latency});
}

void RuntimeObserver::OnRolledBack(Partition partition, runtime::CommitOutcome outcome,
                                   const Status& status) {
  Pending& pending = Of(partition);
  {
    const std::lock_guard lock(pending.mutex);
    pending.tallies.clear();
    pending.causes.clear();
  }
  const bool is_uncertain = outcome == runtime::CommitOutcome::kUncertain;
  telemetry_->Record(
      CommitRolledBack{partition, is_uncertain ? "uncertain" : "not_committed", status.message()});
}

void RuntimeObserver::OnAssigned(Partition partition) {
  telemetry_->Record(PartitionAssigned{partition});
}

void RuntimeObserver::OnRestored(Partition partition, Duration took) {
  telemetry_->Record(PartitionRestored{partition, took});
}

void RuntimeObserver::OnReleased(Partition partition) {
  Pending& pending = Of(partition);
  {
    const std::lock_guard lock(pending.mutex);
    pending.tallies.clear();
    pending.causes.clear();
  }
  telemetry_->Record(PartitionReleased{partition});
}

void RuntimeObserver::OnGauges(const runtime::PartitionGauges& gauges) {
  {
    Pending& pending = Of(gauges.partition);
    const std::lock_guard lock(pending.mutex);
    pending.importing = gauges.importing;
  }
  telemetry_->Record(PartitionStands{gauges.partition, gauges.lag_records, gauges.lag,
                                     gauges.watermark, gauges.persons, gauges.timers_pending,
                                     gauges.oldest_overdue, gauges.importing, gauges.upgrading,
                                     gauges.bundle});
}

void RuntimeObserver::OnClamped(Partition partition, Timestamp log_time) {
  telemetry_->Record(LogTimeClamped{partition, log_time});
}

void RuntimeObserver::OnRulesSwitched(Partition partition, uint32_t bundle) {
  telemetry_->Record(RulesSwitched{partition, bundle});
}

}  // namespace sojourn::telemetry
