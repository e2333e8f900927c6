#include "engine/telemetry/telemetry.h"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "engine/telemetry/log.h"

namespace sojourn::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;

double InSeconds(Duration duration) { return static_cast<double>(duration.milliseconds()) / 1000; }

// Labels are few: the great mailbox providers, and all others.
std::string DomainClass(std::string_view domain) {
  static const std::map<std::string_view, std::string> kClasses = {
      {"gmail.com", "gmail"},       {"googlemail.com", "gmail"}, {"outlook.com", "microsoft"},
      {"hotmail.com", "microsoft"}, {"live.com", "microsoft"},   {"msn.com", "microsoft"},
      {"yahoo.com", "yahoo"},       {"aol.com", "yahoo"},        {"icloud.com", "apple"},
      {"me.com", "apple"},          {"mac.com", "apple"},        {"gmx.de", "gmx"},
      {"gmx.net", "gmx"},           {"web.de", "gmx"},           {"qq.com", "qq"},
      {"163.com", "netease"},       {"126.com", "netease"}};
  const auto found = kClasses.find(domain);
  return found == kClasses.end() ? "other" : found->second;
}

// The classes that DomainClass can give.
constexpr const char* kDomainClasses[] = {"gmail", "microsoft", "yahoo",   "apple",
                                          "gmx",   "qq",        "netease", "other"};

std::string Text(Partition partition) { return std::to_string(partition.value()); }
std::string Text(bool yes) { return yes ? "true" : "false"; }

// Lets one line per key and second through and counts those it held back.
class LogLimiter {
 public:
  // True: write the line; `*held_back` lines of the key were not written since the last one.
  bool Admit(const std::string& key, int64_t* held_back) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];
    if (entry.written && now - entry.last < std::chrono::seconds(1)) {
      ++entry.held_back;
      return false;
    }
    *held_back = entry.held_back;
    entry = {true, now, 0};
    return true;
  }

 private:
  struct Entry {
    bool written = false;
    std::chrono::steady_clock::time_point last;
    int64_t held_back = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

const Histogram::BucketBoundaries kCommitBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                    0.25,  0.5,    1,     2.5,  5,     10};
const Histogram::BucketBoundaries kActionBuckets = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                    2.5,  5,     10,   30,  60,   300, 3600};
const Histogram::BucketBoundaries kRequestBuckets = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30};

}  // namespace

struct Telemetry::Families {
  prometheus::Registry registry;

  Family<Counter>& MakeCounter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& MakeGauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& MakeHistogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Family<Gauge>& build_info = MakeGauge("sojourn_build_info", "Always 1; the running version.");

  Family<Counter>& events =
      MakeCounter("sojourn_events_total", "Events that reached the rules, by source and type.");
  Family<Counter>& events_dropped =
      MakeCounter("sojourn_events_dropped_total", "Events that changed nothing, by reason.");
  Family<Counter>& dead_letters = MakeCounter(
      "sojourn_dead_letters_total", "Records set aside as dead letters, by source and reason.");
  Family<Counter>& log_times_clamped =
      MakeCounter("sojourn_log_times_clamped_total",
                  "Records whose log time was too far ahead of the wall clock.");

  Family<Counter>& runs_entered =
      MakeCounter("sojourn_runs_entered_total", "Runs that began, by journey.");
  Family<Counter>& entries_refused =
      MakeCounter("sojourn_entries_refused_total",
                  "Matches of a trigger that started no run, by journey and reason.");
  Family<Counter>& runs_exited =
      MakeCounter("sojourn_runs_exited_total", "Runs that ended, by journey and reason.");
  Family<Counter>& goals =
      MakeCounter("sojourn_goals_reached_total", "Goals that runs reached, by journey.");
  Family<Counter>& steps_skipped =
      MakeCounter("sojourn_steps_skipped_total",
                  "Sends and other steps that were skipped, by journey and reason.");
  Family<Counter>& expression_errors = MakeCounter(
      "sojourn_expression_errors_total",
      "Conditions and values of journeys that ended in an error. Segments are left out: "
      "an error is how they leave out people without what they ask for.");
  Family<Counter>& wrong_types =
      MakeCounter("sojourn_wrong_types_total",
                  "Properties and traits of another type than catalogued, read as absent.");
  Family<Counter>& unknown_topics =
      MakeCounter("sojourn_unknown_topics_total",
                  "Choices of consent for a topic that is not in company.yaml, by event.");
  Family<Counter>& ids_merged =
      MakeCounter("sojourn_ids_merged_total", "Ids that became part of another person.");
  Family<Counter>& merges_refused =
      MakeCounter("sojourn_merges_refused_total", "Ids that did not merge, by reason.");
  Family<Counter>& events_sent_on =
      MakeCounter("sojourn_events_sent_on_total",
                  "Events for an id that has merged, sent on to the person it belongs to.");
  Family<Counter>& actions =
      MakeCounter("sojourn_actions_total", "Actions emitted, by kind and journey.");
  Family<Counter>& actions_late =
      MakeCounter("sojourn_actions_late_total", "Actions that were too late to be delivered.");

