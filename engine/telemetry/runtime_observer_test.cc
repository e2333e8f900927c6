#include "engine/telemetry/runtime_observer.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace sojourn::telemetry {
namespace {

constexpr Partition kPartition(2);

// The value of a metric as the exposition writes it; "" where there is no such line.
std::string ValueOf(const Telemetry& telemetry, const std::string& metric) {
  const std::string text = "\n" + telemetry.Exposition();
  const size_t line = text.find("\n" + metric + " ");
  if (line == std::string::npos) return "";
  const size_t value = line + metric.size() + 2;
  return text.substr(value, text.find('\n', value) - value);
}

// One event that ended a run, was skipped once and caused an action.
void Step(RuntimeObserver* observer) {
  model::Event event;
  const std::array<model::Fact, 7> facts = {
      model::Fact{.kind = model::FactKind::kExited, .journey = "j", .reason = "goal"},
      model::Fact{.kind = model::FactKind::kSkipped, .journey = "j", .reason = "no_consent"},
      model::Fact{.kind = model::FactKind::kEventDropped, .reason = "duplicate"},
      model::Fact{.kind = model::FactKind::kExpressionError, .journey = "j", .step = "1"},
      model::Fact{.kind = model::FactKind::kExpressionError},  // in a segment
      model::Fact{.kind = model::FactKind::kUnknownTopic, .name = "x", .reason = "Unsubscribed"},
      model::Fact{.kind = model::FactKind::kStepPassed, .journey = "j", .step = "1"}};
  const std::array<model::Action, 1> actions;
  observer->OnStep(
      {kPartition, "u1", &event, "web", Timestamp(1000), Timestamp(1000), facts, actions});
}

runtime::CommitReport Committed(std::span<const model::Action> actions) {
  runtime::CommitReport report;
  report.partition = kPartition;
  report.actions = actions;
  report.records = 1;
  report.committed_at = Timestamp(1250);
  return report;
}

constexpr char kEvents[] = R"(sojourn_events_total{source="web",type="track"})";

TEST(RuntimeObserver, CouponsAreCountedByWhereTheyCameFrom) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  const model::Event event;
  const std::array<model::Fact, 3> facts = {
      model::Fact{
          .kind = model::FactKind::kSkipped, .journey = "j", .name = "p", .reason = "coupon_empty"},
      model::Fact{.kind = model::FactKind::kCouponRedeemed,
                  .journey = "j",
                  .step = "1",
                  .name = "p",
                  .reason = "redeemed",
                  .detail = "CODE"},
      model::Fact{.kind = model::FactKind::kCouponRedeemed, .reason = "unknown"}};
  observer.OnStep({kPartition, "u1", &event, "web", Timestamp(1), Timestamp(1), facts, {}});
  observer.OnCommitted(Committed({}));
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_coupon_pool_empty_total{pool="p"})"), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_coupon_redemptions_total{)"
                               R"(journey="j",outcome="redeemed",pool="p"})"),
            "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_coupon_redemptions_total{)"
                               R"(journey="",outcome="unknown",pool=""})"),
            "1");
}

TEST(RuntimeObserver, WhatIsLeftOfAPoolIsTheSumOfItsPartitions) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  const auto tell = [&](int partition, int64_t left, int64_t share = 100) {
    runtime::PartitionGauges gauges;
    gauges.partition = Partition(partition);
    gauges.pools = {{"p", left, share, 200, 100}};
    observer.OnGauges(gauges);
  };
  const auto left = [&] { return ValueOf(telemetry, R"(sojourn_coupons_remaining{pool="p"})"); };
  const auto low = [&] { return ValueOf(telemetry, R"(sojourn_coupon_pool_low{pool="p"})"); };
  tell(0, 55);  // of one partition's share half would be few
  EXPECT_EQ(left() + " " + low(), "55 0");
  tell(1, 50);
  EXPECT_EQ(left() + " " + low(), "105 0");
  tell(1, 44);
  EXPECT_EQ(left() + " " + low(), "99 1");
  tell(1, 45);
  EXPECT_EQ(left() + " " + low(), "100 0");
  observer.OnReleased(Partition(1));
  EXPECT_EQ(left(), "100");  // as last told; the next look counts what is still here
  observer.OnReleased(Partition(0));
  EXPECT_EQ(left() + low(), "");
}

// Twelve codes, of which three partitions have none, one, and eleven; told when fewer than 8 are
// left.
TEST(RuntimeObserver, ANewPoolIsNotLowWhileOnlySomePartitionsHaveTold) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  const int64_t shares[] = {0, 1, 11};
  for (int partition = 0; partition < 3; ++partition) {
    runtime::PartitionGauges gauges;
    gauges.partition = Partition(partition);
    gauges.pools = {{"p", shares[partition], shares[partition], 12, 8}};
    observer.OnGauges(gauges);
    EXPECT_EQ(ValueOf(telemetry, R"(sojourn_coupon_pool_low{pool="p"})"), "0") << partition;
  }
}

