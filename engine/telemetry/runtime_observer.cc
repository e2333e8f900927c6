#include "engine/telemetry/runtime_observer.h"

#include <algorithm>

namespace sojourn::telemetry {
namespace {

using model::FactKind;

constexpr std::string_view kMachine = "machine";

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
    case model::EventType::kBackfillBegin:
    case model::EventType::kBackfill:
      return "backfill";
    case model::EventType::kMergeAsked:
    case model::EventType::kMergedState:
    case model::EventType::kMergeUndone:
    case model::EventType::kMergeRefused:
      return "merge";
  }
  return "";
}

bool HasFact(const runtime::StepReport& report, FactKind kind) {
  return std::ranges::any_of(report.facts,
                             [kind](const model::Fact& fact) { return fact.kind == kind; });
}

std::string_view TextProperty(const model::Event& event, std::string_view name) {
  const model::Value* value = event.properties.Find(name);
  const bool text = value != nullptr && value->kind() == model::ValueKind::kString;
  return text ? value->text() : std::string_view();
}

bool IsByMachine(const model::Event& event) {
  const model::Value* value = event.properties.Find("machine");
  return value != nullptr && value->kind() == model::ValueKind::kBool && value->bool_value();
}

// Labels are few, whatever a sender of events writes.
std::string_view WayOf(const model::Event& event) {
  const std::string_view way = TextProperty(event, "way");
  for (const std::string_view known : {"link", "one_click", "preferences"}) {
    if (way == known) return known;
  }
  return "event";
}

}  // namespace

RuntimeObserver::Pending& RuntimeObserver::Of(Partition partition) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Pending>& pending = pending_[partition];
  if (pending == nullptr) pending = std::make_unique<Pending>();
  return *pending;
}

void RuntimeObserver::Add(Pending* pending, Subject subject, FactKind kind, std::string_view first,
                          std::string_view second, std::string_view third) {
  std::string& key = pending->key;
  key.assign(1, static_cast<char>(subject)).append(1, static_cast<char>(kind));
  key.append(first).append(1, '\0').append(second).append(1, '\0').append(third);
  auto found = pending->tallies.find(std::string_view(key));
  if (found == pending->tallies.end()) {
    const Tally tally{subject, kind, std::string(first), std::string(second), std::string(third),
                      0};
    found = pending->tallies.emplace(key, tally).first;
  }
  ++found->second.count;
}

void RuntimeObserver::OnStep(const runtime::StepReport& report) {
  Pending& pending = Of(report.partition);
  const std::lock_guard lock(pending.mutex);
  if (report.event != nullptr) {
    Add(&pending, Subject::kEvent, FactKind::kEventApplied, report.topic,
        TypeName(report.event->type));
    if (!report.actions.empty()) pending.causes.push_back(report.log_time);
    AddReaction(report, &pending);
  }
  AddFacts(report, &pending);
}

void RuntimeObserver::AddFacts(const runtime::StepReport& report, Pending* pending) {
  for (const model::Fact& fact : report.facts) {
    switch (fact.kind) {
      case FactKind::kEventDropped:
      case FactKind::kQueuedDropped:
        Add(pending, Subject::kFact, FactKind::kEventDropped, fact.reason, {});
        break;
      case FactKind::kExpressionError:
        if (!fact.journey.empty()) Add(pending, Subject::kFact, fact.kind, fact.journey, {});
        break;
      case FactKind::kUnknownTopic:
        Add(pending, Subject::kFact, fact.kind, fact.reason, {});
        break;
      case FactKind::kEntered:
      case FactKind::kGoal:
        Add(pending, Subject::kFact, fact.kind, fact.journey, {});
        break;
      case FactKind::kSkipped:
        if (!fact.name.empty() && fact.reason == "coupon_empty") {
          Add(pending, Subject::kCoupon, fact.kind, fact.name, {});
        }
        Add(pending, Subject::kFact, fact.kind, fact.journey, fact.reason);
        break;
      case FactKind::kCouponRedeemed:
        Add(pending, Subject::kCoupon, fact.kind, fact.name, fact.journey, fact.reason);
        break;
      case FactKind::kEntryRefused:
      case FactKind::kExited:
        Add(pending, Subject::kFact, fact.kind, fact.journey, fact.reason);
        break;
      case FactKind::kMergeRefused:
        Add(pending, Subject::kFact, fact.kind, fact.reason, {});
        break;
      case FactKind::kWrongType:
      case FactKind::kMerged:
      case FactKind::kSentOn:
        Add(pending, Subject::kFact, fact.kind, {}, {});
        break;
      default:
        break;  // in traces only, or counted from the report itself
    }
  }
}

