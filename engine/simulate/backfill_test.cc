// Which counters are late, and what a log makes of them.
#include <set>

#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/language/load.h"
#include "engine/runtime/rules_source.h"
#include "engine/simulate/late_counters.h"
#include "engine/simulate/past_counts.h"
#include "engine/step/backfill.h"

namespace sojourn::simulate {
namespace {

using Files = std::map<std::string, std::string>;
using model::Value;

constexpr char kCount[] = "count(\"Bought\", days(30)) >= 2";

Files Rules(const std::vector<std::string>& conditions, const std::string& more = "") {
  Files files = {{"company.yaml", "company: Shop\ntimezone: UTC\n"}};
  for (size_t i = 0; i < conditions.size(); ++i) {
    const std::string name = "s" + std::to_string(i);
    files["segments/" + name + ".yaml"] = "segment: " + name + "\nwhere: " + conditions[i] + "\n";
  }
  if (!more.empty()) files["journeys/j.yaml"] = more;
  return files;
}

RulesHistory HistoryOf(const std::vector<Files>& bundles) {
  std::vector<runtime::StoredBundle> stored;
  for (const Files& files : bundles) {
    stored.push_back({static_cast<uint32_t>(stored.size() + 1), files});
  }
  RulesHistory history = runtime::RulesSource::History(stored, 0);
  EXPECT_EQ(history.size(), bundles.size());
  return history;
}

// A line for each late counter.
std::vector<std::string> Late(const RulesHistory& history,
                              const std::vector<FilledCounter>& filled = {}, LogReach log = {}) {
  std::vector<std::string> lines;
  for (const LateCounter& late : FindLateCounters(history, filled, log)) {
    std::string line = DescribeCounter(*late.counter);
    for (const CounterReader& reader : late.readers) line += " | " + reader.reader;
    if (!late.refusal.empty()) line += " | " + late.refusal;
    lines.push_back(line);
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LateCountersTest, WhatCountedFromTheBeginningIsNotLate) {
  EXPECT_EQ(Late(HistoryOf({Rules({kCount}), Rules({kCount, "person.tier == 'gold'"})})), Lines{});
}

TEST(LateCountersTest, WhatIsNewIs) {
  EXPECT_EQ(Late(HistoryOf({Rules({}), Rules({kCount, "last(\"Bought\") < now - days(2)"})})),
            (Lines{"\"Bought\" | segment s0 | segment s1"}));
}

TEST(LateCountersTest, SoIsWhatReachesFartherBackOrCountsMore) {
  for (const char* wider : {"count(\"Bought\", days(31)) >= 2", "count(\"Bought\", days(30)) >= 3",
                            "last(\"Bought\") < now", "count(\"Bought\") >= 2"}) {
    EXPECT_EQ(Late(HistoryOf({Rules({kCount}), Rules({wider})})),
              (Lines{"\"Bought\" | segment s0"}))
        << wider;
  }
}

TEST(LateCountersTest, SoIsWhatWasGoneForAWhile) {
  EXPECT_EQ(Late(HistoryOf({Rules({kCount}), Rules({}), Rules({kCount})})),
            (Lines{"\"Bought\" | segment s0"}));
}

TEST(LateCountersTest, WhatWasFilledIsNotLateWhileItGoesOnCounting) {
  const RulesHistory history = HistoryOf({Rules({}), Rules({kCount}), Rules({kCount, "true"})});
  const expr::CounterDefinition counter = history[1]->counters().front();
  FilledCounter filled{counter.id, counter.needs, counter.window, counter.keep, 2};
  EXPECT_EQ(Late(history, {filled}), Lines{});
  const std::vector<FilledCounter> read =
      DecodeFilledCounters(EncodeFilledCounters({filled, filled}));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(Late(history, {read[1]}), Lines{});
  // Filled less far back, or before it was gone for a while, or another one.
  filled.window = Days(29);
  EXPECT_EQ(Late(history, {filled}).size(), 1u);
  EXPECT_EQ(Late(HistoryOf({Rules({}), Rules({kCount}), Rules({}), Rules({kCount})}), read).size(),
            1u);
  filled = read[0];
  ++filled.id;
  EXPECT_EQ(Late(history, {filled}).size(), 1u);
  EXPECT_TRUE(DecodeFilledCounters("{").empty());
}

TEST(LateCountersTest, ReadingThePersonIsRefused) {
  for (const char* condition : {"event.total > person.limit", "person.suppressed",
                                "event.time < person.first_seen_at", "size(person) > 2"}) {
    const std::string text = std::string("count(\"Bought\", days(3), ") + condition + ") > 1";
    const Lines late = Late(HistoryOf({Rules({}), Rules({text})}));
    ASSERT_EQ(late.size(), 1u) << condition;
    EXPECT_NE(late[0].find("its condition reads `person`"), std::string::npos) << late[0];
  }
  EXPECT_EQ(Late(HistoryOf({Rules({}), Rules({"count(\"Bought\", days(3), event.to != person.id) > "
                                              "1"})})),
            (Lines{"\"Bought\" for which event.to != person.id | segment s0"}));
}

TEST(LateCountersTest, WhatJourneysEmitIsRefused) {
  const std::string journey =
      "journey: j\ntrigger: {event: Go}\nsteps: [{emit_event: {name: Bought}}]\n";
  EXPECT_EQ(Late(HistoryOf({Rules({}, journey), Rules({kCount})})),
            (Lines{"\"Bought\" | segment s0 | journey j emits the event, and what journeys emit is "
                   "not in the log"}));
}

TEST(LateCountersTest, ALogThatHasLostItsPast) {
  const RulesHistory fresh = HistoryOf({Rules({}), Rules({kCount})});
  const Timestamp begins = *ParseRfc3339("2026-03-02T00:00:00Z");
  LogReach log{begins, [&](uint32_t number) {
                 EXPECT_EQ(number, 2u);
                 return std::optional(begins);
               }};
  EXPECT_EQ(Late(fresh, {}, log), (Lines{"\"Bought\" | segment s0"}));
  log.in_force_since = [&](uint32_t) { return std::optional(begins - Milliseconds(1)); };
  EXPECT_EQ(
      Late(fresh, {}, log),
      (Lines{"\"Bought\" | segment s0 | it counts since 2026-03-01T23:59:59.999Z, and the log "
             "begins only on 2026-03-02T00:00:00Z"}));
  log.in_force_since = [](uint32_t) { return std::optional<Timestamp>(); };
  EXPECT_EQ(Late(fresh, {}, log).size(), 1u);
  log.in_force_since = [&](uint32_t) { return std::optional(begins); };
  const Lines wider =
      Late(HistoryOf({Rules({kCount}), Rules({"count(\"Bought\", days(31)) >= 2"})}), {}, log);
  ASSERT_EQ(wider.size(), 1u);
  EXPECT_NE(wider[0].find("it has counted before"), std::string::npos) << wider[0];
}

// ---- the log ---------------------------------------------------------------------------------

class PastCountsTest : public ::testing::Test {
 protected:
  PastCountsTest()
      : rules_(HistoryOf({Rules({kCount, "sum(\"Bought\", ever, event.total) > 9"})}).front()) {
    for (const auto& counter : rules_->counters()) counters_.push_back(&counter);
    past_ = std::make_unique<PastCounts>(rules_, counters_, kBegun);
  }

  void Add(std::string_view person, Duration at, const model::Event& event) {
    std::string bytes;
    model::Event with_person = event;
    with_person.person = person;
    model::EncodeEvent(with_person, nullptr, &bytes);
    ASSERT_TRUE(past_->Add(person, kStart + at, bytes).ok());
  }
  void Buy(std::string_view person, Duration at, int64_t total, std::string_view id = "") {
    const model::MapEntry entry{Value::String("total"), Value::Int(total)};
    model::Event event;
    event.name = "Bought";
    event.id = id;
    event.properties = Value::Map(&entry, 1);
    Add(person, at, event);
  }
  std::string Tallies() const {
    std::string text;
    for (const PastCounts::Tally& tally : past_->Count()) {
      text += std::to_string(tally.events) + "/" + std::to_string(tally.people) + " ";
    }
    return text;
  }

  const std::string ann_ = "ann";
  static constexpr Timestamp kStart{1'700'000'000'000};
  static constexpr Timestamp kBegun{5};
  std::shared_ptr<const language::RuleSet> rules_;
  PastCounts::Counters counters_;
  std::unique_ptr<PastCounts> past_;
  Arena arena_;
};

TEST_F(PastCountsTest, CountsEventsAndPeople) {
  Buy("ann", Hours(1), 5, "a");
  Buy("ann", Hours(2), 5, "a");
  Buy("ann", Hours(26), 5, "a");  // after a day it is another one
  Buy("bob", Hours(3), 5);
  model::Event other;
  other.name = "Looked";
  Add("cat", Hours(4), other);
  EXPECT_EQ(Tallies(), "3/2 3/2 ");
  EXPECT_EQ(past_->People(), (std::vector<std::string>{"ann", "bob"}));
  ASSERT_TRUE(past_->Add("dan", kStart, "\xff no event").ok());
  model::Event erased;
  erased.name = model::kPersonErased;
  Add("ann", Hours(40), erased);
  EXPECT_EQ(Tallies(), "1/1 1/1 ");
  EXPECT_EQ(past_->People(), (std::vector<std::string>{"bob"}));
}

TEST_F(PastCountsTest, WhatStandsBehindTheBeginningIsLeftOut) {
  Buy("ann", Hours(1), 5);
  const model::Event begin = past_->Begin(ann_, 3, &arena_);
  EXPECT_FALSE(past_->AllBegan());
  Buy("ann", Hours(2), 7);
  Add("ann", Hours(3), begin);
  EXPECT_TRUE(past_->AllBegan());
  Buy("ann", Hours(4), 11);
  std::vector<model::Event> records;
  ASSERT_TRUE(past_->Finish(ann_, &arena_, &records).ok());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].properties.Find("times")->size(), 2u);
  EXPECT_EQ(records[1].properties.Find("sum")->int_value(), 12);
  EXPECT_EQ(records[1].person, "ann");
}

TEST_F(PastCountsTest, OnlyThatBackfillsBeginningCounts) {
  Buy("ann", Hours(1), 5);
  past_->Begin(ann_, 3, &arena_);
  Add("ann", Hours(2), step::MakeBackfillBegin(Timestamp(6), 3, {}, &arena_));
  EXPECT_FALSE(past_->AllBegan());
}

TEST_F(PastCountsTest, NorDoesOneOfThatNameFromBefore) {
  Buy("ann", Hours(1), 5);
  Add("ann", Hours(2), step::MakeBackfillBegin(kBegun, 3, {}, &arena_));
  Buy("ann", Hours(3), 7);
  const model::Event begin = past_->Begin(ann_, 3, &arena_);
  EXPECT_FALSE(past_->AllBegan());
  Add("ann", Hours(4), begin);
  EXPECT_TRUE(past_->AllBegan());
  EXPECT_EQ(Tallies(), "2/1 2/1 ");
}

TEST_F(PastCountsTest, ForgetsWhoDidNothingThatCounts) {
  model::Event looked;
  looked.name = "Looked";
  looked.id = "a";
  Buy("ann", Hours(0), 5);
  for (int n = 0; n < 99'998; ++n) Add("p" + std::to_string(n), Hours(0), looked);
  // A day later the first ones are gone, without harm to who counts.
  Add("late", Days(1), looked);
  Buy("ann", Days(1), 5);
  EXPECT_EQ(Tallies(), "2/1 2/1 ");
  EXPECT_LT(past_->remembered(), 10u);
}

}  // namespace
}  // namespace sojourn::simulate
