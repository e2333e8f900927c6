// Counters and history functions: what is kept, what is read, and when it changes by time alone.
#include "engine/expr/counter.h"

#include <gtest/gtest.h>

#include <random>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;

constexpr Timestamp kStart{1'700'000'000'000};

class CounterTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Program> Use(const std::string& text) {
    Scope scope;
    const CompileResult compiled = Compile(text, scope, names_, TypeKind::kDynamic, &counters_);
    EXPECT_NE(compiled.program, nullptr) << text << ": " << compiled.issues.front().message;
    return compiled.program;
  }

  // An order of `total` (null: without one) at kStart + `minutes`, arriving at kStart + `arrives`.
  void Order(int minutes, Value total, int arrives = -1) {
    const MapEntry properties[] = {{Value::String("total"), total}};
    const EventView event = {"Order Completed", "", kStart + Minutes(minutes),
                             Value::Map(properties, 1)};
    Activation activation;
    activation.person = &person_;
    activation.event = &event;
    activation.now = kStart + Minutes(arrives < 0 ? minutes : arrives);
    for (const CounterDefinition& counter : counters_.counters()) {
      UpdateCounter(counter, activation, &person_, &arena_);
    }
  }

  std::string Read(const Program& program, Timestamp now, TimeWatch* watch = nullptr) {
    Activation activation;
    activation.person = &person_;
    activation.now = now;
    return model::DebugString(Evaluate(program, activation, &arena_, watch));
  }
  std::string Read(const std::string& text, int minutes = 100) {
    return Read(*Use(text), kStart + Minutes(minutes));
  }

  TestNames names_;
  CounterTable counters_;
  model::Person person_;
  Arena arena_;
};

TEST_F(CounterTest, EqualDefinitionsAreOneCounter) {
  Use("count('Order Completed')");
  Use("count(\"Order Completed\", ever) > 2 && last('Order Completed') < now");
  Use("count('Order Completed', days(3)) > 2");
  Use("count('Order Completed', days(7)) in [2]");
  Use("sum('Order Completed', ever, event.total)");
  Use("sum('Order Completed', ever, (event . total))");
  ASSERT_EQ(counters_.counters().size(), 2u);
  const CounterDefinition& first = counters_.counters()[0];
  EXPECT_EQ(first.needs, kNeedCount | kNeedLast | kNeedSamples);
  EXPECT_EQ(first.window, Days(7));
  EXPECT_EQ(first.keep, kMaxCounterSamples);
  EXPECT_EQ(counters_.counters()[1].value_text, "event.total");
  EXPECT_EQ(counters_.counters()[1].keep, 0u);
}

TEST_F(CounterTest, KeepsOneMoreThanIsAskedFor) {
  const struct {
    std::string text;
    uint32_t keep;
  } cases[] = {
      {"count('Order Completed', days(1)) >= 3", 4},
      {"7 > count('Order Completed', days(1))", 8},
      {"count('Order Completed', days(1)) == 0", 1},
      {"count('Order Completed', days(1)) > -5", 1},
      {"count('Order Completed', days(1)) < 2.5", 3},
      {"count('Order Completed', days(1)) > 2 || count('Order Completed', days(2)) > 9", 10},
      {"count('Order Completed', days(1)) > 5000", 1000},
      {"count('Order Completed', days(1)) > person.points", 1000},
      {"count('Order Completed', days(1)) + 1 > 2", 1000},
      {"sum('Order Completed', days(1), event.total) > 2", 1000},
  };
  for (const auto& c : cases) {
    counters_ = CounterTable();
    Use(c.text);
    EXPECT_EQ(counters_.counters()[0].keep, c.keep) << c.text;
  }
}

TEST_F(CounterTest, Totals) {
  const std::vector<std::string> texts = {
      "count('Order Completed')",
      "sum('Order Completed', ever, event.total)",
      "min('Order Completed', ever, event.total)",
      "max('Order Completed', ever, event.total)",
      "avg('Order Completed', ever, event.total)",
      "last('Order Completed', event.total)",
      "first('Order Completed', event.total)",
      "count('Order Completed', ever, event.total > 15.0)",
      "count('Order Completed', minutes(50))",
      "sum('Order Completed', minutes(60), event.total)",
      "avg('Order Completed', minutes(60), event.total)",
      "min('Order Completed', minutes(60), event.total)",
      "max('Order Completed', minutes(60), event.total)",
      "last('Order Completed') == timestamp(1700000000) + minutes(60)",
      "first('Order Completed') == timestamp(1700000000) + minutes(10)",
  };
  for (const std::string& text : texts) Use(text);
  Order(20, Value::Double(10));
  Order(60, Value::Int(30));
  Order(10, Value::Double(20), 70);   // late
  Order(40, Value::String("wrong"));  // no total: counts as an event only
  const std::string expected[] = {"4", "60", "10", "30", "20", "30",   "20",  "2",
                                  "1", "30", "30", "30", "30", "true", "true"};
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(Read(texts[i]), expected[i]) << texts[i];
}

