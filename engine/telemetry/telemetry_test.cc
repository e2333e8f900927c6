#include "engine/telemetry/telemetry.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sojourn::telemetry {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

// The value of a metric as the exposition writes it; "" where there is no such line.
std::string ValueOf(const Telemetry& telemetry, const std::string& metric) {
  const std::string text = "\n" + telemetry.Exposition();
  const size_t line = text.find("\n" + metric + " ");
  if (line == std::string::npos) return "";
  const size_t value = line + metric.size() + 2;
  return text.substr(value, text.find('\n', value) - value);
}

void RecordEverything(Telemetry* telemetry) {
  const Partition partition(3);
  telemetry->Record(EventsApplied{"web", "track", 5});
  telemetry->Record(EventsDropped{"duplicate", 2});
  telemetry->Record(RecordDeadLettered{"web", partition, Offset(7), "undecodable", "no event"});
  telemetry->Record(LogTimeClamped{partition, Timestamp(1)});
  telemetry->Record(RunsEntered{"win-back", 2});
  telemetry->Record(EntriesRefused{"win-back", "only_if", 1});
  telemetry->Record(RunsExited{"win-back", "goal", 1});
  telemetry->Record(GoalsReached{"win-back", 1});
  telemetry->Record(StepsSkipped{"win-back", "no_consent", 3});
  telemetry->Record(ExpressionErrors{"win-back", 1});
  telemetry->Record(WrongTypes{4});
  telemetry->Record(UnknownTopics{"Unsubscribed", 2});
  telemetry->Record(IdsMerged{2});
  telemetry->Record(MergesRefused{"merged_elsewhere", 1});
  telemetry->Record(EventsSentOn{3});
  telemetry->Record(ActionsEmitted{"send_email", "win-back", 2});
  telemetry->Record(ActionsLate{1});
  telemetry->Record(CommitMade{partition, 10, 4, 6, 1200, Milliseconds(20)});
  telemetry->Record(ActionLatency{Milliseconds(40)});
  telemetry->Record(CommitRolledBack{partition, "uncertain", "broker away"});
  telemetry->Record(RecordsRouted{"clicks", 11, 1300});
  telemetry->Record(RoutingRolledBack{"not_committed", "broker away"});
  telemetry->Record(RouteStands{"clicks", 6});
  telemetry->Record(RoutedBehind{Milliseconds(2500)});
  telemetry->Record(PartitionAssigned{partition});
  telemetry->Record(PartitionRestored{partition, Milliseconds(1500)});
  telemetry->Record(PartitionRestoring{Partition(4), 1200, Milliseconds(2500), true});
  telemetry->Record(PartitionStands{partition, 12, Seconds(2), Timestamp(1772442000250), 7, 99,
                                    Milliseconds(500), true, false, 3});
  telemetry->Record(RulesLoaded{"0011", Timestamp(1772442000000)});
  telemetry->Record(RulesRefused{2, "a.yaml:1:2: error[J012]: unknown key"});
  telemetry->Record(RulesSwitched{partition, 4});
  telemetry->Record(StoreSize{"state", 4096});
  telemetry->Record(MailConcluded{"delivered", "gmail.com"});
  telemetry->Record(MailRetried{2});
  telemetry->Record(MailNotComposed{"offer", "render_error"});
  telemetry->Record(MailBounced{"hard", 3});
  telemetry->Record(MailComplained{1});
  telemetry->Record(MailOpened{true, 4});
  telemetry->Record(MailLinkClicked{false, 5});
  telemetry->Record(FeedbackTaken{"ses", "bounced_hard", true});
  telemetry->Record(FeedbackTaken{"mailbox", "complained", false});
  telemetry->Record(FeedbackRefused{"mailgun", "signature", "no"});
  telemetry->Record(ConsentChosen{false, "marketing", "one_click", 1});
  telemetry->Record(ConsentChosen{true, "all", "event", 2});
  telemetry->Record(MailQueue{7, 1, Seconds(3)});
  telemetry->Record(WebhookConcluded{"delivered", "https://crm.example"});
  telemetry->Record(WebhookRetried{"https://crm.example"});
  telemetry->Record(WebhookFailed{"exhausted"});
  telemetry->Record(WebhookCircuitOpened{"https://crm.example", "503"});
  telemetry->Record(WebhookUrlDisabled{"https://crm.example/hook"});
  telemetry->Record(WebhookQueue{5, 2, Seconds(4), 1, 3});
  telemetry->Record(ReadyStands{true});
  telemetry->Record(DiskFree{1 << 20});
  telemetry->Record(CertificateStands{"main", Timestamp(1'800'000'000'000)});
  telemetry->Record(CallsTaken{"website", 3});
  telemetry->Record(CallsDropped{"metrics"});
  telemetry->Record(RequestServed{"/v1/track", 200, Milliseconds(3)});
}