  Histogram& commit_duration =
      MakeHistogram("sojourn_commit_duration_seconds", "How long a commit took.")
          .Add({}, kCommitBuckets);
  Histogram& action_latency =
      MakeHistogram("sojourn_event_to_action_seconds",
                    "From an event's log time to the commit of the actions it caused at once.")
          .Add({}, kActionBuckets);
  Counter& records =
      MakeCounter("sojourn_records_total", "Records read and committed, dead letters included.")
          .Add({});
  Counter& timers_fired =
      MakeCounter("sojourn_timers_fired_total", "Timers of persons that fired.").Add({});
  Counter& persons_changed =
      MakeCounter("sojourn_persons_changed_total", "Person records written by commits.").Add({});
  Counter& person_bytes =
      MakeCounter("sojourn_person_bytes_total", "Bytes of person records written by commits.")
          .Add({});
  Family<Counter>& rollbacks = MakeCounter(
      "sojourn_rollbacks_total", "Commits that did not certainly take effect, by outcome.");

  Family<Counter>& routed_records = MakeCounter(
      "sojourn_routed_records_total",
      "Records of topics of others that the router took and committed, dead letters included.");
  Family<Counter>& routed_bytes =
      MakeCounter("sojourn_routed_bytes_total", "Bytes of these records, by topic.");
  Family<Gauge>& route_lag_records =
      MakeGauge("sojourn_route_lag_records",
                "Records of a topic of others that no router has committed yet.");
  Family<Gauge>& route_behind = MakeGauge(
      "sojourn_route_behind_seconds",
      "Everything older than this in the topics of others is routed; timers wait for it.");

  Family<Gauge>& restoring = MakeGauge("sojourn_partition_restoring",
                                       "1 while the partition's state is being restored, else 0.");
  Family<Gauge>& restore_records = MakeGauge(
      "sojourn_restore_records_remaining",
      "Records of the changelog that the partition's restore has still to read, at most.");
  Family<Gauge>& restore_seconds = MakeGauge(
      "sojourn_restore_seconds_remaining",
      "How long the partition's restore will take at the speed it had so far; absent: not known.");
  Family<Gauge>& restore_duration = MakeGauge("sojourn_partition_restore_duration_seconds",
                                              "How long the last restore of the partition took.");
  Family<Gauge>& lag_records =
      MakeGauge("sojourn_lag_records",
                "Records of the partition that are not yet applied; absent while not known.");
  Family<Gauge>& lag_seconds = MakeGauge(
      "sojourn_lag_seconds",
      "Wall clock minus the next record's log time; 0 at the end, absent while not known.");
  Family<Gauge>& watermark =
      MakeGauge("sojourn_watermark_timestamp_seconds", "Logical time the partition has reached.");
  Family<Gauge>& persons = MakeGauge("sojourn_persons", "Persons known to the partition.");
  Family<Gauge>& timers_pending =
      MakeGauge("sojourn_timers_pending", "Timers that wait for their moment, estimated.");
  Family<Gauge>& oldest_overdue =
      MakeGauge("sojourn_timers_oldest_overdue_seconds",
                "Wall clock minus the oldest due timer that has not fired; 0 where none is due.");
  Family<Gauge>& importing =
      MakeGauge("sojourn_partition_importing", "1 while the partition replays an import, else 0.");
  Family<Gauge>& upgrading =
      MakeGauge("sojourn_partition_upgrading",
                "1 while persons are being brought up to changed rules, else 0.");
  Family<Gauge>& bundle = MakeGauge("sojourn_rules_bundle", "Number of the rules in force.");

