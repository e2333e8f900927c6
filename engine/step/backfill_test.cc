// Counters filled from the log: whatever happens at the same time, the person ends as if the
// counter had counted from the beginning.
#include "engine/step/backfill.h"

#include <random>

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::Event;
using model::FactKind;
using model::Value;

constexpr Timestamp kBegun{1'000};

// One counter that is new, and a journey that its segment would start.
const char kSegment[] =
    "segment: often\nwhere: count(\"Bought\", days(90)) >= 2 && sum(\"Bought\", ever, event.total) "
    "> "
    "10\n";
const char kJourney[] = R"(
journey: thanks
trigger: {enters_segment: often}
steps: [{webhook: {url: "https://shop.example/thanks"}}]
)";

Files OldFiles() { return BasicFiles(); }
Files NewFiles() {
  return With({{"segments/often.yaml", kSegment}, {"journeys/thanks.yaml", kJourney}});
}

struct Record {
  Event event;
  Duration at;
};

// The log of one person: what the task is given, and what the past is counted from.
class BackfillTest : public ::testing::Test {
 protected:
  BackfillTest() : old_rules_(Load(OldFiles(), 1)), new_rules_(Load(NewFiles(), 2)) {
    live_ = std::make_unique<Driver>(std::vector{old_rules_});
  }

  void Append(const Event& event, Duration at) {
    log_.push_back({event, at});
    Give(live_.get(), log_.back());
  }
  static void Give(Driver* driver, const Record& record) {
    driver->Fire(record.at + Milliseconds(-1));
    driver->ApplyNow(record.event, Start() + record.at);
    driver->person.bundle = driver->rules->current().number;
  }
  void Buy(Duration at, int64_t total, std::string_view id = "") {
    Append(live_->Make("Bought", at, {{"total", Value::Int(total)}}, id), at);
  }

  void SwitchRules(Duration at) {
    live_->Use({new_rules_, old_rules_});
    UpgradePerson(live_->environment, Start() + at, &live_->person, &live_->output);
    live_->person.bundle = 2;
  }

  std::vector<const expr::CounterDefinition*> Counters() const {
    std::vector<const expr::CounterDefinition*> counters;
    for (const auto& counter : live_->rules->counters()) counters.push_back(&counter);
    return counters;
  }

  void Begin(Duration at, Timestamp begun = kBegun, uint32_t bundle = 2) {
    std::vector<uint64_t> ids;
    for (const auto* counter : Counters()) ids.push_back(counter->id);
    Append(MakeBackfillBegin(begun, bundle, ids, &arena_), at);
  }

  // Counts the log up to the beginning of that backfill.
  void Fill(Duration at, Timestamp begun = kBegun) {
    const auto counters = Counters();
    for (const Record& record : log_) {
      if (BeginsBackfill(record.event, begun)) break;
      std::vector<uint32_t> counted;
      CountPast(live_->environment, {&record.event, {}, Start() + record.at}, counters, &past_,
                &past_output_, &counted);
    }
    for (const auto* counter : counters) {
      model::Counter nothing;
      nothing.id = counter->id;
      const model::Counter* found = past_.FindCounter(counter->id);
      fills_.push_back(MakeBackfill(begun, found == nullptr ? nothing : *found, &arena_));
    }
    for (const Event& fill : fills_) Append(fill, at);
  }

  static std::string CountersOf(const model::Person& person) {
    std::string text;
    for (const model::Counter& counter : person.counters) {
      text += fmt::format("{} {} {} {} {} {}", counter.id, counter.count,
                          counter.first_time.milliseconds(), counter.last_time.milliseconds(),
                          model::DebugString(counter.sum), model::DebugString(counter.maximum));
      for (const model::Sample& sample : counter.samples) {
        text += fmt::format(" {}={}", sample.time.milliseconds(), model::DebugString(sample.value));
      }
      text += "\n";
    }
    return text;
  }

