// Counts and logs what happens (occurrences.h) and writes it out for Prometheus.
//
// Metrics are named sojourn_*, in base units (seconds, bytes), counters end in _total. telemetry.cc
// has the list with help texts. Series with a fixed set of labels that alerts look at exist from
// the beginning, with 0: else a counter's first step could not be seen as one.
//
// Threads: any. Errors: none; recording never fails.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/telemetry/occurrences.h"

namespace sojourn::telemetry {

class Telemetry {
 public:
  // `version` of the running binary.
  explicit Telemetry(std::string_view version);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  void Record(const EventsApplied&);
  void Record(const EventsDropped&);
  void Record(const RecordDeadLettered&);  // logs at most one line per reason and second
  void Record(const LogTimeClamped&);      // likewise
  void Record(const RunsEntered&);
  void Record(const EntriesRefused&);
  void Record(const RunsExited&);
  void Record(const GoalsReached&);
  void Record(const StepsSkipped&);
  void Record(const ExpressionErrors&);
  void Record(const WrongTypes&);
  void Record(const UnknownTopics&);
  void Record(const IdsMerged&);
  void Record(const MergesRefused&);
  void Record(const EventsSentOn&);
  void Record(const ActionsEmitted&);
  void Record(const ActionsLate&);
  void Record(const CommitMade&);
  void Record(const ActionLatency&);
  void Record(const CommitRolledBack&);
  void Record(const RecordsRouted&);
  void Record(const RoutingRolledBack&);
  void Record(const RouteStands&);
  void Record(const RoutedBehind&);
  void Record(const PartitionAssigned&);
  void Record(const PartitionRestoring&);
  void Record(const PartitionRestored&);
  void Record(const PartitionReleased&);  // its gauges disappear
  void Record(const PartitionStands&);
  void Record(const PoolStands&);  // logs when the pool gets low
  void Record(const CouponsRedeemed&);
  void Record(const PoolEmpty&);
  void Record(const RulesLoaded&);
  void Record(const RulesRefused&);
  void Record(const RulesSwitched&);
  void Record(const StoreSize&);
  void Record(const MailConcluded&);
  void Record(const MailRetried&);
  void Record(const MailNotComposed&);
  void Record(const MailBounced&);
  void Record(const MailComplained&);
  void Record(const MailOpened&);
  void Record(const MailLinkClicked&);
  void Record(const FeedbackTaken&);
  void Record(const FeedbackRefused&);  // logs at most one line per provider, reason and second
  void Record(const ConsentChosen&);
  void Record(const MailQueue&);
  void Record(const WebhookConcluded&);
  void Record(const WebhookRetried&);
  void Record(const WebhookFailed&);
  void Record(const WebhookCircuitOpened&);
  void Record(const WebhookCircuitClosed&);
  void Record(const WebhookUrlDisabled&);
  void Record(const WebhookQueue&);
  void Record(const ReadyStands&);
  void Record(const DiskFree&);
  void Record(const CertificateStands&);
  void Record(const CallsTaken&);
  void Record(const CallsDropped&);
  void Record(const RequestServed&);

  // The text format of Prometheus, version 0.0.4.
  std::string Exposition() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace sojourn::telemetry