  Family<Gauge>& coupons_left =
      MakeGauge("sojourn_coupons_remaining",
                "Listed codes that were not given yet, by pool, of the process's partitions.");
  Family<Gauge>& pool_low = MakeGauge(
      "sojourn_coupon_pool_low", "1 where fewer codes are left than the pool's low_at, else 0.");
  Family<Counter>& pool_empty =
      MakeCounter("sojourn_coupon_pool_empty_total", "Coupon steps that found no code, by pool.");
  Family<Counter>& redemptions =
      MakeCounter("sojourn_coupon_redemptions_total",
                  "Codes named by orders, by outcome, and by the pool and journey they came from.");

  Family<Gauge>& rules_info =
      MakeGauge("sojourn_rules_info", "Always 1; the revision of the rules loaded last.");
  Family<Counter>& rules_loads =
      MakeCounter("sojourn_rules_loads_total", "Attempts to load rules, by result.");
  Gauge& rules_last_load = MakeGauge("sojourn_rules_last_successful_load_timestamp_seconds",
                                     "When rules were last loaded without an error.")
                               .Add({});
  Gauge& rules_last_load_ok =
      MakeGauge("sojourn_rules_last_load_successful", "1 where the last load succeeded, else 0.")
          .Add({});

  Family<Gauge>& store_bytes =
      MakeGauge("sojourn_store_size_bytes", "Size on disk, by part of the store.");
  Family<Counter>& mails = MakeCounter(
      "sojourn_mails_total",
      "Outcomes of mails, each attempt that was put off included, by outcome and class of "
      "the recipient's domain.");
  Counter& mail_retries =
      MakeCounter("sojourn_mail_retries_total", "Attempts to send a mail that were not its first.")
          .Add({});
  Family<Counter>& mail_failures =
      MakeCounter("sojourn_mail_failures_total",
                  "Mails that could not be composed and became dead letters, by template and "
                  "reason; render_error: the template does not render with the mail's values.");
  Family<Counter>& mail_bounces =
      MakeCounter("sojourn_mail_bounces_total",
                  "Mails that came back, from the relay or as events, by type: hard, soft, other.");
  Counter& mail_complaints =
      MakeCounter("sojourn_mail_complaints_total", "Mails that were marked as spam.").Add({});
  Family<Counter>& feedback =
      MakeCounter("sojourn_feedback_total",
                  "What providers and the mailbox of bounces told of mails, by provider and kind.");
  Family<Counter>& feedback_unmarked =
      MakeCounter("sojourn_feedback_unmarked_total",
                  "Feedback that named an address and no mail of ours, by provider.");
  Family<Counter>& feedback_refused = MakeCounter(
      "sojourn_feedback_refused_total", "Feedback that was not taken, by provider and reason.");
  Family<Counter>& mail_opens =
      MakeCounter("sojourn_mail_opens_total", "Mails opened, by whether a machine did it.");
  Family<Counter>& mail_clicks = MakeCounter("sojourn_mail_clicks_total",
                                             "Links of mails followed, by whether a machine did.");
  Family<Counter>& unsubscriptions = MakeCounter(
      "sojourn_unsubscriptions_total",
      "Unsubscriptions by consent topic (all: every marketing topic) and way: link, one_click and "
      "preferences are pages of mails, event is any other sender of events.");
  Family<Counter>& subscriptions = MakeCounter(
      "sojourn_subscriptions_total", "Subscriptions by consent topic and way, as unsubscriptions.");
  Family<Gauge>& mail_queue =
      MakeGauge("sojourn_mail_queue", "Mails that are not finished, by state.");
  Gauge& mail_queue_age =
      MakeGauge("sojourn_mail_queue_oldest_age_seconds",
                "Since the logical time of the oldest unfinished mail; 0 where there is none.")
          .Add({});
  Family<Counter>& webhooks = MakeCounter(
      "sojourn_webhooks_total",
      "Outcomes of webhooks and of messages through gateways, each attempt that was put off "
      "included, by outcome and endpoint.");
  Family<Counter>& webhook_retries = MakeCounter("sojourn_webhook_retries_total",
                                                 "Attempts that were not the first, by endpoint.");
  Family<Counter>& webhook_failures =
      MakeCounter("sojourn_webhook_failures_total",
                  "Webhooks that became dead letters, by reason; exhausted: every attempt failed.");
  Family<Counter>& webhook_circuits =
      MakeCounter("sojourn_webhook_circuits_opened_total",
                  "Circuits opened after failures in a row, by endpoint.");
  Family<Gauge>& webhook_queue =
      MakeGauge("sojourn_webhook_queue", "Webhooks that are not finished, by state.");
  Gauge& webhook_queue_age =
      MakeGauge("sojourn_webhook_queue_oldest_age_seconds",
                "Since the logical time of the oldest unfinished webhook; 0 where there is none.")
          .Add({});
  Gauge& webhook_circuits_open =
      MakeGauge("sojourn_webhook_circuits_open", "Endpoints that nothing goes to for a while.")
          .Add({});
  Gauge& webhook_urls_disabled =
      MakeGauge("sojourn_webhook_urls_disabled",
                "URLs that answered 410 and get nothing until they are enabled again.")
          .Add({});
  Gauge& ready =
      MakeGauge("sojourn_ready", "1 where the process takes events and is restored, else 0.")
          .Add({});
  Gauge& disk_free =
      MakeGauge("sojourn_disk_free_bytes", "Free on the file system that has the data directory.")
          .Add({});
  Family<Gauge>& certificate_expires = MakeGauge(
      "sojourn_tls_certificate_expires_timestamp_seconds",
      "When the certificate that a listener uses ends, since 1970; no series without TLS.");
  Family<Counter>& calls_taken = MakeCounter(
      "sojourn_intake_events_total",
      "Events taken over HTTP, by the name of the write key that sent them; none: without a key.");
  Family<Counter>& calls_dropped = MakeCounter(
      "sojourn_intake_dropped_total",
      "What came over HTTP and is kept nowhere, by reason: metrics (a library's own, /v1/m), "
      "repeated (the same id a moment ago), unauthorized, too_large (requests), unreadable "
      "(requests of unknown senders), envelope (a batch's context that is no JSON).");
  Family<Counter>& requests =
      MakeCounter("sojourn_http_requests_total", "HTTP requests served, by route and status code.");
  Family<Histogram>& request_duration =
      MakeHistogram("sojourn_http_request_duration_seconds", "How long requests took, by route.");