// An event that was dropped, or that only tells the past, is no reaction now.
void RuntimeObserver::AddReaction(const runtime::StepReport& report, Pending* pending) {
  const model::Event& event = *report.event;
  if (event.type != model::EventType::kTrack || event.historical) return;
  if (!HasFact(report, FactKind::kEventApplied)) return;
  const auto add = [&](std::string_view label) {
    Add(pending, Subject::kMail, FactKind::kEventApplied, event.name, label);
  };
  if (event.name == model::kEmailBounced) {
    const std::string_view type = TextProperty(event, "type");
    add(type == "hard" || type == "soft" ? type : "other");
  } else if (event.name == model::kEmailMarkedAsSpam) {
    add("");
  } else if (event.name == model::kEmailOpened || event.name == model::kEmailLinkClicked) {
    add(IsByMachine(event) ? kMachine : "");
  } else if (event.name == model::kSubscribed || event.name == model::kUnsubscribed) {
    AddConsent(report, pending);
  }
}

// As ChangeConsent of engine/step reads the topic.
void RuntimeObserver::AddConsent(const runtime::StepReport& report, Pending* pending) {
  const model::Event& event = *report.event;
  const model::Value* topic = event.properties.Find("topic");
  const bool given = topic != nullptr && !topic->is_null();
  const bool readable = given && topic->kind() == model::ValueKind::kString;
  if (given && !readable && event.name == model::kSubscribed) return;  // changes nothing
  std::string_view label = readable ? topic->text() : std::string_view();
  if (label.empty()) label = "all";
  if (HasFact(report, FactKind::kUnknownTopic)) label = "unknown";
  Add(pending, Subject::kConsent, FactKind::kEventApplied, event.name, label, WayOf(event));
}

void RuntimeObserver::Count(const Tally& tally) {
  switch (tally.subject) {
    case Subject::kEvent:
      return telemetry_->Record(EventsApplied{tally.first, tally.second, tally.count});
    case Subject::kFact:
      return CountFact(tally);
    case Subject::kMail:
      return CountReaction(tally);
    case Subject::kCoupon:
      if (tally.kind == FactKind::kSkipped) {
        return telemetry_->Record(PoolEmpty{tally.first, tally.count});
      }
      return telemetry_->Record(
          CouponsRedeemed{tally.first, tally.second, tally.third, tally.count});
    case Subject::kConsent:
      return telemetry_->Record(
          ConsentChosen{tally.first == model::kSubscribed, tally.second, tally.third, tally.count});
  }
}

void RuntimeObserver::CountReaction(const Tally& tally) {
  const bool machine = tally.second == kMachine;
  if (tally.first == model::kEmailBounced) {
    telemetry_->Record(MailBounced{tally.second, tally.count});
  } else if (tally.first == model::kEmailMarkedAsSpam) {
    telemetry_->Record(MailComplained{tally.count});
  } else if (tally.first == model::kEmailOpened) {
    telemetry_->Record(MailOpened{machine, tally.count});
  } else {
    telemetry_->Record(MailLinkClicked{machine, tally.count});
  }
}

void RuntimeObserver::CountFact(const Tally& tally) {
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
    case FactKind::kMerged:
      return telemetry_->Record(IdsMerged{tally.count});
    case FactKind::kMergeRefused:
      return telemetry_->Record(MergesRefused{tally.first, tally.count});
    case FactKind::kSentOn:
      return telemetry_->Record(EventsSentOn{tally.count});
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
  for (const runtime::PoolGauge& pool : gauges.pools) {
    telemetry_->Record(
        PoolStands{gauges.partition, pool.pool, pool.left, pool.share, pool.codes, pool.low_at});
  }
}

void RuntimeObserver::OnClamped(Partition partition, Timestamp log_time) {
  telemetry_->Record(LogTimeClamped{partition, log_time});
}

void RuntimeObserver::OnRulesSwitched(Partition partition, uint32_t bundle) {
  telemetry_->Record(RulesSwitched{partition, bundle});
}

}  // namespace sojourn::telemetry
