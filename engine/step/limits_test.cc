// The named limits of the step, each at its edge.
#include "engine/base/limits.h"

#include "engine/step/action.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::FactKind;
using model::Value;

TEST(LimitsTest, ActiveRuns) {
  Driver driver(With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
one_run_per: event.key
steps: [{wait: 1 day}]
)"}}));
  for (int i = 0; i < 64; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  EXPECT_EQ(driver.person.runs.size(), kMaxActiveRunsPerPerson);
  EXPECT_EQ(driver.Count(FactKind::kEntryRefused), 0);
  driver.Apply("Go", Seconds(64), {{"key", Value::Int(64)}});
  EXPECT_EQ(driver.person.runs.size(), kMaxActiveRunsPerPerson);
  EXPECT_EQ(driver.Count(FactKind::kEntryRefused, "run_limit"), 1);
}

// `count` update_person steps in a row.
std::string Updates(int count) {
  std::string steps;
  for (int i = 0; i < count; ++i) steps += "  - update_person: {n: " + std::to_string(i) + "}\n";
  return "journey: j\ntrigger: {event: Go}\nsteps:\n" + steps;
}

TEST(LimitsTest, StepsOfOneWalk) {
  Driver at_the_limit(With({{"journeys/j.yaml", Updates(kMaxStepsPerWalk)}}));
  at_the_limit.Apply("Go", Seconds(0));
  EXPECT_EQ(at_the_limit.Count(FactKind::kExited, "completed"), 1);
  Driver over(With({{"journeys/j.yaml", Updates(kMaxStepsPerWalk + 1)}}));
  over.Apply("Go", Seconds(0));
  EXPECT_EQ(over.Count(FactKind::kExited, "limit"), 1);
  EXPECT_EQ(over.person.FindTrait("n")->int_value(), kMaxStepsPerWalk - 1);
}

TEST(LimitsTest, QueueDepth) {
  Driver driver(With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
steps: [{emit_event: {name: Go}}]
)"}}));
  driver.Apply("Go", Seconds(0));
  // The input itself and one for each depth.
  EXPECT_EQ(driver.Count(FactKind::kEntered), 1 + kMaxQueueDepth);
  EXPECT_EQ(driver.Count(FactKind::kQueuedDropped, "depth_limit"), 1);
}

TEST(LimitsTest, QueueLength) {
  std::string steps;
  for (int i = 0; i < 200; ++i) steps += "  - emit_event: {name: Other}\n";
  Driver driver(With({{"journeys/a.yaml", "journey: a\ntrigger: {event: Go}\nsteps:\n" + steps},
                      {"journeys/b.yaml", "journey: b\ntrigger: {event: Go}\nsteps:\n" + steps},
                      {"journeys/c.yaml", "journey: c\ntrigger: {event: Other}\nsteps: []\n"}}));
  driver.Apply("Go", Seconds(0));
  EXPECT_EQ(driver.Count(FactKind::kEntered), 2 + static_cast<int>(kMaxQueuedPerInput));
  EXPECT_EQ(driver.Count(FactKind::kQueuedDropped, "queue_limit"),
            400 - static_cast<int>(kMaxQueuedPerInput));
}

TEST(LimitsTest, AnActionThatNoLogCouldCarryIsSkipped) {
  Driver driver(With({{"journeys/j.yaml",
                       "journey: j\ntrigger: {event: Go}\n"
                       "only_if: person.name != \"\"\n"
                       "steps: [{send_email: hello}]\n"}}));
  // Every one of these characters takes six bytes in JSON.
  const std::string name(200 * 1024, '\x01');
  driver.Apply("Identify", Seconds(0),
               {{"email", Value::String("u1@shop.example")}, {"name", Value::String(name)}});
  driver.Apply("Go", Seconds(1));
  ASSERT_EQ(driver.output.actions.size(), 1u);
  EXPECT_LT(driver.output.actions[0].why.conditions[0].value.size(), kMaxExplanationBytes + 10);
  const std::string longer(300 * 1024, '\x01');
  driver.Apply("Identify", Seconds(2), {{"name", Value::String(longer)}});
  driver.Apply("Go", Seconds(3));
  EXPECT_EQ(driver.output.actions.size(), 1u);
  EXPECT_EQ(driver.Count(FactKind::kSkipped, "error"), 1);
}

TEST(LimitsTest, RecentEventIds) {
  Driver driver(BasicFiles());
  for (int i = 0; i <= 64; ++i) driver.Apply("Tick", Seconds(i), {}, std::to_string(i));
  EXPECT_EQ(driver.person.recent_ids.size(), kMaxRecentEventIds);
  driver.Apply("Tick", Seconds(65), {}, "1");  // the oldest still remembered
  EXPECT_EQ(driver.Count(FactKind::kEventDropped, "duplicate"), 1);
  driver.Apply("Tick", Seconds(66), {}, "0");  // forgotten
  EXPECT_EQ(driver.Count(FactKind::kEventDropped, "duplicate"), 1);
}

TEST(LimitsTest, RunKeysRememberedForReentry) {
  Driver driver(With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
one_run_per: event.key
reentry: never
steps: []
)"}}));
  for (int i = 0; i <= 256; ++i) driver.Apply("Go", Seconds(i), {{"key", Value::Int(i)}});
  EXPECT_EQ(driver.person.journeys[0].last_entries.size(), kMaxRunKeysPerJourney);
  driver.Apply("Go", Seconds(300), {{"key", Value::Int(1)}});
  EXPECT_EQ(driver.Count(FactKind::kEntryRefused, "reentry"), 1);
  driver.Apply("Go", Seconds(301), {{"key", Value::Int(0)}});  // forgotten
  EXPECT_EQ(driver.Count(FactKind::kEntered), 258);
}

TEST(LimitsTest, EndedRunsThatCanReachTheirGoal) {
  Driver driver(With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
goal: {event: Bought, within: 10 days}
steps: []
)"}}));
  for (int i = 0; i < 65; ++i) driver.Apply("Go", Seconds(i));
  EXPECT_EQ(driver.person.ended_runs.size(), kMaxEndedRunsPerPerson);
  driver.Apply("Bought", Days(1));
  EXPECT_EQ(driver.Count(FactKind::kGoal), 64);
  EXPECT_EQ(driver.person.ended_runs.size(), 0u);
}

}  // namespace
}  // namespace sojourn::step
