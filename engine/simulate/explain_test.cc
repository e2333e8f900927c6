// Golden texts: one small past for each thing that a marketer may ask about.
//
// SOJOURN_UPDATE_GOLDENS=1 writes them anew; review the difference.
#include "engine/simulate/explain.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/simulate/edited_shop.h"
#include "engine/simulate/explain_report.h"

namespace sojourn::simulate {
namespace {

std::string GoldenPath(const std::string& name) {
  const char* root = std::getenv("SOJOURN_SOURCE_DIR");
  return std::string(root == nullptr ? "." : root) + "/engine/simulate/testdata/explain/" + name +
         ".txt";
}

void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = GoldenPath(name);
  if (std::getenv("SOJOURN_UPDATE_GOLDENS") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

// The rules of one case, and a person's events under them.
class Past {
 public:
  explicit Past(const std::string& journey, const std::string& company = "") {
    files_ = {{"company.yaml", "company: Shop\ntimezone: Europe/Berlin\n" + company},
              {"journeys/j.yaml", journey},
              {"segments/lapsed.yaml",
               "segment: lapsed\nwhere: now - last(\"Order Completed\") > days(30)\n"},
              {"coupons/few.yaml", "coupon_pool: few\ncodes: [ONE]\n"},
              {"templates/hello.liquid",
               "---\ntemplate: hello\nsubject: Hi\n---\nHi {{ person.first_name }}\n"}};
    past_.person = "u1";
    past_.secrets.coupon_key = "key";
    Rules(Timestamp::Min());
  }

  // Others come into force.
  Past& NewJourney(Duration at, const std::string& journey) {
    files_["journeys/j.yaml"] = journey;
    return Rules(ShopOpens() + at);
  }
  Past& Event(Duration at, const std::string& name,
              std::vector<std::pair<std::string, model::Value>> properties = {}) {
    std::vector<model::MapEntry> entries;
    for (const auto& [key, value] : properties) {
      entries.push_back({model::Value::String(key), value});
    }
    const std::string id = "e" + std::to_string(past_.events.size() + 1);
    model::Event event;
    event.type = name == model::kIdentify ? model::EventType::kIdentify : model::EventType::kTrack;
    event.id = id;
    event.person = "u1";
    event.name = name;
    event.time = ShopOpens() + at;
    event.properties = model::Value::Map(entries.data(), static_cast<uint32_t>(entries.size()));
    PersonEvent& recorded = past_.events.emplace_back();
    recorded.log_time = ShopOpens() + at;
    recorded.topic = "events";
    recorded.partition = Partition(2);
    recorded.offset = Offset(static_cast<int64_t>(past_.events.size()) + 9);
    model::EncodeEvent(event, nullptr, &recorded.bytes);
    return *this;
  }
  Past& Known() {
    return Event({}, "Identify", {{"email", model::Value::String("u1@shop.example")}});
  }
  Past& Codes(step::GivenCodes codes) {
    past_.codes = std::move(codes);
    return *this;
  }

  Explanation Explained(Duration until) {
    past_.until = ShopOpens() + until;
    return ExplainPast(past_);
  }
  std::string Text(Duration until, const ExplainFilter& filter = {}) {
    return Print(until, filter, ExplainText);
  }
  std::string Json(Duration until) { return Print(until, {}, ExplainJson); }

 private:
  template <typename Write>
  std::string Print(Duration until, const ExplainFilter& filter, Write write) {
    const Explanation explanation = Explained(until);
    PersonReport report;
    report.person = "u1";
    report.now = past_.until;
    report.past = &explanation;
    report.state = explanation.person.get();
    report.rules = explanation.rules.get();
    return write(report, filter);
  }

  Past& Rules(Timestamp since) {
    const auto number = static_cast<uint32_t>(bundles_.size()) + 1;
    std::vector<std::shared_ptr<const language::Bundle>> older(bundles_.rbegin(), bundles_.rend());
    bundles_.push_back(Compiled(files_, number));
    past_.rules.push_back(
        {since, std::make_shared<language::RuleSet>(bundles_.back(), std::move(older))});
    return *this;
  }

  RuleFiles files_;
  std::vector<std::shared_ptr<const language::Bundle>> bundles_;
  PersonPast past_;
};

model::Value Number(int64_t number) { return model::Value::Int(number); }

constexpr char kGreet[] =
    "journey: j\ntrigger: {event: Signed Up}\nsteps:\n  - {id: mail, send_email: hello}\n";

TEST(ExplainTest, Send) {
  ExpectGolden("send",
               Past("journey: j\ntrigger: {event: Order Completed, where: event.total > 20}\n"
                    "only_if: count(\"Order Completed\", days(30)) == 1\nsteps:\n"
                    "  - {id: mail, send_email: hello}\n")
                   .Known()
                   .Event(Hours(1), "Order Completed", {{"total", Number(50)}})
                   .Text(Hours(2)));
}

TEST(ExplainTest, NoAddress) {
  ExpectGolden("no_address", Past(kGreet).Event({}, "Signed Up").Text(Hours(1)));
}

TEST(ExplainTest, Suppressed) {
  ExpectGolden("suppressed",
               Past(kGreet)
                   .Known()
                   .Event(Minutes(1), "Email Bounced", {{"type", model::Value::String("hard")}})
                   .Event(Minutes(2), "Signed Up")
                   .Text(Hours(1)));
}

TEST(ExplainTest, NoConsent) {
  ExpectGolden("no_consent", Past(kGreet, "topics:\n  marketing: {default: opted_in}\n")
                                 .Known()
                                 .Event(Minutes(1), "Unsubscribed",
                                        {{"topic", model::Value::String("marketing")}})
                                 .Event(Minutes(2), "Signed Up")
                                 .Text(Hours(1)));
}

TEST(ExplainTest, NoConsentByDefault) {
  ExpectGolden("no_consent_by_default", Past(kGreet, "topics:\n  marketing: {default: opted_out}\n")
                                            .Known()
                                            .Event(Minutes(2), "Signed Up")
                                            .Text(Hours(1)));
}

TEST(ExplainTest, HoldoutOfTheCompany) {
  ExpectGolden(
      "holdout_of_the_company",
      Past(kGreet, "holdout: 100\n").Known().Event(Minutes(2), "Signed Up").Text(Hours(1)));
}

TEST(ExplainTest, HoldoutOfTheJourney) {
  ExpectGolden("holdout_of_the_journey",
               Past("journey: j\nholdout: 100\ntrigger: {event: Signed Up}\nsteps:\n"
                    "  - {id: code, coupon: {pool: few}}\n  - {id: mail, send_email: hello}\n"
                    "  - {id: hook, webhook: {url: \"https://shop.example/hook\"}}\n")
                   .Known()
                   .Event(Minutes(2), "Signed Up")
                   .Text(Hours(1)));
}

TEST(ExplainTest, FrequencyCap) {
  ExpectGolden("frequency_cap", Past(kGreet, "frequency_caps: [{max: 1, per: 7 days}]\n")
                                    .Known()
                                    .Event(Minutes(2), "Signed Up")
                                    .Event(Hours(30), "Signed Up")
                                    .Text(Hours(31)));
}

TEST(ExplainTest, QuietHoursSkip) {
  ExpectGolden("quiet_hours_skip",
               Past(kGreet, "quiet_hours: {from: \"09:00\", to: \"12:00\", then: skip}\n")
                   .Known()
                   .Event(Minutes(2), "Signed Up")
                   .Text(Hours(1)));
}

TEST(ExplainTest, QuietHoursHold) {
  Past past(kGreet, "quiet_hours: {from: \"09:00\", to: \"12:00\", then: send_later}\n");
  past.Known().Event(Minutes(2), "Signed Up");
  ExpectGolden("quiet_hours_hold", past.Text(Hours(1)));
  ExpectGolden("quiet_hours_over", past.Text(Hours(5)));
}

constexpr char kCoupon[] =
    "journey: j\ntrigger: {event: Signed Up}\nsteps:\n  - {id: code, coupon: {pool: few}}\n";

TEST(ExplainTest, CouponEmpty) {
  ExpectGolden(
      "coupon_empty",
      Past(kCoupon).Event(Minutes(2), "Signed Up").Event(Minutes(3), "Signed Up").Text(Hours(1)));
}

// Others took the codes: what was given stands in the log of actions.
TEST(ExplainTest, CouponsAreAsTheyWereGiven) {
  Past past(kCoupon);
  past.Event(Minutes(2), "Signed Up");
  EXPECT_NE(past.Text(Hours(1)).find("gives out few"), std::string::npos);
  EXPECT_NE(past.Codes({}).Text(Hours(1)).find("skipped: coupon_empty"), std::string::npos);
}

TEST(ExplainTest, StepWithAnError) {
  ExpectGolden("error",
               Past("journey: j\ntrigger: {event: Signed Up}\nsteps:\n"
                    "  - id: mail\n    send_email: {template: hello, data: {half: 10 / event.n}}\n")
                   .Known()
                   .Event(Minutes(2), "Signed Up", {{"n", Number(0)}})
                   .Text(Hours(1)));
}

TEST(ExplainTest, RefusedReentry) {
  ExpectGolden("reentry", Past("journey: j\ntrigger: {event: Signed Up}\nreentry: after 2 days\n"
                               "steps:\n  - {id: mail, send_email: hello}\n")
                              .Known()
                              .Event(Minutes(2), "Signed Up")
                              .Event(Hours(30), "Signed Up")
                              .Text(Hours(31)));
}

TEST(ExplainTest, RefusedWhileRunningInactiveOrWithoutKey) {
  ExpectGolden("already_running", Past("journey: j\ntrigger: {event: Signed Up}\nsteps:\n"
                                       "  - {id: pause, wait: 2 days}\n")
                                      .Event(Minutes(2), "Signed Up")
                                      .Event(Hours(1), "Signed Up")
                                      .Text(Hours(2)));
  ExpectGolden("inactive",
               Past("journey: j\ntrigger: {event: Signed Up}\n"
                    "active: {from: 2026-04-01T00:00:00Z}\nsteps: [{send_email: hello}]\n")
                   .Event(Minutes(2), "Signed Up")
                   .Text(Hours(1)));
  ExpectGolden("run_key_error",
               Past("journey: j\ntrigger: {event: Signed Up}\none_run_per: event.order\n"
                    "steps: [{send_email: hello}]\n")
                   .Event(Minutes(2), "Signed Up")
                   .Text(Hours(1)));
}

TEST(ExplainTest, FalseOnlyIf) {
  ExpectGolden("only_if",
               Past("journey: j\ntrigger: {event: Signed Up}\nonly_if:\n  - person.age >= 18\n"
                    "  - count(\"Order Completed\", ever) == 0\n"
                    "steps: [{send_email: hello}]\n")
                   .Event({}, "Identify", {{"age", Number(17)}})
                   .Event(Minutes(2), "Signed Up")
                   .Text(Hours(1)));
}

TEST(ExplainTest, MissedTrigger) {
  ExpectGolden("missed_trigger",
               Past("journey: j\ntrigger:\n  any_of:\n"
                    "    - {event: Order Completed, where: event.total > 100}\n"
                    "    - {event: Order Completed, where: event.country == \"de\"}\n"
                    "steps: [{send_email: hello}]\n")
                   .Event(Minutes(2), "Order Completed",
                          {{"total", Number(50)}, {"country", model::Value::String("fr")}})
                   .Text(Hours(1)));
}

TEST(ExplainTest, PendingWaits) {
  ExpectGolden("pending_waits",
               Past("journey: j\ntrigger: {event: Signed Up}\none_run_per: event.n\nsteps:\n"
                    "  - if: event.n == 1\n    then: [{id: days, wait: {days: 3, at: \"10:00\"}}]\n"
                    "  - if: event.n == 2\n    then:\n      - id: buys\n        wait_until: "
                    "{any_of: [{event: Order Completed}, {event: Cart Saved}], up_to: 9 days}\n"
                    "  - if: event.n == 3\n    then:\n"
                    "      - {id: lapses, wait_until: {in_segment: lapsed, up_to: 60 days}}\n"
                    "  - if: event.n == 4\n    then:\n      - id: calm\n        wait_until: "
                    "{condition: now - last(\"Order Completed\") > days(2), up_to: 8 days}\n")
                   .Event({}, "Order Completed")
                   .Event(Minutes(1), "Signed Up", {{"n", Number(1)}})
                   .Event(Minutes(2), "Signed Up", {{"n", Number(2)}})
                   .Event(Minutes(3), "Signed Up", {{"n", Number(3)}})
                   .Event(Minutes(4), "Signed Up", {{"n", Number(4)}})
                   .Text(Hours(1)));
}

TEST(ExplainTest, ExitGoalPathAndSegments) {
  ExpectGolden("exit_and_goal",
               Past("journey: j\ntrigger: {enters_segment: lapsed}\n"
                    "goal: {event: Order Completed, where: event.total > 10}\n"
                    "exit_on: [goal, {event: Closed, where: event.why == \"gone\"}]\nsteps:\n"
                    "  - ab_test: t\n    paths: [{name: a, percent: 100}, {name: b, percent: 0}]\n"
                    "  - {id: mail, send_email: hello}\n  - {id: pause, wait: 9 days}\n")
                   .Known()
                   .Event(Minutes(1), "Order Completed", {{"total", Number(5)}})
                   .Event(Days(31), "Closed", {{"why", model::Value::String("later")}})
                   .Event(Days(32), "Order Completed", {{"total", Number(11)}})
                   .Text(Days(33)));
}

TEST(ExplainTest, Repetition) {
  Past past(kGreet);
  past.Known().Event(Minutes(1), "Signed Up");
  std::string text = past.Text(Hours(1));
  EXPECT_EQ(text.find("dropped"), std::string::npos);
}

TEST(ExplainTest, RulesThatChangeOnTheWay) {
  const std::string old_rules =
      "journey: j\ntrigger: {event: Signed Up}\nsteps:\n  - {id: pause, wait: 2 days}\n"
      "  - {id: mail, send_email: hello}\n";
  Past finish(old_rules);
  finish.Known().Event(Minutes(1), "Signed Up").NewJourney(Hours(5), kGreet);
  finish.Event(Hours(6), "Signed Up");
  ExpectGolden("new_rules_finish", finish.Text(Days(3)));
  Past move(old_rules);
  move.Known()
      .Event(Minutes(1), "Signed Up")
      .NewJourney(
          Hours(5),
          "journey: j\ntrigger: {event: Signed Up}\non_change: move\nmoved_steps: {pause: nap}\n"
          "steps:\n  - {id: nap, wait: 5 days}\n  - {id: mail, send_email: hello}\n");
  ExpectGolden("new_rules_move", move.Text(Days(1)));
}

TEST(ExplainTest, FiltersAndAnswers) {
  Past past(kGreet);
  past.Known().Event(Minutes(1), "Signed Up");
  ExpectGolden("template", past.Text(Hours(1), {"", "hello"}));
  ExpectGolden("other_journey", past.Text(Hours(1), {"other", ""}));
  Past missed(
      "journey: j\ntrigger: {event: Signed Up, where: event.x == 1}\n"
      "steps: [{send_email: hello}]\n");
  missed.Known().Event(Minutes(1), "Signed Up", {{"x", Number(2)}});
  ExpectGolden("template_not_reached", missed.Text(Hours(1), {"", "hello"}));
}

TEST(ExplainTest, Json) {
  ExpectGolden("json", Past(kGreet).Known().Event(Minutes(1), "Signed Up").Json(Hours(1)));
}

TEST(ExplainTest, NobodyIsSaidToBeNobody) {
  EXPECT_EQ(Past(kGreet).Text(Hours(1)), "u1\n\nNobody of the id u1 is known.\n");
}

}  // namespace
}  // namespace sojourn::simulate