  // The gauges that exist per partition.
  std::vector<Family<Gauge>*> partition_gauges = {
      &restoring,   &restore_records, &restore_seconds, &restore_duration, &lag_records,
      &lag_seconds, &watermark,       &persons,         &timers_pending,   &oldest_overdue,
      &importing,   &upgrading,       &bundle};

  Gauge& OfPartition(Family<Gauge>& family, Partition partition) {
    return family.Add({{"partition", Text(partition)}});
  }

  // Of every fixed set of labels.
  void BeginWithZeros() {
    for (const char* outcome :
         {"delivered", "waiting", "refused", "expired", "unknown", "skipped", "failed"}) {
      for (const char* domain : kDomainClasses) {
        mails.Add({{"outcome", outcome}, {"domain", domain}});
      }
    }
    for (const char* type : {"hard", "soft", "other"}) mail_bounces.Add({{"type", type}});
    for (const bool machine : {false, true}) {
      mail_opens.Add({{"machine", Text(machine)}});
      mail_clicks.Add({{"machine", Text(machine)}});
    }
    for (const char* outcome : {"not_committed", "uncertain"}) {
      rollbacks.Add({{"outcome", outcome}});
    }
    for (const char* reason :
         {"metrics", "repeated", "unauthorized", "too_large", "unreadable", "envelope"}) {
      calls_dropped.Add({{"reason", reason}});
    }
    for (const char* result : {"loaded", "refused"}) rules_loads.Add({{"result", result}});
    for (const char* state : {"waiting", "held"}) {
      mail_queue.Add({{"state", state}});
      webhook_queue.Add({{"state", state}});
    }
    // An increase from nothing is none to Prometheus.
    for (const char* reason :
         {"exhausted", "address_refused", "endpoint_disabled", "endpoint_backlog", "bad_url",
          "render_error", "template_gone", "restored"}) {
      webhook_failures.Add({{"reason", reason}});
    }
    actions_late.Add({});
    redemptions.Add({{"pool", ""}, {"journey", ""}, {"path", ""}, {"outcome", "unknown"}});
  }

  // What is left of each pool, by partition.
  struct Share {
    int64_t left = 0;
    int64_t codes = 0;
  };
  struct PoolOfPartitions {
    std::map<Partition, Share> shares;
    bool low = false;
  };
  std::mutex pools_mutex;
  std::map<std::string, PoolOfPartitions> pools;  // guarded by pools_mutex

  void ReleaseCoupons(Partition partition) {
    const std::lock_guard lock(pools_mutex);
    for (auto at = pools.begin(); at != pools.end();) {
      at->second.shares.erase(partition);
      const bool is_gone = at->second.shares.empty();
      if (is_gone) {
        coupons_left.Remove(&coupons_left.Add({{"pool", at->first}}));
        pool_low.Remove(&pool_low.Add({{"pool", at->first}}));
      }
      at = is_gone ? pools.erase(at) : std::next(at);
    }
  }