TEST(Telemetry, EveryOccurrenceHasItsMetric) {
  Telemetry telemetry("1.2.3");
  CaptureStderr();
  RecordEverything(&telemetry);
  GetCapturedStderr();
  const std::pair<const char*, const char*> expected[] = {
      {R"(sojourn_build_info{version="1.2.3"})", "1"},
      {R"(sojourn_events_total{source="web",type="track"})", "5"},
      {R"(sojourn_events_dropped_total{reason="duplicate"})", "2"},
      {R"(sojourn_dead_letters_total{reason="undecodable",source="web"})", "1"},
      {R"(sojourn_log_times_clamped_total)", "1"},
      {R"(sojourn_runs_entered_total{journey="win-back"})", "2"},
      {R"(sojourn_entries_refused_total{journey="win-back",reason="only_if"})", "1"},
      {R"(sojourn_runs_exited_total{journey="win-back",reason="goal"})", "1"},
      {R"(sojourn_goals_reached_total{journey="win-back"})", "1"},
      {R"(sojourn_steps_skipped_total{journey="win-back",reason="no_consent"})", "3"},
      {R"(sojourn_expression_errors_total{journey="win-back"})", "1"},
      {R"(sojourn_wrong_types_total)", "4"},
      {R"(sojourn_unknown_topics_total{event="Unsubscribed"})", "2"},
      {"sojourn_ids_merged_total", "2"},
      {R"(sojourn_merges_refused_total{reason="merged_elsewhere"})", "1"},
      {"sojourn_events_sent_on_total", "3"},
      {R"(sojourn_actions_total{journey="win-back",kind="send_email"})", "2"},
      {R"(sojourn_actions_late_total)", "1"},
      {R"(sojourn_commit_duration_seconds_bucket{le="0.01"})", "0"},
      {R"(sojourn_commit_duration_seconds_bucket{le="0.025"})", "1"},
      {R"(sojourn_event_to_action_seconds_sum)", "0.04"},
      {R"(sojourn_records_total)", "10"},
      {R"(sojourn_timers_fired_total)", "4"},
      {R"(sojourn_persons_changed_total)", "6"},
      {R"(sojourn_person_bytes_total)", "1200"},
      {R"(sojourn_rollbacks_total{outcome="uncertain"})", "1"},
      {R"(sojourn_partition_restoring{partition="3"})", "0"},
      {R"(sojourn_partition_restore_duration_seconds{partition="3"})", "1.5"},
      {R"(sojourn_restore_records_remaining{partition="3"})", "0"},
      {R"(sojourn_restore_records_remaining{partition="4"})", "1200"},
      {R"(sojourn_restore_seconds_remaining{partition="4"})", "2.5"},
      {R"(sojourn_lag_records{partition="3"})", "12"},
      {R"(sojourn_lag_seconds{partition="3"})", "2"},
      {R"(sojourn_watermark_timestamp_seconds{partition="3"})", "1772442000.25"},
      {R"(sojourn_persons{partition="3"})", "7"},
      {R"(sojourn_timers_pending{partition="3"})", "99"},
      {R"(sojourn_timers_oldest_overdue_seconds{partition="3"})", "0.5"},
      {R"(sojourn_partition_importing{partition="3"})", "1"},
      {R"(sojourn_partition_upgrading{partition="3"})", "0"},
      {R"(sojourn_rules_info{revision="0011"})", "1"},
      {R"(sojourn_rules_loads_total{result="loaded"})", "1"},
      {R"(sojourn_rules_loads_total{result="refused"})", "1"},
      {R"(sojourn_rules_last_successful_load_timestamp_seconds)", "1772442000"},
      {R"(sojourn_rules_last_load_successful)", "0"},
      {R"(sojourn_rules_bundle{partition="3"})", "4"},
      {R"(sojourn_store_size_bytes{part="state"})", "4096"},
      {R"(sojourn_mails_total{domain="gmail",outcome="delivered"})", "1"},
      {R"(sojourn_mail_retries_total)", "2"},
      {R"(sojourn_mail_failures_total{reason="render_error",template="offer"})", "1"},
      {R"(sojourn_mail_bounces_total{type="hard"})", "3"},
      {R"(sojourn_mail_complaints_total)", "1"},
      {R"(sojourn_mail_opens_total{machine="true"})", "4"},
      {R"(sojourn_mail_clicks_total{machine="false"})", "5"},
      {R"(sojourn_feedback_total{kind="bounced_hard",provider="ses"})", "1"},
      {R"(sojourn_feedback_unmarked_total{provider="mailbox"})", "1"},
      {R"(sojourn_feedback_refused_total{provider="mailgun",reason="signature"})", "1"},
      {R"(sojourn_unsubscriptions_total{topic="marketing",way="one_click"})", "1"},
      {R"(sojourn_subscriptions_total{topic="all",way="event"})", "2"},
      {R"(sojourn_mail_queue{state="waiting"})", "7"},
      {R"(sojourn_mail_queue_oldest_age_seconds)", "3"},
      {R"(sojourn_webhooks_total{endpoint="https://crm.example",outcome="delivered"})", "1"},
      {R"(sojourn_webhook_retries_total{endpoint="https://crm.example"})", "1"},
      {R"(sojourn_webhook_failures_total{reason="exhausted"})", "1"},
      {R"(sojourn_webhook_circuits_opened_total{endpoint="https://crm.example"})", "1"},
      {R"(sojourn_webhook_queue{state="waiting"})", "5"},
      {R"(sojourn_webhook_queue{state="held"})", "2"},
      {R"(sojourn_webhook_queue_oldest_age_seconds)", "4"},
      {R"(sojourn_webhook_circuits_open)", "1"},
      {R"(sojourn_webhook_urls_disabled)", "3"},
      {R"(sojourn_ready)", "1"},
      {R"(sojourn_disk_free_bytes)", "1048576"},
      {R"(sojourn_tls_certificate_expires_timestamp_seconds{listener="main"})", "1800000000"},
      {R"(sojourn_intake_events_total{write_key="website"})", "3"},
      {R"(sojourn_intake_dropped_total{reason="metrics"})", "1"},
      {R"(sojourn_http_requests_total{code="200",route="/v1/track"})", "1"},
      {R"(sojourn_http_request_duration_seconds_count{route="/v1/track"})", "1"},
  };
  for (const auto& [metric, value] : expected)
    EXPECT_EQ(ValueOf(telemetry, metric), value) << metric;
}

TEST(Telemetry, WhatAlertsLookAtBeginsWithZero) {
  Telemetry telemetry("1.2.3");
  for (const char* metric :
       {R"(sojourn_mails_total{domain="other",outcome="failed"})",
        R"(sojourn_mails_total{domain="netease",outcome="expired"})", "sojourn_mail_retries_total",
        R"(sojourn_mail_bounces_total{type="hard"})", "sojourn_mail_complaints_total",
        R"(sojourn_mail_opens_total{machine="true"})", R"(sojourn_mail_queue{state="held"})",
        R"(sojourn_rollbacks_total{outcome="not_committed"})",
        R"(sojourn_rules_loads_total{result="refused"})", "sojourn_actions_late_total"}) {
    EXPECT_EQ(ValueOf(telemetry, metric), "0") << metric;
  }
}

TEST(Telemetry, AReleasedPartitionLeavesNoGauges) {
  Telemetry telemetry("1.2.3");
  CaptureStderr();
  RecordEverything(&telemetry);
  telemetry.Record(PartitionReleased{Partition(3)});
  GetCapturedStderr();
  EXPECT_EQ(telemetry.Exposition().find("partition=\"3\""), std::string::npos);
}

TEST(Telemetry, ARestoreTellsWhatIsLeft) {
  Telemetry telemetry("1.2.3");
  const auto records = [&] {
    return ValueOf(telemetry, R"(sojourn_restore_records_remaining{partition="3"})");
  };
  const auto seconds = [&] {
    return ValueOf(telemetry, R"(sojourn_restore_seconds_remaining{partition="3"})");
  };
  CaptureStderr();
  telemetry.Record(PartitionAssigned{Partition(3)});
  EXPECT_EQ(records(), "0");
  telemetry.Record(PartitionRestoring{Partition(3), 500, std::nullopt, true});
  EXPECT_EQ(records(), "500");
  EXPECT_EQ(seconds(), "");
  telemetry.Record(PartitionRestoring{Partition(3), 400, Seconds(8), true});
  telemetry.Record(PartitionRestoring{Partition(3), 300, Seconds(6), false});
  EXPECT_EQ(records(), "300");
  EXPECT_EQ(seconds(), "6");
  telemetry.Record(PartitionRestored{Partition(3), Seconds(9)});
  EXPECT_EQ(records(), "0");
  EXPECT_EQ(seconds(), "");
  const std::string log = GetCapturedStderr();
  EXPECT_NE(log.find("records_remaining=500"), std::string::npos) << log;
  EXPECT_NE(log.find("records_remaining=400 seconds_remaining=8"), std::string::npos) << log;
  EXPECT_EQ(log.find("records_remaining=300"), std::string::npos) << log;
}

TEST(Telemetry, AnUnknownLagIsNotZero) {
  Telemetry telemetry("1.2.3");
  PartitionStands stands{Partition(3), 0,     Duration(), Timestamp(), 0, 0, Duration(),
                         false,        false, 4};
  telemetry.Record(stands);
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_lag_records{partition="3"})"), "0");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_lag_seconds{partition="3"})"), "0");
  stands.lag_records = std::nullopt;
  stands.lag = std::nullopt;
  telemetry.Record(stands);
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_lag_records{partition="3"})"), "");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_lag_seconds{partition="3"})"), "");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_persons{partition="3"})"), "0");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_rules_bundle{partition="3"})"), "4");
}