TEST_F(CounterTest, OfNothing) {
  EXPECT_EQ(Read("count('Order Completed', days(1))"), "0");
  EXPECT_EQ(Read("sum('Order Completed', days(1), event.total)"), "0");
  EXPECT_EQ(Read("type(sum('Order Completed', days(1), event.total))"), "double");
  for (const char* text :
       {"min('Order Completed', ever, event.total)", "avg('Order Completed', days(1), event.total)",
        "last('Order Completed')", "first('Order Completed', event.total)"}) {
    EXPECT_EQ(Read(text), "error: there has been no such event") << text;
  }
}

TEST_F(CounterTest, TiesGoByArrival) {
  const auto last = Use("last('Order Completed', event.total)");
  const auto first = Use("first('Order Completed', event.total)");
  Order(10, Value::Double(1));
  Order(10, Value::Double(2));
  EXPECT_EQ(Read(*last, kStart), "2");
  EXPECT_EQ(Read(*first, kStart), "1");
}

TEST_F(CounterTest, AnEventFromTheFutureCountsAsNow) {
  const auto last = Use("last('Order Completed') == timestamp(1700000000) + minutes(5)");
  Order(500, Value::Double(1), 5);
  EXPECT_EQ(Read(*last, kStart + Minutes(5)), "true");
}

TEST_F(CounterTest, SumsAreExactUntilTheyOverflow) {
  const TestNames untyped(false);
  CounterTable counters;
  Scope scope;
  const auto sum =
      Compile("sum('X', ever, event.n)", scope, untyped, TypeKind::kDynamic, &counters);
  const auto add = [&](Value n) {
    const MapEntry properties[] = {{Value::String("n"), n}};
    const EventView event = {"X", "", kStart, Value::Map(properties, 1)};
    Activation activation;
    activation.person = &person_;
    activation.event = &event;
    activation.now = kStart;
    UpdateCounter(counters.counters()[0], activation, &person_, &arena_);
    return Evaluate(*sum.program, activation, &arena_);
  };
  EXPECT_EQ(add(Value::Int(INT64_MAX - 1)).int_value(), INT64_MAX - 1);
  EXPECT_EQ(add(Value::Int(1)).int_value(), INT64_MAX);
  EXPECT_EQ(add(Value::Int(1)).double_value(), 9223372036854775808.0);
}

TEST_F(CounterTest, CountStopsAtAMillionAndTheAverageDoesNot) {
  const auto count = Use("count('Order Completed')");
  const auto average = Use("avg('Order Completed', ever, event.total)");
  Order(0, Value::Double(3));
  for (model::Counter& counter : person_.counters) {
    counter.count = kMaxEverCount;
    if (!counter.sum.is_null()) counter.sum = Value::Double(3.0 * kMaxEverCount);
  }
  Order(1, Value::Double(3));
  EXPECT_EQ(Read(*count, kStart), "1000000");
  EXPECT_EQ(Read(*average, kStart), "3");
}

TEST_F(CounterTest, WindowsEndAndAreWatched) {
  const auto count = Use("count('Order Completed', minutes(30))");
  Order(0, Value::Double(1));
  Order(10, Value::Double(1));
  const struct {
    Timestamp now;
    std::string result;
    Timestamp change;
  } cases[] = {
      {kStart + Minutes(10), "2", kStart + Minutes(30)},
      {kStart + Minutes(30) - Milliseconds(1), "2", kStart + Minutes(30)},
      {kStart + Minutes(30), "1", kStart + Minutes(40)},
      {kStart + Minutes(40), "0", Timestamp::Max()},
  };
  for (const auto& c : cases) {
    TimeWatch watch;
    EXPECT_EQ(Read(*count, c.now, &watch), c.result);
    EXPECT_EQ(watch.next_change, c.change);
  }
}

TEST_F(CounterTest, ExpiredSamplesAreDropped) {
  Use("count('Order Completed', minutes(30))");
  for (int i = 0; i < 10; ++i) Order(i * 10, Value::Double(1));
  EXPECT_EQ(person_.counters[0].samples.size(), 3u);
  Order(1, Value::Double(1), 95);  // too late for every window
  EXPECT_EQ(person_.counters[0].samples.size(), 3u);
}