  std::mutex rules_mutex;
  Gauge* current_rules = nullptr;  // of rules_info
  LogLimiter limiter;
};

namespace {

void Count(Family<Counter>& family, const Labels& labels, int64_t count) {
  family.Add(labels).Increment(static_cast<double>(count));
}

void Count(Counter& counter, int64_t count) { counter.Increment(static_cast<double>(count)); }

std::string Copy(std::string_view text) { return std::string(text); }

}  // namespace

Telemetry::Telemetry(std::string_view version) : families_(std::make_unique<Families>()) {
  families_->build_info.Add({{"version", Copy(version)}}).Set(1);
  families_->BeginWithZeros();
}
Telemetry::~Telemetry() = default;

// ---- events ------------------------------------------------------------------------------------

void Telemetry::Record(const EventsApplied& it) {
  Count(families_->events, {{"source", Copy(it.source)}, {"type", Copy(it.type)}}, it.count);
}

void Telemetry::Record(const EventsDropped& it) {
  Count(families_->events_dropped, {{"reason", Copy(it.reason)}}, it.count);
}

void Telemetry::Record(const RecordDeadLettered& it) {
  Count(families_->dead_letters, {{"source", Copy(it.source)}, {"reason", Copy(it.reason)}}, 1);
  int64_t held_back = 0;
  if (!families_->limiter.Admit("dead_letter " + Copy(it.reason), &held_back)) return;
  Log(LogLevel::kWarning, "a record became a dead letter",
      {{"topic", it.source},
       {"partition", it.partition.value()},
       {"offset", it.offset.value()},
       {"reason", it.reason},
       {"error", it.message},
       {"lines_held_back", held_back}});
}

void Telemetry::Record(const LogTimeClamped& it) {
  Count(families_->log_times_clamped, {}, 1);
  int64_t held_back = 0;
  if (!families_->limiter.Admit("clamped", &held_back)) return;
  Log(LogLevel::kWarning, "a record's log time is ahead of the wall clock",
      {{"partition", it.partition.value()},
       {"log_time_ms", it.log_time.milliseconds()},
       {"lines_held_back", held_back}});
}

// ---- journeys ----------------------------------------------------------------------------------

void Telemetry::Record(const RunsEntered& it) {
  Count(families_->runs_entered, {{"journey", Copy(it.journey)}}, it.count);
}

void Telemetry::Record(const EntriesRefused& it) {
  Count(families_->entries_refused, {{"journey", Copy(it.journey)}, {"reason", Copy(it.reason)}},
        it.count);
}

void Telemetry::Record(const RunsExited& it) {
  Count(families_->runs_exited, {{"journey", Copy(it.journey)}, {"reason", Copy(it.reason)}},
        it.count);
}

void Telemetry::Record(const GoalsReached& it) {
  Count(families_->goals, {{"journey", Copy(it.journey)}}, it.count);
}

void Telemetry::Record(const StepsSkipped& it) {
  Count(families_->steps_skipped, {{"journey", Copy(it.journey)}, {"reason", Copy(it.reason)}},
        it.count);
}

void Telemetry::Record(const ExpressionErrors& it) {
  Count(families_->expression_errors, {{"journey", Copy(it.journey)}}, it.count);
}

void Telemetry::Record(const WrongTypes& it) { Count(families_->wrong_types, {}, it.count); }

void Telemetry::Record(const UnknownTopics& it) {
  Count(families_->unknown_topics, {{"event", Copy(it.event)}}, it.count);
}

void Telemetry::Record(const IdsMerged& it) { Count(families_->ids_merged, {}, it.count); }

void Telemetry::Record(const MergesRefused& it) {
  Count(families_->merges_refused, {{"reason", Copy(it.reason)}}, it.count);
}

void Telemetry::Record(const EventsSentOn& it) { Count(families_->events_sent_on, {}, it.count); }

void Telemetry::Record(const ActionsEmitted& it) {
  Count(families_->actions, {{"kind", Copy(it.kind)}, {"journey", Copy(it.journey)}}, it.count);
}

void Telemetry::Record(const ActionsLate& it) { Count(families_->actions_late, {}, it.count); }

// ---- a partition's work ------------------------------------------------------------------------

void Telemetry::Record(const CommitMade& it) {
  families_->commit_duration.Observe(InSeconds(it.latency));
  Count(families_->records, it.records);
  Count(families_->timers_fired, it.timers_fired);
  Count(families_->persons_changed, it.persons_changed);
  Count(families_->person_bytes, it.record_bytes);
}

