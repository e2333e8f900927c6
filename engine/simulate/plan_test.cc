// Plans against people counted by hand.
#include "engine/simulate/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/simulate/edited_shop.h"
#include "engine/simulate/plan_report.h"
#include "engine/store/person_record.h"

namespace sojourn::simulate {
namespace {

using Rules = std::shared_ptr<const language::Bundle>;

struct Shop {
  Rules old_rules;
  Rules new_rules;
  Timestamp now;
  std::vector<RecordedEvent> events;
  std::unique_ptr<PeopleByHand> people;
};

// People on the way in the middle of their events.
Shop OpenShop(uint32_t seed, const RuleFiles& edited) {
  Shop shop;
  shop.old_rules = Compiled(ShopFiles(), 1);
  shop.new_rules = Compiled(edited, 2);
  shop.now = ShopOpens() + Days(40);
  for (RecordedEvent& event : ShopEvents(seed, 80, 60)) {
    if (event.log_time <= shop.now) shop.events.push_back(std::move(event));
  }
  shop.people = std::make_unique<PeopleByHand>(shop.old_rules);
  shop.people->Run(shop.events, shop.now);
  return shop;
}

PeoplePlan PlanOf(const Shop& shop) {
  PeoplePlanner planner(
      std::make_shared<language::RuleSet>(shop.old_rules),
      std::make_shared<language::RuleSet>(
          shop.new_rules, std::vector<std::shared_ptr<const language::Bundle>>{shop.old_rules}),
      shop.now);
  for (const auto& [id, person] : shop.people->people()) {
    std::string record;
    EXPECT_TRUE(store::EncodePerson(*person, &record).ok());
    const Status added = planner.Add(id, record);
    EXPECT_TRUE(added.ok()) << added.message();
  }
  return planner.plan();
}

// As the language's section on change says it, from the files alone.
InFlight FateByHand(const Shop& shop, const model::Run& run) {
  const language::Journey* before = nullptr;
  for (const auto& journey : shop.old_rules->journeys) {
    if (journey->id == run.journey) before = journey.get();
  }
  const language::Journey* after = shop.new_rules->FindJourney(before->name);
  InFlight flight;
  flight.journey = before->name;
  flight.revision = before->revision_text;
  flight.step = before->steps[run.position].id;
  const auto& retired = shop.new_rules->company.retired;
  if (std::find(retired.begin(), retired.end(), before->name) != retired.end()) {
    flight.fate = Fate::kEnds;
  } else if (after == nullptr) {
    flight.fate = Fate::kFinishes;
  } else if (after->revision_text == before->revision_text) {
    flight.fate = Fate::kStays;
  } else if (!after->move_on_change) {
    flight.fate = Fate::kFinishes;
  } else {
    const auto moved = after->moved_steps.find(flight.step);
    const std::string to = moved == after->moved_steps.end() ? flight.step : moved->second;
    const bool there = after->FindStep(to) != language::kEndOfJourney;
    flight.fate = to == "exit" ? Fate::kEnds : there ? Fate::kMoves : Fate::kFinishes;
    if (flight.fate == Fate::kMoves) flight.to = to;
    flight.no_place = flight.fate == Fate::kFinishes;
  }
  return flight;
}

int64_t BuyersByHand(const Shop& shop) {
  std::map<std::string, int> orders;
  model::EventDecoder decoder;
  Arena arena;
  for (const RecordedEvent& event : shop.events) {
    const auto decoded =
        decoder.Decode(model::EventFormat::kProtobuf, event.bytes, event.log_time, &arena);
    if (decoded.ok() && decoded->name == "Order Completed") ++orders[event.person];
  }
  return std::count_if(orders.begin(), orders.end(),
                       [](const auto& one) { return one.second >= 2; });
}

TEST(PlanTest, CountsEqualPeopleCountedByHandForTwentyEdits) {
  std::map<Fate, int64_t> seen;
  int64_t left_out = 0, enter = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const Shop shop = OpenShop(seed, EditedFiles(seed));
    const PeoplePlan plan = PlanOf(shop);
    std::map<InFlight, int64_t> by_hand;
    for (const auto& [id, person] : shop.people->people()) {
      for (const model::Run& run : person->runs) ++by_hand[FateByHand(shop, run)];
    }
    EXPECT_EQ(plan.in_flight, by_hand);
    EXPECT_EQ(plan.people, static_cast<int64_t>(shop.people->people().size()));
    for (const auto& [flight, count] : by_hand) seen[flight.fate] += count;

    const language::Journey* for_buyers = shop.new_rules->FindJourney("for-buyers");
    ASSERT_EQ(plan.new_journeys.size(), for_buyers == nullptr ? 0u : 1u);
    if (for_buyers == nullptr) continue;
    const NewSegmentJourney& counted = plan.new_journeys.at("for-buyers");
    const bool existing = for_buyers->triggers.front().existing_enter;
    EXPECT_EQ(existing ? counted.enter : counted.left_out, BuyersByHand(shop));
    EXPECT_EQ(existing ? counted.left_out : counted.enter, 0);
    left_out += counted.left_out;
    enter += counted.enter;
  }
  // Or the edits show nothing.
  for (const Fate fate : {Fate::kStays, Fate::kFinishes, Fate::kMoves, Fate::kEnds}) {
    EXPECT_GT(seen[fate], 5) << FateName(fate);
  }
  EXPECT_GT(left_out + enter, 5);
}

TEST(PlanTest, PlansTravelAsText) {
  const PeoplePlan plan = PlanOf(OpenShop(10, EditedFiles(10)));
  const auto decoded = DecodePeoplePlan(EncodePeoplePlan(plan));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->in_flight, plan.in_flight);
  EXPECT_EQ(decoded->silently_in, plan.silently_in);
  EXPECT_EQ(decoded->new_journeys.size(), plan.new_journeys.size());
  EXPECT_FALSE(DecodePeoplePlan("{}"));
  EXPECT_FALSE(DecodePeoplePlan("no plan"));
}

