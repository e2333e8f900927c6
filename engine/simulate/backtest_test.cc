// Backtests against people run one by one, by hand.
#include "engine/simulate/backtest.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/simulate/backtest_report.h"
#include "engine/simulate/edited_shop.h"
#include "engine/store/memory_database.h"

namespace sojourn::simulate {
namespace {

using Names = std::set<std::string>;

struct Ran {
  People people;
  store::MemoryDatabase old_database, new_database;
  std::unique_ptr<Backtest> old_rules, new_rules;
};

void RunAll(const std::vector<RecordedEvent>& events, Timestamp until, Backtest* backtest) {
  for (const RecordedEvent& event : events) {
    const Status added = backtest->Add(event);
    ASSERT_TRUE(added.ok()) << added.message();
  }
  const Status finished = backtest->Finish(until);
  ASSERT_TRUE(finished.ok()) << finished.message();
}

std::unique_ptr<Backtest> Begin(const RuleFiles& files, store::Database* database, People* people,
                                Window window = {}) {
  auto backtest = Backtest::Open(Compiled(files), window, database, people);
  EXPECT_TRUE(backtest.ok());
  return *std::move(backtest);
}

std::string What(const model::Action& action) {
  return action.journey + " " +
         (action.kind == model::ActionKind::kCoupon ? action.coupon.pool : action.template_name);
}

// Who got what, by "JOURNEY TEMPLATE".
std::map<std::string, Names> Receivers(const std::vector<model::Action>& actions) {
  std::map<std::string, Names> receivers;
  for (const model::Action& action : actions) receivers[What(action)].insert(action.person);
  return receivers;
}

Names Minus(const Names& a, const Names& b) {
  Names rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(rest, rest.end()));
  return rest;
}

Names Mailed(const std::vector<model::Action>& actions) {
  Names names;
  for (const model::Action& action : actions) {
    if (action.kind != model::ActionKind::kCoupon) names.insert(action.person);
  }
  return names;
}

void ExpectSame(const std::vector<std::string>& sample, const Names& names) {
  EXPECT_EQ(Names(sample.begin(), sample.end()), names);
}

// All names at once: the sample is larger than the shop.
constexpr size_t kEverybody = 1000;

TEST(BacktestTest, ComparisonsEqualPeopleRunByHandForTwentyEdits) {
  int64_t differences = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const auto events = ShopEvents(seed, 60, 90);
    const Timestamp until = events.back().log_time + Days(static_cast<int64_t>(seed) % 3 * 20);
    Ran ran;
    ran.old_rules = Begin(ShopFiles(), &ran.old_database, &ran.people);
    ran.new_rules = Begin(EditedFiles(seed), &ran.new_database, &ran.people);
    RunAll(events, until, ran.old_rules.get());
    RunAll(events, until, ran.new_rules.get());
    const Comparison comparison =
        Compare(ran.old_rules->tally(), ran.new_rules->tally(), ran.people, kEverybody, seed);

    PeopleByHand old_people(Compiled(ShopFiles()));
    PeopleByHand new_people(Compiled(EditedFiles(seed)));
    old_people.Run(events, until);
    new_people.Run(events, until);
    auto before = Receivers(old_people.actions());
    auto after = Receivers(new_people.actions());
    std::set<std::string> compared;
    for (const auto& [journey, actions] : comparison.journeys) {
      for (const auto& [key, change] : actions) {
        const std::string what = journey + " " + key.name;
        SCOPED_TRACE(what);
        compared.insert(what);
        ExpectSame(change.people.newly_sample, Minus(after[what], before[what]));
        ExpectSame(change.people.no_longer_sample, Minus(before[what], after[what]));
        differences += change.people.newly + change.people.no_longer;
      }
    }
    for (const auto& receivers : {before, after}) {
      for (const auto& [what, names] : receivers) {
        if (compared.contains(what)) continue;
        EXPECT_EQ(before[what], after[what]) << what;
      }
    }
    ExpectSame(comparison.mailed.newly_sample,
               Minus(Mailed(new_people.actions()), Mailed(old_people.actions())));
    ExpectSame(comparison.mailed.no_longer_sample,
               Minus(Mailed(old_people.actions()), Mailed(new_people.actions())));
  }
  EXPECT_GT(differences, 200);  // or the edits show nothing
}

TEST(BacktestTest, CountsEqualPeopleRunByHand) {
  const auto events = ShopEvents(7, 200, 90);
  Ran ran;
  ran.old_rules = Begin(ShopFiles(), &ran.old_database, &ran.people);
  RunAll(events, events.back().log_time, ran.old_rules.get());
  PeopleByHand people(Compiled(ShopFiles()));
  people.Run(events, events.back().log_time);
  std::map<std::string, int64_t> by_hand, counted;
  for (const model::Action& action : people.actions()) ++by_hand[What(action)];
  const Tally& tally = ran.old_rules->tally();
  for (const auto& [name, journey] : tally.journeys) {
    int64_t exited = 0;
    for (const auto& [reason, count] : journey.exited) exited += count;
    EXPECT_EQ(journey.entered - exited, journey.running) << name;
    for (const auto& [key, action] : journey.actions) counted[name + " " + key.name] = action.count;
  }
  EXPECT_EQ(counted, by_hand);
  EXPECT_EQ(tally.events, static_cast<int64_t>(events.size()));
  EXPECT_EQ(tally.people, 200);
  int64_t running = 0;
  for (const auto& [id, person] : people.people()) running += person->runs.size();
  EXPECT_EQ(running, tally.journeys.at("cart").running + tally.journeys.at("welcome").running +
                         tally.journeys.at("win-back").running);
  EXPECT_GT(tally.journeys.at("win-back").skipped.at("coupon_empty"), 0);
}