TEST(Telemetry, OnlyTheLoadedRulesAreShown) {
  Telemetry telemetry("1.2.3");
  CaptureStderr();
  telemetry.Record(RulesLoaded{"one", Timestamp()});
  telemetry.Record(RulesLoaded{"one", Timestamp()});
  telemetry.Record(RulesLoaded{"two", Timestamp()});
  GetCapturedStderr();
  EXPECT_EQ(ValueOf(telemetry, "sojourn_rules_info{revision=\"one\"}"), "");
  EXPECT_EQ(ValueOf(telemetry, "sojourn_rules_info{revision=\"two\"}"), "1");
}

TEST(Telemetry, AFloodOfDeadLettersIsCountedButNotLoggedInFull) {
  Telemetry telemetry("1.2.3");
  CaptureStderr();
  for (int i = 0; i < 1000; ++i) {
    telemetry.Record(RecordDeadLettered{"web", Partition(0), Offset(i), "undecodable", "x"});
  }
  const std::string log = GetCapturedStderr();
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_dead_letters_total{reason="undecodable",source="web"})"),
            "1000");
  const auto lines = std::count(log.begin(), log.end(), '\n');
  EXPECT_GE(lines, 1);
  EXPECT_LT(lines, 100);
}

TEST(Telemetry, ManyThreadsMayRecord) {
  Telemetry telemetry("1.2.3");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&telemetry] {
      for (int round = 0; round < 500; ++round) {
        telemetry.Record(EventsApplied{"web", "track", 1});
        telemetry.Record(ActionLatency{Milliseconds(1)});
        if (round % 100 == 0) telemetry.Exposition();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_events_total{source="web",type="track"})"), "2000");
  EXPECT_EQ(ValueOf(telemetry, "sojourn_event_to_action_seconds_count"), "2000");
}

TEST(Telemetry, PromtoolFindsNothingToSay) {
  Telemetry telemetry("1.2.3");
  CaptureStderr();
  RecordEverything(&telemetry);
  GetCapturedStderr();
  const std::string file = ::testing::TempDir() + "/sojourn_exposition.txt";
  std::ofstream(file) << telemetry.Exposition();
  FILE* promtool = popen(("promtool check metrics < " + file + " 2>&1").c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string said;
  for (int c = fgetc(promtool); c != EOF; c = fgetc(promtool)) said += static_cast<char>(c);
  EXPECT_EQ(pclose(promtool), 0);
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace sojourn::telemetry