RuleFiles With(const std::string& path, const std::string& text) {
  RuleFiles files = ShopFiles();
  files[path] = text;
  return files;
}

TEST(PlanTest, ARestWithoutAPlaceIsAnErrorAtOnChange) {
  std::string welcome = ShopFiles()["journeys/welcome.yaml"];
  Replace(&welcome, "{id: rest, wait: 5 days}", "{id: nap, wait: 6 days}");
  Replace(&welcome, "reentry: never\n", "reentry: never\non_change: move\n");
  const RulesPlan plan =
      PlanRules(*Compiled(ShopFiles()), *Compiled(With("journeys/welcome.yaml", welcome)));
  ASSERT_EQ(plan.errors.size(), 1u);
  EXPECT_EQ(plan.errors[0].position.file, "journeys/welcome.yaml");
  EXPECT_EQ(plan.errors[0].position.line, 4);
  EXPECT_NE(plan.errors[0].message.find("no step \"rest\""), std::string::npos);
  EXPECT_NE(plan.errors[0].hint.find("moved_steps: {rest: NEW-ID}"), std::string::npos);
  // With an entry there is none.
  welcome += "moved_steps: {rest: exit}\n";
  EXPECT_TRUE(PlanRules(*Compiled(ShopFiles()), *Compiled(With("journeys/welcome.yaml", welcome)))
                  .errors.empty());
}

TEST(PlanTest, CountersThatBeginAnewAreMissingHistory) {
  RuleFiles files = With("segments/often.yaml",
                         "segment: often\nwhere: count(\"Checkout Started\", days(9)) >= 3\n");
  // Another reader of what is counted already misses nothing.
  files["segments/bought.yaml"] = "segment: bought\nwhere: count(\"Order Completed\", ever) >= 1\n";
  std::string& cart = files["journeys/cart.yaml"];
  Replace(&cart, "if_already_running",
          "only_if: sum(\"Order Completed\", ever, event.total) > 5\nif_already_running");
  const RulesPlan plan = PlanRules(*Compiled(ShopFiles()), *Compiled(files));
  ASSERT_EQ(plan.missing.size(), 2u);
  EXPECT_EQ(plan.missing[0].reader, "segment often");
  EXPECT_EQ(plan.missing[0].event, "Checkout Started");
  EXPECT_EQ(plan.missing[0].position.file, "segments/often.yaml");
  EXPECT_EQ(plan.missing[0].position.line, 2);
  EXPECT_FALSE(plan.missing[0].longer);
  EXPECT_EQ(plan.missing[1].reader, "journey cart, only_if");
  EXPECT_EQ(plan.missing[1].position.file, "journeys/cart.yaml");
  EXPECT_EQ(plan.missing[1].position.line, 3);
  EXPECT_TRUE(HasWarnings(plan, nullptr));
}