  // As if the rules had been there from the beginning.
  void ExpectAsFromTheBeginning() {
    Driver fresh({new_rules_});
    for (const Record& record : log_) {
      const bool ours = record.event.type == model::EventType::kBackfill ||
                        record.event.type == model::EventType::kBackfillBegin;
      if (!ours) Give(&fresh, record);
    }
    EXPECT_EQ(CountersOf(live_->person), CountersOf(fresh.person));
    EXPECT_TRUE(live_->person.backfills.empty());
    EXPECT_EQ(live_->person.InSegment(StableHash64("often")),
              fresh.person.InSegment(StableHash64("often")));
  }

  std::shared_ptr<const language::Bundle> old_rules_;
  std::shared_ptr<const language::Bundle> new_rules_;
  std::unique_ptr<Driver> live_;
  std::vector<Record> log_;
  std::vector<Event> fills_;
  model::Person past_;
  StepOutput past_output_;
  Arena arena_;
};

TEST_F(BackfillTest, NothingIsCountedTwiceOrLost) {
  Buy(Hours(1), 5, "a");
  Buy(Hours(2), 5, "a");  // a repetition
  Buy(Hours(3), 7);
  SwitchRules(Hours(4));
  Buy(Hours(5), 11);  // counted as it comes
  Begin(Hours(6));
  Buy(Hours(7), 13);  // while the log is read
  Fill(Hours(8));
  Buy(Hours(9), 17);
  ExpectAsFromTheBeginning();
}

TEST_F(BackfillTest, NobodyEntersByIt) {
  Buy(Hours(1), 50);
  Buy(Hours(2), 50);
  SwitchRules(Hours(3));
  Begin(Hours(4));
  EXPECT_FALSE(live_->person.InSegment(StableHash64("often")));
  Fill(Hours(5));
  EXPECT_TRUE(live_->person.InSegment(StableHash64("often")));
  EXPECT_TRUE(live_->output.actions.empty());
  EXPECT_TRUE(live_->person.runs.empty());
  // The next event does not make up for it.
  Buy(Hours(6), 1);
  EXPECT_TRUE(live_->output.actions.empty());
}

TEST_F(BackfillTest, SegmentsAreLeftByTimeAsIfCountedFromTheBeginning) {
  Buy(Hours(1), 50);
  Buy(Hours(2), 50);
  SwitchRules(Hours(3));
  Begin(Hours(4));
  Fill(Hours(5));
  EXPECT_EQ(live_->person.next_deadline, Start() + Days(90) + Hours(1));
}

TEST_F(BackfillTest, RecordsThatComeAgainDoNothing) {
  Buy(Hours(1), 5);
  SwitchRules(Hours(2));
  Begin(Hours(3));
  Fill(Hours(4));
  Buy(Hours(5), 7);
  for (const Event& fill : fills_) Append(fill, Hours(6));
  EXPECT_EQ(live_->Count(FactKind::kEventDropped, "not_begun"), static_cast<int>(fills_.size()));
  ExpectAsFromTheBeginning();
}

TEST_F(BackfillTest, BeginsAnewAfterACrash) {
  Buy(Hours(1), 5);
  SwitchRules(Hours(2));
  Begin(Hours(3), Timestamp(1));
  Buy(Hours(4), 7);
  Begin(Hours(5));
  Buy(Hours(6), 11);
  Fill(Hours(7));
  ExpectAsFromTheBeginning();
  // What the first attempt may still bring.
  Append(MakeBackfill(Timestamp(1), past_.counters[0], &arena_), Hours(8));
  ExpectAsFromTheBeginning();
}

TEST_F(BackfillTest, TheErasedStayForgotten) {
  Buy(Hours(1), 50);
  Buy(Hours(2), 50);
  SwitchRules(Hours(3));
  Begin(Hours(4));
  Append(live_->Make("Person Erased", Hours(5), {}), Hours(5));
  Fill(Hours(6));
  EXPECT_FALSE(live_->person.known);
  Append(live_->Make("Hello", Hours(7), {}), Hours(7));
  for (const Event& fill : fills_) Append(fill, Hours(8));
  EXPECT_TRUE(live_->person.counters.empty());
}

