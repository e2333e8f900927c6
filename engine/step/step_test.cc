// Whole inputs: what the environment, the record and the person's clock contribute.
#include "engine/step/step.h"

#include <map>
#include <string>

#include "engine/base/hash.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::FactKind;
using model::Value;

const Value kAddress = Value::String("u1@shop.example");

Files Mailing() {
  return With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go, where: event.value >= 20}
only_if: person.vip == true
steps:
  - send_email: hello
  - wait: 1 day
  - send_email: hello
)"}});
}

TEST(StepTest, AnActionSaysWhyAndCarriesWhatItsTemplateReads) {
  Driver driver(Mailing());
  driver.Apply("Identify", Seconds(0),
               {{"email", kAddress}, {"name", Value::String("Ana")}, {"vip", Value::Bool(true)}});
  driver.Apply("Go", Hours(1), {{"value", Value::Int(25)}}, "event-1");
  ASSERT_EQ(driver.output.actions.size(), 1u);
  const model::Action& action = driver.output.actions[0];
  EXPECT_EQ(action.address, "u1@shop.example");
  EXPECT_EQ(action.journey, "j");
  EXPECT_EQ(action.step, "1");
  EXPECT_EQ(action.topic, "marketing");
  EXPECT_EQ(action.values_json, R"({"person":{"name":"Ana"}})");
  EXPECT_EQ(action.time, Start() + Hours(1));
  EXPECT_EQ(action.useful_until, Start() + Hours(1) + Days(1));
  EXPECT_EQ(action.why.input, "Go");
  EXPECT_EQ(action.why.input_id, "event-1");
  EXPECT_EQ(action.why.topic, "web");
  EXPECT_EQ(action.why.partition, Partition(2));
  EXPECT_EQ(action.why.offset, Offset(2));
  ASSERT_EQ(action.why.conditions.size(), 2u);
  EXPECT_EQ(action.why.conditions[0].where, "trigger");
  EXPECT_EQ(action.why.conditions[0].expression, "event.value >= 20");
  EXPECT_NE(action.why.conditions[0].value.find("true"), std::string::npos);
  EXPECT_EQ(action.why.conditions[1].where, "only_if");
}

TEST(StepTest, ATimersActionNamesNoRecord) {
  Driver driver(Mailing());
  driver.Apply("Identify", Seconds(0), {{"email", kAddress}, {"vip", Value::Bool(true)}});
  driver.Apply("Go", Hours(1), {{"value", Value::Int(25)}}, "event-1");
  driver.output.Clear();
  driver.Fire(Days(3));
  ASSERT_EQ(driver.output.actions.size(), 1u);
  const model::Action& action = driver.output.actions[0];
  EXPECT_EQ(action.why.input, "timer");
  EXPECT_EQ(action.why.topic, "");
  EXPECT_TRUE(action.why.conditions.empty());
  EXPECT_EQ(action.time, Start() + Hours(25));
  EXPECT_EQ(driver.person.next_deadline, Timestamp::Max());
}

TEST(StepTest, TheSameInputsGiveTheSameActions) {
  std::string ids[2];
  for (std::string& id : ids) {
    Driver driver(Mailing());
    driver.Apply("Identify", Seconds(0), {{"email", kAddress}, {"vip", Value::Bool(true)}});
    driver.Apply("Go", Hours(1), {{"value", Value::Int(25)}});
    driver.Fire(Days(3));
    for (const model::Action& action : driver.output.actions) id += action.id + " ";
  }
  EXPECT_EQ(ids[0].size(), 2 * 37u);
  EXPECT_EQ(ids[0], ids[1]);
}

TEST(StepTest, LogicalTimeNeverGoesBack) {
  Driver driver(Mailing());
  driver.Apply("Tick", Hours(2));
  driver.ApplyNow(driver.Make("Tick", Hours(1), {}), Start() + Hours(1));
  EXPECT_EQ(driver.person.clock, Start() + Hours(2));
  EXPECT_EQ(driver.person.last_seen_at, Start() + Hours(2));
  EXPECT_EQ(driver.person.first_seen_at, Start() + Hours(2));
}

