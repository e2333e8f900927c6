#include "engine/telemetry/runtime_observer.h"

#include <array>

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
