// Everything the product counts or logs about itself: one struct per kind of occurrence. A
// Telemetry turns each into its metrics and, where an operator wants to read it, a log line, so
// that the two never tell different stories.
//
// Labels of metrics are bounded by configuration and rules (topics, partitions, journeys, named
// reasons); ids of persons and texts of records never become labels or log lines. Views are used
// during Record only. Counts say how many such occurrences one struct stands for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/base/strong.h"
#include "engine/base/time.h"

namespace sojourn::telemetry {

// ---- events ----------------------------------------------------------------------------------

// Events that reached the rules, repetitions included; each is durable.
struct EventsApplied {
  std::string_view source;  // the topic, or "events"
  std::string_view type;    // "track", "identify", ...
  int64_t count = 1;
};
// Events that changed nothing: "duplicate", "erased", "queue_limit", ...
struct EventsDropped {
  std::string_view reason;
  int64_t count = 1;
};
struct RecordDeadLettered {
  std::string_view source;
  Partition partition;
  Offset offset;
  std::string_view reason;   // one of a fixed list
  std::string_view message;  // for people, without the record's content
};
// A record's log time was ahead of the wall clock by more than the limit.
struct LogTimeClamped {
  Partition partition;
  Timestamp log_time;
};

// ---- journeys --------------------------------------------------------------------------------

struct RunsEntered {
  std::string_view journey;
  int64_t count = 1;
};
struct EntriesRefused {
  std::string_view journey;
  std::string_view reason;
  int64_t count = 1;
};
struct RunsExited {
  std::string_view journey;
  std::string_view reason;
  int64_t count = 1;
};
struct GoalsReached {
  std::string_view journey;
  int64_t count = 1;
};
struct StepsSkipped {
  std::string_view journey;
  std::string_view reason;  // "no_consent", "frequency_cap", "coupon_empty", ...
  int64_t count = 1;
};
struct ExpressionErrors {
  std::string_view journey;  // empty: in a segment
  int64_t count = 1;
};
// A property or trait was not of its catalogued type and was read as absent.
struct WrongTypes {
  int64_t count = 1;
};
// A Subscribed or Unsubscribed named a topic that company.yaml does not have.
struct UnknownTopics {
  std::string_view event;
  int64_t count = 1;
};
struct IdsMerged {
  int64_t count = 1;
};
struct MergesRefused {
  std::string_view reason;
  int64_t count = 1;
};
// To the id that another has merged into.
struct EventsSentOn {
  int64_t count = 1;
};
struct ActionsEmitted {
  std::string_view kind;  // "send_email", ...
  std::string_view journey;
  int64_t count = 1;
};
// Actions that were already too late to be delivered when they were committed.
struct ActionsLate {
  int64_t count = 1;
};

// ---- a partition's work ----------------------------------------------------------------------

struct CommitMade {
  Partition partition;
  int64_t records = 0;
  int64_t timers_fired = 0;
  int64_t persons_changed = 0;
  int64_t record_bytes = 0;  // of the changed persons
  Duration latency;
};
// An event's way from its log time to the commit of the actions that it caused at once.
struct ActionLatency {
  Duration latency;
};
struct CommitRolledBack {
  Partition partition;
  std::string_view outcome;  // "not_committed", "uncertain"
  std::string_view message;
};
// The router's commits, as CommitMade and CommitRolledBack.
struct RecordsRouted {
  std::string_view topic;  // of others
  int64_t records = 0;     // dead letters included
  int64_t bytes = 0;
};
struct RoutingRolledBack {
  std::string_view outcome;  // "not_committed", "uncertain"
  std::string_view message;
};
// Of one topic of others, whichever processes route it.
struct RouteStands {
  std::string_view topic;
  int64_t lag_records = 0;
};
// How long ago the youngest record was written that, with all before it, is routed.
struct RoutedBehind {
  Duration behind;
};
struct PartitionAssigned {
  Partition partition;
};
// A restore is under way: how much of the changelog is still to be read.
struct PartitionRestoring {
  Partition partition;
  int64_t records_remaining = 0;      // at most
  std::optional<Duration> remaining;  // as fast as so far; nullopt: nothing was read yet
  bool worth_a_line = false;
};
struct PartitionRestored {
  Partition partition;
  Duration took;
};
struct PartitionReleased {
  Partition partition;
};
struct PartitionStands {
  Partition partition;
  std::optional<int64_t> lag_records;  // nullopt: not known
  std::optional<Duration> lag;         // likewise
  Timestamp watermark;
  int64_t persons = 0;
  int64_t timers_pending = 0;
  Duration oldest_overdue;
  bool importing = false;
  bool upgrading = false;
  uint32_t bundle = 0;  // number of the rules in force
};

// Of one partition; the metric is the sum over those of the process.
struct PoolStands {
  Partition partition;
  std::string_view pool;
  int64_t left = 0;    // of the partition's share
  int64_t share = 0;   // all codes of it
  int64_t codes = 0;   // of the whole pool
  int64_t low_at = 0;  // likewise; 0: nobody is told
};
struct CouponsRedeemed {
  std::string_view pool;
  std::string_view journey;
  std::string_view outcome;  // "redeemed", "expired", "again", "unknown"
  int64_t count = 0;
};
struct PoolEmpty {  // a step found no code
  std::string_view pool;
  int64_t count = 0;
};

// ---- rules, store, import, mail, HTTP ----------------------------------------------------------

struct RulesLoaded {
  std::string_view revision;  // of the bundle
  Timestamp at;
};
struct RulesRefused {
  int64_t errors = 0;
  std::string_view first_error;
};
struct RulesSwitched {
  Partition partition;
  uint32_t bundle = 0;
};
struct StoreSize {
  std::string_view part;  // "state", "log", "actions", ...
  int64_t bytes = 0;
};
// A mail that left, was put off, or came to its end without being sent.
struct MailConcluded {
  std::string_view outcome;  // "delivered", "refused", "waiting", ...
  std::string_view domain;   // of the recipient; counted by its class
};
// An attempt to send a mail that is not its first.
struct MailRetried {
  int64_t count = 1;
};
// A mail could not be composed and became a dead letter.
struct MailNotComposed {
  std::string_view template_name;
  std::string_view reason;  // "render_error", "no_sender", ...
};
// Reactions to mails, as events that reached the rules; counted wherever they came from.
struct MailBounced {
  std::string_view type;  // "hard", "soft", "other"
  int64_t count = 1;
};
struct MailComplained {
  int64_t count = 1;
};
struct MailOpened {
  bool machine = false;  // by a scanner or a proxy, as far as it can be told
  int64_t count = 1;
};
struct MailLinkClicked {
  bool machine = false;
  int64_t count = 1;
};
// What a mail provider, or the mailbox of bounces, told of mails.
struct FeedbackTaken {
  std::string_view provider;  // "ses", "sendgrid", "postmark", "mailgun", "mailbox"
  std::string_view kind;      // "delivered", "bounced_hard", "bounced_soft", "complained", "other"
  bool marked = true;         // it named the mail; else no more than an address
};
// Feedback that is not a provider's, or cannot be read.
struct FeedbackRefused {
  std::string_view provider;
  std::string_view reason;   // "signature", "stale", ...
  std::string_view message;  // one line for people, without secrets
};
// A choice of consent that reached the rules.
struct ConsentChosen {
  bool subscribed = false;
  std::string_view topic;  // one of company.yaml, "all", or "unknown"
  std::string_view way;    // "link", "one_click", "preferences", "event"
  int64_t count = 1;
};
// The mails of this process that are not finished.
struct MailQueue {
  int64_t waiting = 0;
  int64_t held = 0;     // of paused journeys
  Duration oldest_age;  // since the logical time of the oldest; 0 where there is none
};
// What the operator's path /-/ready says.
struct ReadyStands {
  bool ready = false;
};
// A webhook, or a message through a gateway, that was taken, put off, or came to its end without.
struct WebhookConcluded {
  std::string_view outcome;  // "delivered", "waiting", "failed", ...
  std::string_view endpoint;
};
// An attempt that is not the first.
struct WebhookRetried {
  std::string_view endpoint;
};
// It became a dead letter.
struct WebhookFailed {
  std::string_view reason;  // "exhausted", "endpoint_disabled", "address_refused", ...
};
// Failures in a row: nothing goes there for a while.
struct WebhookCircuitOpened {
  std::string_view endpoint;
  std::string_view last_failure;
};
// It answers again.
struct WebhookCircuitClosed {
  std::string_view endpoint;
};
// It answered 410: nothing goes there until an operator enables it again.
struct WebhookUrlDisabled {
  std::string_view endpoint;  // a path may be a secret
};
// Those of this process that are not finished, and what holds them up.
struct WebhookQueue {
  int64_t waiting = 0;
  int64_t held = 0;  // of paused journeys
  Duration oldest_age;
  int64_t circuits_open = 0;
  int64_t urls_disabled = 0;
};
// Of the file system that has the data directory.
struct DiskFree {
  int64_t bytes = 0;
};
// Of a listener that has one in use.
struct CertificateStands {
  std::string_view listener;  // "main", "mail"
  Timestamp expires_at;
};
// Of calls that came over HTTP. `write_key` is the key's name in the configuration; empty: none was
// asked for.
struct CallsTaken {
  std::string_view write_key;
  int64_t count = 1;
};
// What was answered and then kept nowhere: neither in the log nor as a dead letter.
struct CallsDropped {
  std::string_view reason;  // one of a few words
  int64_t count = 1;
};
struct RequestServed {
  std::string_view route;  // as registered, never the path of the request
  int status_code = 0;
  Duration took;
};

}  // namespace sojourn::telemetry