TEST_F(BackfillTest, WhatWasBeforeAnErasureIsNotCounted) {
  Buy(Hours(1), 50);
  Append(live_->Make("Person Erased", Hours(2), {}), Hours(2));
  Buy(Hours(3), 7);
  SwitchRules(Hours(4));
  Begin(Hours(5));
  Fill(Hours(6));
  ExpectAsFromTheBeginning();
}

TEST_F(BackfillTest, OlderRulesDoNotBegin) {
  Buy(Hours(1), 5);
  SwitchRules(Hours(2));
  Begin(Hours(3), kBegun, 3);
  EXPECT_EQ(live_->Count(FactKind::kEventDropped, "rules_not_in_force"), 1);
  EXPECT_TRUE(live_->person.backfills.empty());
}

TEST_F(BackfillTest, WhatDoesNotEndIsForgotten) {
  Buy(Hours(1), 5);
  SwitchRules(Hours(2));
  Begin(Hours(3), Start());
  UpgradePerson(live_->environment, Start() + kMaxBackfillAge + Milliseconds(-1), &live_->person,
                &live_->output);
  EXPECT_FALSE(live_->person.backfills.empty());
  UpgradePerson(live_->environment, Start() + kMaxBackfillAge, &live_->person, &live_->output);
  EXPECT_TRUE(live_->person.backfills.empty());
}

TEST_F(BackfillTest, UnsignedNumbersDurationsAndMapsComeThrough) {
  model::Counter counter;
  counter.id = 1;
  counter.sum = Value::Uint(7);
  counter.minimum = Value::Span(Seconds(9));
  const model::MapEntry entry{Value::String("uint"), Value::Int(3)};
  counter.last_value = Value::Map(&entry, 1);
  live_->person.known = true;
  live_->Use({new_rules_, old_rules_});
  const expr::CounterDefinition* definition = Counters().front();
  counter.id = definition->id;
  Begin(Hours(1));
  Append(MakeBackfill(kBegun, counter, &arena_), Hours(2));
  const model::Counter* filled = live_->person.FindCounter(counter.id);
  ASSERT_NE(filled, nullptr);
  EXPECT_TRUE(model::Identical(filled->sum, counter.sum));
  EXPECT_TRUE(model::Identical(filled->minimum, counter.minimum));
  EXPECT_TRUE(model::Identical(filled->last_value, counter.last_value));
}

// All orders of things, late events, repetitions and erasures included.
TEST_F(BackfillTest, WhateverComesWhen) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto chance = [&](uint64_t percent) { return random() % 100 < percent; };
    live_ = std::make_unique<Driver>(std::vector{old_rules_});
    log_.clear();
    fills_.clear();
    past_.Reset();
    const int switches = 1 + static_cast<int>(random() % 20);
    const int begins = switches + static_cast<int>(random() % 20);
    const int fills = begins + 1 + static_cast<int>(random() % 20);
    Append(live_->Make("Hello", Hours(0), {}), Hours(0));
    for (int hour = 1; hour < 70; ++hour) {
      const Duration at = Hours(hour * 12);
      if (chance(3)) {
        Append(live_->Make("Person Erased", at, {}), at);
      } else if (chance(60)) {
        const std::string_view id = chance(50) ? (chance(50) ? "a" : "b") : "";
        Event event = live_->Make("Bought", at + Days(-static_cast<int64_t>(random() % 100)),
                                  {{"total", Value::Int(static_cast<int64_t>(random() % 9))}}, id);
        event.historical = chance(20);
        Append(event, at + Minutes(1));
      }
      if (hour == switches) SwitchRules(at + Minutes(2));
      if (hour == begins) Begin(at + Minutes(3));
      if (hour == fills) Fill(at + Minutes(4));
    }
    ExpectAsFromTheBeginning();
  }
}

}  // namespace
}  // namespace sojourn::step