void Telemetry::Record(const ActionLatency& it) {
  families_->action_latency.Observe(InSeconds(it.latency));
}

void Telemetry::Record(const CommitRolledBack& it) {
  Count(families_->rollbacks, {{"outcome", Copy(it.outcome)}}, 1);
  Log(LogLevel::kWarning, "a commit did not take effect and is made again",
      {{"partition", it.partition.value()}, {"outcome", it.outcome}, {"error", it.message}});
}

void Telemetry::Record(const RecordsRouted& it) {
  Count(families_->routed_records, {{"topic", Copy(it.topic)}}, it.records);
  Count(families_->routed_bytes, {{"topic", Copy(it.topic)}}, it.bytes);
}

void Telemetry::Record(const RoutingRolledBack& it) {
  Count(families_->rollbacks, {{"outcome", Copy(it.outcome)}}, 1);
  Log(LogLevel::kWarning, "a commit of the router did not take effect and is made again",
      {{"outcome", it.outcome}, {"error", it.message}});
}

void Telemetry::Record(const RouteStands& it) {
  families_->route_lag_records.Add({{"topic", Copy(it.topic)}})
      .Set(static_cast<double>(it.lag_records));
}

void Telemetry::Record(const RoutedBehind& it) {
  families_->route_behind.Add({}).Set(InSeconds(it.behind));
}

void Telemetry::Record(const PartitionAssigned& it) {
  families_->OfPartition(families_->restoring, it.partition).Set(1);
  families_->OfPartition(families_->restore_records, it.partition).Set(0);
  Log(LogLevel::kInfo, "partition assigned, restoring", {{"partition", it.partition.value()}});
}

void Telemetry::Record(const PartitionRestoring& it) {
  families_->OfPartition(families_->restore_records, it.partition)
      .Set(static_cast<double>(it.records_remaining));
  Gauge& seconds = families_->OfPartition(families_->restore_seconds, it.partition);
  if (it.remaining) {
    seconds.Set(InSeconds(*it.remaining));
  } else {
    families_->restore_seconds.Remove(&seconds);
  }
  if (!it.worth_a_line) return;
  if (it.remaining) {
    Log(LogLevel::kInfo, "partition is being restored",
        {{"partition", it.partition.value()},
         {"records_remaining", it.records_remaining},
         {"seconds_remaining", InSeconds(*it.remaining)}});
  } else {
    Log(LogLevel::kInfo, "partition is being restored, nothing was read yet",
        {{"partition", it.partition.value()}, {"records_remaining", it.records_remaining}});
  }
}

void Telemetry::Record(const PartitionRestored& it) {
  families_->OfPartition(families_->restoring, it.partition).Set(0);
  families_->OfPartition(families_->restore_records, it.partition).Set(0);
  families_->restore_seconds.Remove(
      &families_->OfPartition(families_->restore_seconds, it.partition));
  families_->OfPartition(families_->restore_duration, it.partition).Set(InSeconds(it.took));
  Log(LogLevel::kInfo, "partition restored",
      {{"partition", it.partition.value()}, {"seconds", InSeconds(it.took)}});
}

void Telemetry::Record(const PartitionReleased& it) {
  for (Family<Gauge>* family : families_->partition_gauges) {
    family->Remove(&families_->OfPartition(*family, it.partition));
  }
  families_->ReleaseCoupons(it.partition);
  Log(LogLevel::kInfo, "partition released", {{"partition", it.partition.value()}});
}

void Telemetry::Record(const PartitionStands& it) {
  const auto set = [&](Family<Gauge>& family, double value) {
    families_->OfPartition(family, it.partition).Set(value);
  };
  // An unknown lag has no sample: 0 would tell that there is nothing to do.
  const auto set_if_known = [&](Family<Gauge>& family, std::optional<double> value) {
    if (value.has_value()) return set(family, *value);
    family.Remove(&families_->OfPartition(family, it.partition));
  };
  set_if_known(families_->lag_records, it.lag_records);
  set_if_known(families_->lag_seconds, it.lag ? std::optional(InSeconds(*it.lag)) : std::nullopt);
  set(families_->watermark, InSeconds(it.watermark - Timestamp()));
  set(families_->persons, static_cast<double>(it.persons));
  set(families_->timers_pending, static_cast<double>(it.timers_pending));
  set(families_->oldest_overdue, InSeconds(it.oldest_overdue));
  set(families_->importing, it.importing ? 1 : 0);
  set(families_->upgrading, it.upgrading ? 1 : 0);
  set(families_->bundle, it.bundle);
}