TEST(BacktestTest, AWindowCountsOnlyWhatHappensInIt) {
  const auto events = ShopEvents(3, 100, 60);
  const Timestamp middle = ShopOpens() + Days(30);
  const Timestamp end = events.back().log_time;
  Ran ran;
  ran.old_rules = Begin(ShopFiles(), &ran.old_database, &ran.people, {middle, end});
  RunAll(events, end, ran.old_rules.get());
  PeopleByHand people(Compiled(ShopFiles()));
  people.Run(events, end);
  int64_t expected = 0;
  for (const model::Action& action : people.actions()) {
    if (action.time >= middle && action.template_name == "hello") ++expected;
  }
  const ActionKey hello{model::ActionKind::kSendEmail, "hello"};
  EXPECT_GT(expected, 0);
  EXPECT_EQ(ran.old_rules->tally().journeys.at("welcome").actions.at(hello).count, expected);
}

TEST(BacktestTest, ManyEventsAreHeldInPiecesAndGiveTheSame) {
  std::vector<RecordedEvent> events;
  for (uint32_t copy = 0; copy < 60; ++copy) {
    for (RecordedEvent& event : ShopEvents(copy, 100, 60)) events.push_back(std::move(event));
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.log_time < b.log_time; });
  ASSERT_GT(events.size(), kMaxHeldEvents);
  Ran ran;
  ran.old_rules = Begin(ShopFiles(), &ran.old_database, &ran.people);
  RunAll(events, events.back().log_time, ran.old_rules.get());
  EXPECT_EQ(ran.old_rules->tally().events, static_cast<int64_t>(events.size()));
  PeopleByHand people(Compiled(ShopFiles()));
  people.Run(events, events.back().log_time);
  int64_t actions = 0;
  for (const auto& [name, journey] : ran.old_rules->tally().journeys) {
    for (const auto& [key, action] : journey.actions) actions += action.count;
  }
  EXPECT_EQ(actions, static_cast<int64_t>(people.actions().size()));
}

TEST(BacktestTest, SamplesAreSmallAndChosenBySeed) {
  const auto events = ShopEvents(1, 200, 60);
  RuleFiles files = ShopFiles();
  files.erase("journeys/welcome.yaml");
  Ran ran;
  ran.old_rules = Begin(ShopFiles(), &ran.old_database, &ran.people);
  ran.new_rules = Begin(files, &ran.new_database, &ran.people);
  RunAll(events, events.back().log_time, ran.old_rules.get());
  RunAll(events, events.back().log_time, ran.new_rules.get());
  const auto compare = [&](uint64_t seed) {
    return Compare(ran.old_rules->tally(), ran.new_rules->tally(), ran.people, 3, seed)
        .journeys.at("welcome")
        .at({model::ActionKind::kSendEmail, "hello"})
        .people;
  };
  EXPECT_GT(compare(1).no_longer, 20);
  EXPECT_EQ(compare(1).no_longer_sample.size(), 3u);
  EXPECT_EQ(compare(1).no_longer_sample, compare(1).no_longer_sample);
  EXPECT_NE(compare(1).no_longer_sample, compare(2).no_longer_sample);
}

TEST(BacktestTest, AnEventThatNobodyCanTakeIsCounted) {
  Ran ran;
  ran.old_rules = Begin(ShopFiles(), &ran.old_database, &ran.people);
  RunAll({{ShopOpens(), "p1", "no event"}}, ShopOpens(), ran.old_rules.get());
  EXPECT_EQ(ran.old_rules->tally().rejected, 1);
}

TEST(BacktestReportTest, Text) {
  People people;
  Tally old_tally, tally;
  tally.events = 1234;
  tally.people = 2;
  JourneyTally& cart = tally.journeys["cart"];
  cart.entered = 3;
  cart.goals = 1;
  cart.running = 1;
  cart.refused["reentry"] = 2;
  cart.skipped["no_consent"] = 1;
  cart.exited["completed"] = 2;
  cart.paths[{"offer", "coupon"}] = 2;
  ActionTally& reminder = cart.actions[{model::ActionKind::kSendEmail, "reminder"}];
  reminder.count = 2;
  reminder.people.Add(people.IndexOf("u1"));
  reminder.people.Add(people.IndexOf("u2"));
  cart.actions[{model::ActionKind::kCoupon, "p"}].count = 1;
  old_tally.journeys["cart"].actions[{model::ActionKind::kSendEmail, "reminder"}].count = 1;
  old_tally.journeys["cart"].actions[{model::ActionKind::kSendEmail, "reminder"}].people.Add(
      people.IndexOf("u3"));
  BacktestFrame frame;
  frame.source = "old.ndjson";
  frame.against = "old-rules";
  frame.first_event = ShopOpens();
  frame.last_event = frame.until = ShopOpens() + Days(1);
  const Comparison comparison = Compare(old_tally, tally, people, 1, 0);
  EXPECT_EQ(
      BacktestText(frame, tally, &comparison),
      R"(1,234 events of 2 people from old.ndjson: 2026-03-02T09:00:00Z to 2026-03-03T09:00:00Z
Nothing was sent.

cart
  entered 3, goal reached 1 (33.3%), still on the way 1
  refused: reentry 2
           2  offer: coupon
           2  reminder to 2 people
           1  coupon of p to 0 people
  skipped: no_consent 1
  ended: completed 2

Against the rules in old-rules:

cart
  reminder: 1 before, 2 now
    newly 2 people: u1 and 1 more
    no longer 1 person: u3
  coupon of p: 0 before, 1 now

of all journeys together, mailed
  newly 2 people: u1 and 1 more
  no longer 1 person: u3
)");
}

}  // namespace
}  // namespace sojourn::simulate