// The newest `keep` by time, against a plain list, whatever the order of arrival.
TEST_F(CounterTest, AgreesWithAPlainRecount) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    person_.counters.Clear();
    counters_ = CounterTable();
    const int bound = static_cast<int>(random() % 6);
    const auto at_least = Use(fmt::format("count('Order Completed', minutes(50)) >= {}", bound));
    const auto last = Use("last('Order Completed', event.total)");
    std::vector<std::pair<int, int>> orders;  // time, total
    int now = 0;
    for (int i = 0; i < 30; ++i) {
      now += static_cast<int>(random() % 8);
      const int time = std::max(0, now - static_cast<int>(random() % 40));
      orders.emplace_back(time, i);
      Order(time, Value::Int(i), now);
      int inside = 0;
      std::pair<int, int> newest = orders[0];
      for (const auto& order : orders) {
        inside += now - order.first < 50 ? 1 : 0;
        if (order.first >= newest.first) newest = order;
      }
      ASSERT_EQ(Read(*at_least, kStart + Minutes(now)), inside >= bound ? "true" : "false");
      ASSERT_EQ(Read(*last, kStart + Minutes(now)), std::to_string(newest.second));
    }
  }
}

TEST_F(CounterTest, ALoweredKeepDropsTheOldest) {
  Use("count('Order Completed', days(1)) > 8");
  for (int i = 0; i < 9; ++i) Order(i * 2, Value::Double(1));
  const uint64_t id = counters_.counters()[0].id;
  CounterDefinition narrow = counters_.counters()[0];
  narrow.keep = 2;
  const EventView event = {"Order Completed", "", kStart + Minutes(3), Value()};
  Activation activation;
  activation.person = &person_;
  activation.event = &event;
  activation.now = kStart + Minutes(60);
  UpdateCounter(narrow, activation, &person_, &arena_);
  const ArenaVector<model::Sample>& samples = person_.FindCounter(id)->samples;
  EXPECT_EQ(samples[samples.size() - 1].time, kStart + Minutes(16));
  EXPECT_EQ(samples[samples.size() - 2].time, kStart + Minutes(14));
}

// What was counted in two parts is as if it had been counted in one, wherever it is cut.
TEST_F(CounterTest, AppendedCountersAreAsIfOneHadCounted) {
  const std::vector<std::string> reads = {
      "count('Order Completed', days(30))",
      "count('Order Completed', minutes(500)) >= 4",
      "sum('Order Completed', ever, event.total)",
      "max('Order Completed', ever, event.total) - min('Order Completed', ever, event.total)",
      "last('Order Completed', event.total) - first('Order Completed', event.total)",
      "avg('Order Completed', minutes(700), event.total)",
      "last('Order Completed') - first('Order Completed')"};
  for (const std::string& read : reads) Use(read);
  std::mt19937 random(7);
  for (int cut = 0; cut <= 40; cut += 5) {
    model::Person parts[2];
    person_.Reset();
    for (int i = 0; i < 40; ++i) {
      const int minutes = static_cast<int>(random() % 1000);
      const MapEntry properties[] = {
          {Value::String("total"), Value::Int(static_cast<int64_t>(random() % 50))}};
      const EventView event = {"Order Completed", "", kStart + Minutes(minutes),
                               Value::Map(properties, 1)};
      for (model::Person* person : {&person_, &parts[i < cut ? 0 : 1]}) {
        Activation activation;
        activation.person = person;
        activation.event = &event;
        activation.now = kStart + Minutes(1000 + i);
        for (const CounterDefinition& counter : counters_.counters()) {
          EXPECT_TRUE(UpdateCounter(counter, activation, person, &arena_));
        }
      }
    }
    std::vector<std::string> whole;
    for (const std::string& read : reads) whole.push_back(Read(read, 1040));
    person_.Reset();
    for (const CounterDefinition& definition : counters_.counters()) {
      model::Counter counter;
      for (const model::Person& part : parts) {
        const model::Counter* counted = part.FindCounter(definition.id);
        if (counted == nullptr) continue;
        AppendCounter(definition, *counted, kStart + Minutes(1040), &counter, &person_.arena);
      }
      counter.id = definition.id;
      const auto at =
          std::lower_bound(person_.counters.begin(), person_.counters.end(), counter.id,
                           [](const model::Counter& known, uint64_t id) { return known.id < id; });
      person_.counters.Insert(&person_.arena, static_cast<uint32_t>(at - person_.counters.begin()),
                              counter);
    }
    for (size_t i = 0; i < reads.size(); ++i) EXPECT_EQ(Read(reads[i], 1040), whole[i]) << cut;
  }
}

TEST_F(CounterTest, WhatIsUnderWayFromTheLogIsCountedBesides) {
  const auto program = Use("sum('Order Completed', ever, event.total)");
  Order(1, Value::Int(5));
  model::CounterBackfill backfill;
  backfill.since.id = counters_.counters()[0].id;
  person_.backfills.Append(&person_.arena, backfill);
  ++backfill.since.id;
  person_.backfills.Append(&person_.arena, backfill);
  Order(2, Value::Int(7));
  EXPECT_EQ(Read(*program, kStart + Hours(1)), "12");
  EXPECT_EQ(person_.backfills[0].since.sum.double_value(), 7);
  EXPECT_TRUE(person_.backfills[1].since.sum.is_null());
}

}  // namespace
}  // namespace sojourn::expr