// ---- coupons -----------------------------------------------------------------------------------

void Telemetry::Record(const PoolStands& it) {
  const std::string pool(it.pool);
  const std::lock_guard lock(families_->pools_mutex);
  Families::PoolOfPartitions& stands = families_->pools[pool];
  stands.shares[it.partition] = {it.left, it.share};
  int64_t left = 0;
  int64_t share = 0;
  for (const auto& [partition, of_partition] : stands.shares) {
    left += of_partition.left;
    share += of_partition.codes;
  }
  families_->coupons_left.Add({{"pool", pool}}).Set(static_cast<double>(left));
  // Other partitions may not have told yet, or be another process's: as much is left of their
  // shares as of these. Shares of short lists differ much in size.
  const bool low = left * it.codes < it.low_at * share;
  families_->pool_low.Add({{"pool", pool}}).Set(low ? 1 : 0);
  if (low && !std::exchange(stands.low, low)) {
    Log(LogLevel::kWarning, "a coupon pool has few codes left",
        {{"pool", it.pool}, {"left", left}, {"low_at", it.low_at}});
  }
  stands.low = low;
}

void Telemetry::Record(const CouponsRedeemed& it) {
  Count(families_->redemptions,
        {{"pool", Copy(it.pool)}, {"journey", Copy(it.journey)}, {"outcome", Copy(it.outcome)}},
        it.count);
}

void Telemetry::Record(const PoolEmpty& it) {
  Count(families_->pool_empty, {{"pool", Copy(it.pool)}}, it.count);
}

// ---- rules, store, import, HTTP ----------------------------------------------------------------

void Telemetry::Record(const RulesLoaded& it) {
  Count(families_->rules_loads, {{"result", "loaded"}}, 1);
  {
    const std::lock_guard lock(families_->rules_mutex);
    Gauge* loaded = &families_->rules_info.Add({{"revision", Copy(it.revision)}});
    if (families_->current_rules != nullptr && families_->current_rules != loaded) {
      families_->rules_info.Remove(families_->current_rules);
    }
    families_->current_rules = loaded;
    loaded->Set(1);
  }
  families_->rules_last_load.Set(InSeconds(it.at - Timestamp()));
  families_->rules_last_load_ok.Set(1);
  Log(LogLevel::kInfo, "rules loaded", {{"revision", it.revision}});
}

void Telemetry::Record(const RulesRefused& it) {
  Count(families_->rules_loads, {{"result", "refused"}}, 1);
  families_->rules_last_load_ok.Set(0);
  Log(LogLevel::kError, "the rules have errors; the old ones stay in force",
      {{"errors", it.errors}, {"first", it.first_error}});
}

void Telemetry::Record(const RulesSwitched& it) {
  families_->OfPartition(families_->bundle, it.partition).Set(it.bundle);
  Log(LogLevel::kInfo, "partition goes on with these rules",
      {{"partition", it.partition.value()}, {"bundle", it.bundle}});
}

void Telemetry::Record(const StoreSize& it) {
  families_->store_bytes.Add({{"part", Copy(it.part)}}).Set(static_cast<double>(it.bytes));
}

void Telemetry::Record(const MailConcluded& it) {
  Count(families_->mails, {{"outcome", Copy(it.outcome)}, {"domain", DomainClass(it.domain)}}, 1);
}

void Telemetry::Record(const MailRetried& it) { Count(families_->mail_retries, it.count); }

void Telemetry::Record(const MailNotComposed& it) {
  Count(families_->mail_failures,
        {{"template", Copy(it.template_name)}, {"reason", Copy(it.reason)}}, 1);
}

void Telemetry::Record(const MailBounced& it) {
  Count(families_->mail_bounces, {{"type", Copy(it.type)}}, it.count);
}

void Telemetry::Record(const MailComplained& it) { Count(families_->mail_complaints, it.count); }

void Telemetry::Record(const MailOpened& it) {
  Count(families_->mail_opens, {{"machine", Text(it.machine)}}, it.count);
}

void Telemetry::Record(const MailLinkClicked& it) {
  Count(families_->mail_clicks, {{"machine", Text(it.machine)}}, it.count);
}