TEST(RuntimeObserver, StepsCountWhenTheyAreCommitted) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  Step(&observer);
  EXPECT_EQ(ValueOf(telemetry, kEvents), "");
  model::Action action;
  action.journey = "j";
  action.late = true;
  observer.OnCommitted(Committed(std::span(&action, 1)));
  EXPECT_EQ(ValueOf(telemetry, kEvents), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_runs_exited_total{journey="j",reason="goal"})"), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_steps_skipped_total{journey="j",reason="no_consent"})"),
            "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_events_dropped_total{reason="duplicate"})"), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_expression_errors_total{journey="j"})"), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_expression_errors_total{journey=""})"), "");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_unknown_topics_total{event="Unsubscribed"})"), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_actions_total{journey="j",kind="send_email"})"), "1");
  EXPECT_EQ(ValueOf(telemetry, "sojourn_actions_late_total"), "1");
  EXPECT_EQ(ValueOf(telemetry, "sojourn_event_to_action_seconds_sum"), "0.25");
  EXPECT_EQ(ValueOf(telemetry, "sojourn_records_total"), "1");

  observer.OnCommitted(Committed({}));  // nothing new
  EXPECT_EQ(ValueOf(telemetry, kEvents), "1");
  EXPECT_EQ(ValueOf(telemetry, "sojourn_event_to_action_seconds_count"), "1");
}

// One event that reached the rules, with text properties; `facts` beside that it did.
void React(RuntimeObserver* observer, std::string_view name,
           const std::vector<std::pair<std::string, model::Value>>& properties,
           std::vector<model::Fact> facts = {}, bool historical = false) {
  std::vector<model::MapEntry> entries;
  for (const auto& [key, value] : properties) entries.push_back({model::Value::String(key), value});
  model::Event event;
  event.name = name;
  event.historical = historical;
  event.properties = model::Value::Map(entries.data(), static_cast<uint32_t>(entries.size()));
  facts.push_back({.kind = model::FactKind::kEventApplied});
  observer->OnStep(
      {kPartition, "u1", &event, "events", Timestamp(1000), Timestamp(1000), facts, {}});
}

TEST(RuntimeObserver, ReactionsToMailsCountOnceTheyAreCommitted) {
  using model::Value;
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  const auto react_to_everything = [&] {
    React(&observer, "Email Bounced", {{"type", Value::String("hard")}});
    React(&observer, "Email Bounced", {{"type", Value::String("strange")}});
    React(&observer, "Email Marked as Spam", {});
    React(&observer, "Email Opened", {{"machine", Value::Bool(true)}});
    React(&observer, "Email Opened", {});
    React(&observer, "Email Link Clicked", {{"machine", Value::Bool(false)}});
    React(&observer, "Unsubscribed",
          {{"topic", Value::String("news")}, {"way", Value::String("one_click")}});
    React(&observer, "Unsubscribed", {{"way", Value::String("a way of its own")}});
    React(&observer, "Unsubscribed", {{"topic", Value::String("unheard of")}},
          {{.kind = model::FactKind::kUnknownTopic, .reason = "Unsubscribed"}});
    React(&observer, "Subscribed", {{"topic", Value::String("news")}});
    React(&observer, "Subscribed", {{"topic", Value::Int(7)}});  // changes nothing
    React(&observer, "Subscribed", {{"topic", Value::String("news")}}, {}, /*historical=*/true);
  };
  react_to_everything();
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_mail_bounces_total{type="hard"})"), "0");
  observer.OnRolledBack(kPartition, runtime::CommitOutcome::kNotCommitted, Unavailable("away"));
  react_to_everything();
  observer.OnCommitted(Committed({}));
  for (const char* metric :
       {R"(sojourn_mail_bounces_total{type="hard"})", R"(sojourn_mail_bounces_total{type="other"})",
        "sojourn_mail_complaints_total", R"(sojourn_mail_opens_total{machine="true"})",
        R"(sojourn_mail_opens_total{machine="false"})",
        R"(sojourn_mail_clicks_total{machine="false"})",
        R"(sojourn_unsubscriptions_total{topic="news",way="one_click"})",
        R"(sojourn_unsubscriptions_total{topic="all",way="event"})",
        R"(sojourn_unsubscriptions_total{topic="unknown",way="event"})",
        R"(sojourn_subscriptions_total{topic="news",way="event"})"}) {
    EXPECT_EQ(ValueOf(telemetry, metric), "1") << metric;
  }
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_mail_clicks_total{machine="true"})"), "0");
}

TEST(RuntimeObserver, WhatWasRolledBackIsNotCounted) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  Step(&observer);
  ::testing::internal::CaptureStderr();
  observer.OnRolledBack(kPartition, runtime::CommitOutcome::kUncertain, Unavailable("away"));
  ::testing::internal::GetCapturedStderr();
  Step(&observer);
  observer.OnCommitted(Committed({}));
  EXPECT_EQ(ValueOf(telemetry, kEvents), "1");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_rollbacks_total{outcome="uncertain"})"), "1");
}

TEST(RuntimeObserver, AnImportSaysNothingAboutLatency) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  runtime::PartitionGauges gauges;
  gauges.partition = kPartition;
  gauges.importing = true;
  observer.OnGauges(gauges);
  Step(&observer);
  observer.OnCommitted(Committed({}));
  EXPECT_EQ(ValueOf(telemetry, "sojourn_event_to_action_seconds_count"), "0");
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_partition_importing{partition="2"})"), "1");
}

TEST(RuntimeObserver, DeadLettersKeepTheirSourceAndReason) {
  Telemetry telemetry("1");
  RuntimeObserver observer(&telemetry);
  runtime::DeadLetter letter;
  letter.reason = runtime::DeadLetterReason::kKeyMismatch;
  letter.topic = "web";
  runtime::CommitReport report = Committed({});
  report.dead_letters = std::span(&letter, 1);
  ::testing::internal::CaptureStderr();
  observer.OnCommitted(report);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(ValueOf(telemetry, R"(sojourn_dead_letters_total{reason="key_mismatch",source="web"})"),
            "1");
  EXPECT_NE(log.find("reason=key_mismatch"), std::string::npos);
}

}  // namespace
}  // namespace sojourn::telemetry