TEST(StepTest, AnEarlierLogTimeLimitsHowLongASendIsUseful) {
  Driver driver(Mailing());
  driver.Apply("Identify", Hours(5), {{"email", kAddress}, {"vip", Value::Bool(true)}});
  driver.ApplyNow(driver.Make("Go", Hours(1), {{"value", Value::Int(25)}}), Start() + Hours(1));
  ASSERT_EQ(driver.output.actions.size(), 1u);
  EXPECT_EQ(driver.output.actions[0].time, Start() + Hours(5));
  EXPECT_EQ(driver.output.actions[0].useful_until, Start() + Hours(1) + Days(1));
}

TEST(StepTest, HistoricalEventsStartNothing) {
  Driver driver(
      With({{"segments/s.yaml", "segment: s\nwhere: count(\"Go\") > 0\n"}, {"journeys/j.yaml", R"(
journey: j
trigger: {any_of: [{event: Go}, {enters_segment: s}]}
steps: [{wait: 1 day}]
)"}}));
  model::Event event = driver.Make("Go", Hours(0), {});
  event.historical = true;
  driver.ApplyNow(event, Start());
  EXPECT_TRUE(driver.person.known);
  EXPECT_TRUE(driver.person.InSegment(StableHash64("s")));
  EXPECT_TRUE(driver.person.runs.empty());
  EXPECT_EQ(driver.person.last_seen_at, Timestamp::Min());
  EXPECT_EQ(driver.Count(FactKind::kSegmentEntered), 0);
}

TEST(StepTest, AnImportedSubscriptionKeepsRefusals) {
  Driver driver(With({{"company.yaml", R"(
company: c
timezone: UTC
currency: USD
topics: {news: {default: opted_out}, offers: {default: opted_out}}
)"}}));
  const auto choices = [&] {
    std::map<std::string, bool> found;
    for (const model::ConsentChoice& choice : driver.person.consent) {
      found.emplace(choice.topic, choice.opted_in);
    }
    return found;
  };
  const Value keeps = Value::Bool(true);
  driver.Apply("Unsubscribed", Seconds(0), {{"topic", Value::String("news")}});
  driver.Apply("Subscribed", Seconds(1), {{"unless_unsubscribed", keeps}});
  EXPECT_EQ(choices(),
            (std::map<std::string, bool>{{"", true}, {"news", false}, {"offers", true}}));
  driver.Apply("Unsubscribed", Seconds(2));
  driver.Apply("Subscribed", Seconds(3), {{"unless_unsubscribed", keeps}});
  EXPECT_EQ(choices(),
            (std::map<std::string, bool>{{"", false}, {"news", false}, {"offers", false}}));
  driver.Apply("Subscribed", Seconds(4));
  EXPECT_EQ(choices(), (std::map<std::string, bool>{{"", true}, {"news", true}, {"offers", true}}));
}

TEST(StepTest, HistoricalEventsLetAnAwaitedConditionWakeAtItsNewMoment) {
  const Files files = With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
steps:
  - wait_until: {condition: now - last("Bought") > days(30), up_to: 300 days}
    then: [{exit: lapsed}]
)"}});
  Driver driver(files);
  driver.Apply("Go", Seconds(0));
  EXPECT_EQ(driver.person.next_deadline, Start() + Days(300));
  model::Event bought = driver.Make("Bought", Days(-20), {});
  bought.historical = true;
  driver.ApplyNow(bought, Start() + Hours(1));
  EXPECT_EQ(driver.Count(FactKind::kExited), 0);
  EXPECT_EQ(driver.person.next_deadline, Start() + Days(10) + Milliseconds(1));
  driver.Fire(Days(10) + Milliseconds(1));
  EXPECT_EQ(driver.Count(FactKind::kExited, "lapsed"), 1);
}

TEST(StepTest, HistoricalEventsThatMakeAnAwaitedConditionTrueAdvanceNothing) {
  Driver driver(With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
steps:
  - wait_until: {condition: count("Bought") >= 1, up_to: 300 days}
    then: [{exit: bought}]
)"}}));
  driver.Apply("Go", Seconds(0));
  model::Event bought = driver.Make("Bought", Days(-20), {});
  bought.historical = true;
  driver.ApplyNow(bought, Start() + Hours(1));
  driver.Fire(Days(2));
  EXPECT_EQ(driver.Count(FactKind::kExited), 0);
  driver.Apply("Tick", Days(3));
  EXPECT_EQ(driver.Count(FactKind::kExited, "bought"), 1);
}

TEST(StepTest, AnEndedRunsGoalReadsItsCouponAndItsPath) {
  Driver driver(
      With({{"coupons/c.yaml", "coupon_pool: c\nstatic: WELCOME10\n"}, {"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
goal: {event: Bought, where: event.code == coupon.code && ab_test.offer == "b", within: 10 days}
steps:
  - ab_test: offer
    paths: [{name: a, percent: 0}, {name: b, percent: 100}]
  - coupon: {pool: c}
)"}}));
  driver.Apply("Go", Seconds(0));
  ASSERT_EQ(driver.person.runs.size(), 0u);
  driver.Apply("Bought", Days(1), {{"code", Value::String("OTHER")}});
  EXPECT_EQ(driver.Count(FactKind::kGoal), 0);
  driver.Apply("Bought", Days(2), {{"code", Value::String("WELCOME10")}});
  EXPECT_EQ(driver.Count(FactKind::kGoal), 1);
}

TEST(StepTest, AnEndedRunKeepsNoResultsThatItsGoalDoesNotRead) {
  Driver driver(
      With({{"coupons/c.yaml", "coupon_pool: c\nstatic: WELCOME10\n"}, {"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
goal: {event: Bought, within: 10 days}
steps: [{coupon: {pool: c}}]
)"}}));
  driver.Apply("Go", Seconds(0));
  ASSERT_EQ(driver.person.ended_runs.size(), 1u);
  EXPECT_EQ(driver.person.ended_runs[0].coupon_code, "");
}

TEST(StepTest, OnlySendsThatSomeCapCountsAreRemembered) {
  const auto count = [](const std::string& caps) {
    Driver driver(With({{"company.yaml", "company: Shop\ntimezone: UTC\nfrequency_caps: " + caps +
                                             "\ntopics:\n  marketing: {default: opted_in}\n"
                                             "  news: {default: opted_in}\n"},
                        {"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
steps: [{send_email: hello}]
)"}}));
    driver.Apply("Identify", Seconds(0), {{"email", kAddress}});
    for (int day = 1; day <= 20; ++day) driver.Apply("Go", Days(day));
    EXPECT_EQ(driver.output.actions.size(), 20u);
    return driver.person.sent.size();
  };
  EXPECT_EQ(count("[{max: 5, per: 300 days, topic: news}]"), 0u);
  EXPECT_EQ(count("[{max: 5, per: 3 days}]"), 3u);
  EXPECT_EQ(count("[{max: 5, per: 3 days, topic: marketing}, {max: 1, per: 9 days, topic: news}]"),
            3u);
  EXPECT_EQ(count("[{max: 100, per: 300 days}]"), 20u);
}

TEST(StepTest, ErasingForgetsEverything) {
  Driver driver(Mailing());
  driver.Apply("Identify", Seconds(0), {{"email", kAddress}, {"vip", Value::Bool(true)}});
  driver.Apply("Go", Hours(1), {{"value", Value::Int(25)}}, "event-1");
  driver.Apply("Email Marked as Spam", Hours(2));
  driver.Apply("Person Erased", Hours(3));
  EXPECT_EQ(driver.Count(FactKind::kExited, "erased"), 1);
  EXPECT_FALSE(driver.person.known);
  EXPECT_TRUE(driver.person.traits.empty());
  EXPECT_EQ(driver.person.next_deadline, Timestamp::Max());
  driver.Apply("Go", Hours(4), {{"value", Value::Int(25)}}, "event-1");
  EXPECT_TRUE(driver.person.known);
  EXPECT_FALSE(driver.person.complained);
  EXPECT_EQ(driver.Count(FactKind::kEventDropped), 0);
}

TEST(StepTest, EnrolledByHandLater) {
  Driver driver(With({{"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
reentry: never
steps: [{send_email: {template: hello, data: {name: trigger.name}}}]
)"}}));
  driver.Apply("Identify", Seconds(0), {{"email", kAddress}});
  const auto enroll = [&](Duration now, Duration at) {
    model::Event event = driver.Make("j", now, {{"at", Value::Int((Start() + at).milliseconds())}});
    event.type = model::EventType::kEnroll;
    driver.ApplyNow(event, Start() + now);
  };
  enroll(Hours(1), Hours(5));
  enroll(Hours(2), Hours(7));
  EXPECT_EQ(driver.Count(FactKind::kEventDropped, "already_planned"), 1);
  EXPECT_EQ(driver.person.next_deadline, Start() + Hours(5));
  enroll(Hours(3), Hours(4));
  EXPECT_EQ(driver.person.next_deadline, Start() + Hours(4));
  driver.Fire(Hours(8));
  enroll(Hours(9), Hours(9));
  driver.Fire(Hours(9));
  ASSERT_EQ(driver.output.actions.size(), 1u);
  EXPECT_EQ(driver.output.actions[0].values_json, R"({"person":{},"data":{"name":"enroll"}})");
  EXPECT_EQ(driver.Count(FactKind::kEntryRefused, "reentry"), 1);
  EXPECT_EQ(driver.person.last_seen_at, Start());
}

TEST(StepTest, WhoIsKnownFromHistoryOnlyHasNotBeenSeen) {
  Driver driver(
      With({{"segments/s.yaml", "segment: s\nwhere: now - person.last_seen_at > days(9)\n"},
            {"templates/seen.liquid",
             "---\ntemplate: seen\nsubject: Hi\n---\n{{ person.last_seen_at }}\n"},
            {"journeys/j.yaml", R"(
journey: j
trigger: {date: person.due, at: "09:00"}
steps: [{send_email: seen}]
)"}}));
  model::Event event = driver.Make("Identify", Hours(0),
                                   {{"email", kAddress}, {"due", Value::String("2026-03-12")}});
  event.historical = true;
  driver.ApplyNow(event, Start());
  EXPECT_FALSE(driver.person.InSegment(StableHash64("s")));
  driver.Fire(Days(11));
  EXPECT_FALSE(driver.person.InSegment(StableHash64("s")));
  ASSERT_EQ(driver.output.actions.size(), 1u);
  EXPECT_EQ(driver.output.actions[0].values_json, R"({"person":{}})");
}

TEST(StepTest, ATopicThatCannotBeReadStopsMailAndNeverStartsIt) {
  for (const bool catalogued : {false, true}) {
    Files files = BasicFiles();
    files["company.yaml"] +=
        "topics:\n  marketing: {default: opted_in}\n  news: {default: opted_out}\n";
    if (catalogued)
      files["catalog.yaml"] =
          "catalog: c\nevents: {Go: {total: double?}}\ntraits: {name: string?}\n";
    Driver driver(files);
    const auto opted_in = [&] {
      int count = 0;
      for (const model::ConsentChoice& choice : driver.person.consent) count += choice.opted_in;
      return count;
    };
    driver.Apply("Unsubscribed", Seconds(0));
    const uint32_t choices = driver.person.consent.size();
    EXPECT_EQ(choices, 3u);  // both topics, and those to come
    driver.Apply("Subscribed", Seconds(1), {{"topic", Value::Int(5)}});
    driver.Apply("Subscribed", Seconds(2), {{"topic", Value::String("")}});
    EXPECT_EQ(opted_in(), 0);
    EXPECT_EQ(driver.Count(FactKind::kWrongType, "string"), 1);
    EXPECT_EQ(driver.Count(FactKind::kUnknownTopic, "Subscribed"), 1);

    driver.Apply("Subscribed", Seconds(3), {{"topic", Value::Null()}});
    EXPECT_EQ(opted_in(), 3);
    driver.Apply("Unsubscribed", Seconds(4), {{"topic", Value::String("newz")}});
    EXPECT_EQ(opted_in(), 3);
    EXPECT_EQ(driver.Count(FactKind::kUnknownTopic, "Unsubscribed"), 1);
    driver.Apply("Unsubscribed", Seconds(5), {{"topic", Value::Int(5)}});
    EXPECT_EQ(opted_in(), 0);
    EXPECT_EQ(driver.Count(FactKind::kWrongType, "string"), 2);
    EXPECT_EQ(driver.person.consent.size(), choices);
  }
}

TEST(StepTest, ARefusalWithoutARunKeyIsCountedOnce) {
  const auto journey = [](const std::string& more) {
    return With({{"j.yaml",
                  "journey: j\ntrigger: {any_of: [{event: Go}, {event: Go, where: \"true\"}]}\n"
                  "one_run_per: event.key\nsteps: [{wait: 1 day}]\n" +
                      more}});
  };
  Driver inactive(journey("active: {from: 2099-01-01T00:00:00Z}\n"));
  inactive.Apply("Go", Seconds(1), {{"key", Value::Int(1)}});
  EXPECT_EQ(inactive.Count(FactKind::kEntryRefused, "inactive"), 1);
  Driver keyless(journey(""));
  keyless.Apply("Go", Seconds(1));
  EXPECT_EQ(keyless.Count(FactKind::kEntryRefused, "run_key_error"), 1);
  keyless.Apply("Go", Seconds(2));
  EXPECT_EQ(keyless.Count(FactKind::kEntryRefused, "run_key_error"), 2);
}

TEST(StepTest, AValueOfTheWrongTypeIsCountedAndReadAsAbsent) {
  Driver driver(With(
      {{"catalog.yaml",
        "catalog: c\nevents: {Go: {total: double?, kind: string?}}\n"
        "traits: {email: string?, name: string?}\n"},
       {"templates/hello.liquid",
        "---\ntemplate: hello\nsubject: Hi\n---\n"
        "{{ person.name }} {{ event.total }} {{ event.kind }}\n"},
       {"journeys/j.yaml", "journey: j\ntrigger: {event: Go}\nsteps: [{send_email: hello}]\n"}}));
  driver.Apply("Identify", Seconds(0), {{"email", kAddress}, {"name", Value::Int(5)}});
  driver.Apply("Go", Seconds(1), {{"total", Value::Int(3)}, {"kind", Value::Bool(true)}});
  EXPECT_EQ(driver.Count(FactKind::kWrongType, "string"), 2);
  ASSERT_EQ(driver.output.actions.size(), 1u);
  EXPECT_EQ(driver.output.actions[0].values_json,
            R"({"person":{"name":null},"event":{"total":3.0,"kind":null}})");
}

TEST(StepTest, TraitsThatComeAlongWithAnEventAreThePersonsFromThatEventOn) {
  Driver driver(Mailing());
  model::Event event = driver.Make("Go", Hours(1), {{"value", Value::Int(25)}});
  model::MapEntry traits[] = {{Value::String("email"), kAddress},
                              {Value::String("vip"), Value::Bool(true)}};
  event.traits = Value::Map(traits, 2);
  driver.ApplyNow(event, Start() + Hours(1));
  ASSERT_EQ(driver.output.actions.size(), 1u);
  EXPECT_EQ(driver.output.actions[0].address, "u1@shop.example");
}

TEST(StepTest, AGoalThatExitsGivesTheReasonWhereverItStandsInExitOn) {
  for (const bool goal_first : {true, false}) {
    const std::string event = "{event: Bought}";
    const std::string list = goal_first ? "[goal, " + event + "]" : "[" + event + ", goal]";
    Driver driver(With(
        {{"journeys/j.yaml", "journey: j\ntrigger: {event: Go}\ngoal: {event: Bought}\nexit_on: " +
                                 list + "\nsteps: [{wait: 1 day}]\n"}}));
    driver.Apply("Go", Seconds(0));
    driver.Apply("Bought", Seconds(1));
    EXPECT_EQ(driver.Count(FactKind::kExited, "goal"), 1);
    EXPECT_EQ(driver.Count(FactKind::kGoal), 1);
  }
}

// What the outputs since the last Clear suppress.
std::vector<std::string> Suppressed(const Driver& driver) {
  std::vector<std::string> lines;
  for (const SuppressedAddress& entry : driver.output.suppressed) {
    lines.push_back(std::string(entry.address) +
                    (entry.reason == model::SuppressionReason::kBounced      ? " bounced "
                     : entry.reason == model::SuppressionReason::kComplained ? " complained "
                                                                             : " ? ") +
                    FormatRfc3339(entry.since));
  }
  return lines;
}

TEST(StepTest, BouncesAndComplaintsSuppressTheirAddress) {
  Driver driver(Mailing());
  const Driver::Properties hard = {{"type", Value::String("hard")}};
  // Nobody's address is known, and none is named.
  driver.Apply("Email Bounced", Minutes(1), hard);
  driver.Apply("Email Marked as Spam", Minutes(2));
  driver.Apply("Identify", Minutes(3), {{"email", kAddress}});
  driver.Apply("Email Bounced", Minutes(4), {{"type", Value::String("soft")}});
  EXPECT_EQ(Suppressed(driver), std::vector<std::string>());
  driver.Apply("Email Bounced", Hours(1), hard);
  driver.Apply("Email Bounced", Hours(2),
               {{"type", Value::String("hard")}, {"email", Value::String("old@shop.example")}});
  driver.Apply("Email Marked as Spam", Hours(3));
  driver.Apply("Email Marked as Spam", Hours(4), {{"email", Value::String("old@shop.example")}});
  // Said again, whatever the person's record remembers: who took it off the list is told anew.
  driver.Apply("Email Bounced", Hours(5), hard);
  EXPECT_EQ(Suppressed(driver),
            (std::vector<std::string>{"u1@shop.example bounced 2026-03-02T10:00:00Z",
                                      "old@shop.example bounced 2026-03-02T11:00:00Z",
                                      "u1@shop.example complained 2026-03-02T12:00:00Z",
                                      "old@shop.example complained 2026-03-02T13:00:00Z",
                                      "u1@shop.example bounced 2026-03-02T14:00:00Z"}));
  EXPECT_EQ(driver.person.bounced.size(), 2u);
  driver.output.Clear();
  EXPECT_TRUE(driver.output.suppressed.empty());
}

TEST(StepTest, HistoricalBouncesSuppressOnceAtTheLogicalTime) {
  Driver driver(Mailing());
  driver.Apply("Identify", Hours(2), {{"email", kAddress}});
  for (int copy = 0; copy < 2; ++copy) {
    model::Event event =
        driver.Make("Email Bounced", Hours(1), {{"type", Value::String("hard")}}, "bounce-1");
    event.historical = true;
    driver.ApplyNow(event, Start() + Hours(1));
  }
  EXPECT_EQ(Suppressed(driver),
            std::vector<std::string>{"u1@shop.example bounced 2026-03-02T11:00:00Z"});
}

TEST(StepTest, BrokenPropertiesDoNoHarm) {
  Driver driver(Mailing());
  driver.Apply("Identify", Seconds(0), {{"email", Value::Int(5)}, {"vip", Value::Bool(true)}});
  driver.Apply("Go", Hours(1), {{"value", Value::Int(25)}});
  EXPECT_EQ(driver.Count(FactKind::kSkipped, "no_address"), 1);
  driver.Apply("Go", Hours(2), {{"value", Value::String("dear")}});
  driver.Apply("Email Bounced", Hours(3), {{"type", Value::Int(1)}});
  driver.Apply("Unsubscribed", Hours(4), {{"topic", Value::List(nullptr, 0)}});
  EXPECT_EQ(driver.person.bounced.size(), 0u);
}

}  // namespace
}  // namespace sojourn::step