void Telemetry::Record(const FeedbackTaken& it) {
  Count(families_->feedback, {{"provider", Copy(it.provider)}, {"kind", Copy(it.kind)}}, 1);
  if (!it.marked) Count(families_->feedback_unmarked, {{"provider", Copy(it.provider)}}, 1);
}

void Telemetry::Record(const FeedbackRefused& it) {
  Count(families_->feedback_refused, {{"provider", Copy(it.provider)}, {"reason", Copy(it.reason)}},
        1);
  int64_t held_back = 0;
  const std::string kind = "feedback " + Copy(it.provider) + " " + Copy(it.reason);
  if (!families_->limiter.Admit(kind, &held_back)) return;
  Log(LogLevel::kWarning, "feedback of a mail provider is refused",
      {{"provider", it.provider},
       {"reason", it.reason},
       {"error", it.message},
       {"lines_held_back", held_back}});
}

void Telemetry::Record(const ConsentChosen& it) {
  Count(it.subscribed ? families_->subscriptions : families_->unsubscriptions,
        {{"topic", Copy(it.topic)}, {"way", Copy(it.way)}}, it.count);
}

void Telemetry::Record(const ReadyStands& it) { families_->ready.Set(it.ready ? 1 : 0); }

void Telemetry::Record(const DiskFree& it) {
  families_->disk_free.Set(static_cast<double>(it.bytes));
}

void Telemetry::Record(const CertificateStands& it) {
  families_->certificate_expires.Add({{"listener", Copy(it.listener)}})
      .Set(InSeconds(it.expires_at - Timestamp(0)));
}

void Telemetry::Record(const MailQueue& it) {
  families_->mail_queue.Add({{"state", "waiting"}}).Set(static_cast<double>(it.waiting));
  families_->mail_queue.Add({{"state", "held"}}).Set(static_cast<double>(it.held));
  families_->mail_queue_age.Set(InSeconds(it.oldest_age));
}

void Telemetry::Record(const CallsTaken& it) {
  Count(families_->calls_taken, {{"write_key", it.write_key.empty() ? "none" : Copy(it.write_key)}},
        it.count);
}

void Telemetry::Record(const CallsDropped& it) {
  Count(families_->calls_dropped, {{"reason", Copy(it.reason)}}, it.count);
}

void Telemetry::Record(const WebhookConcluded& it) {
  Count(families_->webhooks, {{"outcome", Copy(it.outcome)}, {"endpoint", Copy(it.endpoint)}}, 1);
}

void Telemetry::Record(const WebhookRetried& it) {
  Count(families_->webhook_retries, {{"endpoint", Copy(it.endpoint)}}, 1);
}

void Telemetry::Record(const WebhookFailed& it) {
  Count(families_->webhook_failures, {{"reason", Copy(it.reason)}}, 1);
}

void Telemetry::Record(const WebhookCircuitOpened& it) {
  Count(families_->webhook_circuits, {{"endpoint", Copy(it.endpoint)}}, 1);
  Log(LogLevel::kWarning,
      "an endpoint of webhooks fails; its webhooks wait, and one is tried now "
      "and then",
      {{"endpoint", it.endpoint}, {"reason", it.last_failure}});
}

void Telemetry::Record(const WebhookCircuitClosed& it) {
  Log(LogLevel::kInfo, "an endpoint of webhooks answers again", {{"endpoint", it.endpoint}});
}

void Telemetry::Record(const WebhookUrlDisabled& it) {
  Log(LogLevel::kWarning,
      "a webhook URL answered 410 Gone and is disabled; sojourn webhooks names it, and with enable "
      "lets it go on",
      {{"endpoint", it.endpoint}});
}

void Telemetry::Record(const WebhookQueue& it) {
  families_->webhook_queue.Add({{"state", "waiting"}}).Set(static_cast<double>(it.waiting));
  families_->webhook_queue.Add({{"state", "held"}}).Set(static_cast<double>(it.held));
  families_->webhook_queue_age.Set(InSeconds(it.oldest_age));
  families_->webhook_circuits_open.Set(static_cast<double>(it.circuits_open));
  families_->webhook_urls_disabled.Set(static_cast<double>(it.urls_disabled));
}

void Telemetry::Record(const RequestServed& it) {
  Count(families_->requests, {{"route", Copy(it.route)}, {"code", std::to_string(it.status_code)}},
        1);
  families_->request_duration.Add({{"route", Copy(it.route)}}, kRequestBuckets)
      .Observe(InSeconds(it.took));
}

std::string Telemetry::Exposition() const {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families_->registry.Collect());
  return text.str();
}

}  // namespace sojourn::telemetry