TEST(PlanTest, ALongerWindowReadsFartherBackThanIsKept) {
  const auto segment = [](int days) {
    return With("segments/s.yaml", "segment: s\nwhere: count(\"Signed Up\", days(" +
                                       std::to_string(days) + ")) >= 1\n");
  };
  const RulesPlan longer = PlanRules(*Compiled(segment(7)), *Compiled(segment(30)));
  ASSERT_EQ(longer.missing.size(), 1u);
  EXPECT_TRUE(longer.missing[0].longer);
  EXPECT_TRUE(PlanRules(*Compiled(segment(30)), *Compiled(segment(7))).missing.empty());
}

TEST(PlanTest, TheSameRulesAreNoChange) {
  RuleFiles files = ShopFiles();
  files["journeys/cart.yaml"] += "# a comment\n";
  const RulesPlan plan = PlanRules(*Compiled(ShopFiles()), *Compiled(files));
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(PlanText(plan, nullptr, {}), "the rules mean the same\n");
}

TEST(PlanTest, Text) {
  RuleFiles files = ShopFiles();
  files.erase("journeys/win-back.yaml");
  std::string& cart = files["journeys/cart.yaml"];
  Replace(&cart, "wait: 2 hours", "wait: 3 hours");
  Replace(&cart, "  - {id: again, send_email: cart-again}\n",
          "  - {id: then, send_email: thanks}\n");
  Replace(&cart, "event.value >= 20", "event.value >= 25");
  files["journeys/for-buyers.yaml"] =
      "journey: for-buyers\ntrigger: {enters_segment: buyers}\nsteps: [{send_email: for-buyers}]\n";
  files["segments/often.yaml"] =
      "segment: often\nwhere: count(\"Checkout Started\", days(9)) >= 3\n";
  PeoplePlan people;
  people.people = 3;
  people.in_flight[{"cart", "0123456789abcdef", "pause", Fate::kFinishes, "", false}] = 2;
  people.in_flight[{"welcome", "fedcba9876543210", "rest", Fate::kMoves, "nap", false}] = 1;
  people.new_journeys["for-buyers"] = {"buyers", 1, 0};
  people.silently_in["often"] = 2;
  EXPECT_EQ(PlanText(PlanRules(*Compiled(ShopFiles()), *Compiled(files)), &people, {"A note."}),
            R"(A note.
journey cart changed  [journeys/cart.yaml:1]
  changed: trigger
  step pause changed  [journeys/cart.yaml:6]
  step day changed  [journeys/cart.yaml:8]
  step then added  [journeys/cart.yaml:9]
  step again removed  [journeys/cart.yaml:9]
  runs on the way finish on their revision
journey for-buyers added  [journeys/for-buyers.yaml:1]
journey win-back removed  [journeys/win-back.yaml:1]
  runs on the way finish; `retired` in company.yaml would end them
segment often added  [segments/often.yaml:1]

read too early, because counting begins when these rules are loaded:
  segments/often.yaml:2: segment often counts "Checkout Started" anew: count("Checkout Started", days(9)) >= 3
  once they are loaded, sojourn backfill counts the past from the log (not over Kafka)

3 people; on the way:
  cart at pause (revision 0123456789abcdef): 2 runs: finish on their revision
  welcome at rest (revision fedcba9876543210): 1 run: move to nap
new journey for-buyers: of segment buyers, 1 member is left out, 0 members will enter
segment often: 2 members more, without entering anything
)");
}

}  // namespace
}  // namespace sojourn::simulate
