// Journeys by chance, in the production runtime and in a plain interpreter: both must tell the
// same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/language/load.h"
#include "engine/simulate/plain_journey.h"
#include "engine/simulate/virtual_person.h"

namespace sojourn::simulate {
namespace {

using model::FactKind;
using model::Value;

constexpr uint32_t kSeeds = 1'500;
constexpr uint32_t kSeedsOfLongRuns = 10'000;

using Trace = std::vector<std::string>;

Value Properties(const PlainEvent& event, Arena* arena) {
  const size_t count = event.numbers.size() + event.texts.size() + event.nulls.size();
  auto* const entries = arena->AllocateArray<model::MapEntry>(count);
  size_t next = 0;
  for (const auto& [name, number] : event.numbers) {
    entries[next++] = {Value::String(name), Value::Int(number)};
  }
  for (const auto& [name, text] : event.texts) {
    entries[next++] = {Value::String(name), Value::String(text)};
  }
  for (const std::string& name : event.nulls)
    entries[next++] = {Value::String(name), Value::Null()};
  return Value::SortedMap(entries, static_cast<uint32_t>(count));
}

TestCase ToTestCase(const PlainLife& life, Arena* arena) {
  TestCase test;
  test.start = Timestamp(life.start);
  test.person_id = life.person;
  test.forced_holdout = life.held_out;
  if (life.email) test.traits.emplace_back("email", Value::String(*life.email));
  if (life.birthday) test.traits.emplace_back("birthday", Value::String(*life.birthday));
  if (life.zone) test.traits.emplace_back("timezone", Value::String(*life.zone));
  if (life.level) test.traits.emplace_back("level", Value::Int(*life.level));
  for (const PlainEvent& event : life.events) {
    test.events.push_back({Timestamp(event.at), Timestamp(event.time), event.id,
                           event.name == "Identify", event.name, Properties(event, arena)});
  }
  return test;
}

// "until 2026-03-02T09:00:00Z, judged again ...", ": of quiet hours" without what follows.
std::string UntilWhen(const std::string& detail) {
  return detail.substr(0, std::min(detail.find(", "), detail.find(": ")));
}

// Of a generated code, which nobody can know, only what it begins with.
std::string CodeText(const std::string& code) {
  return code.rfind("MADE-", 0) == 0 && code.size() == 13 ? "MADE" : code;
}

// The one value that a webhook of these tests sends along.
std::string DataText(const model::Action& action) {
  const auto values = ParseJson(action.values_json);
  EXPECT_TRUE(values.is_object()) << action.values_json;
  if (!values.contains("data") || !values["data"].contains("it")) return "";
  const auto& value = values["data"]["it"];
  return value.is_string() ? CodeText(value.get<std::string>()) : DumpJson(value);
}

std::string ActionLine(const Happening& happening) {
  const model::Action& action = *happening.action;
  const std::string where = " " + happening.journey + " " + happening.step + " ";
  switch (action.kind) {
    case model::ActionKind::kWebhook:
      return "call" + where + "'" + DataText(action) + "' webhook";
    case model::ActionKind::kCoupon:
      return "coupon" + where + CodeText(action.coupon.code) + " " + action.coupon.pool;
    default:
      return "send" + where + action.topic;
  }
}

// As the interpreter writes it; empty for what it does not tell.
std::string LineOf(const Happening& happening) {
  const std::string journey = " " + happening.journey;
  switch (happening.kind) {
    case FactKind::kEntered:
      return "enter" + journey + " " + happening.detail;
    case FactKind::kEntryRefused:
      return "refused" + journey + " " + happening.reason;
    case FactKind::kExited:
      return "exit" + journey + " " + happening.reason;
    case FactKind::kGoal:
      return "goal" + journey;
    case FactKind::kSkipped:
      return "skip" + journey + " " + happening.step + " " + happening.reason;
    case FactKind::kRests:
      return "rest" + journey + " " + happening.step + " " + UntilWhen(happening.detail) + " " +
             happening.reason;
    case FactKind::kPathTaken:
      return "path" + journey + " " + happening.name + " " + happening.reason;
    case FactKind::kAction:
      return ActionLine(happening);
    case FactKind::kEventDropped:
      return "dropped " + happening.reason;
    case FactKind::kQueuedDropped:
      return "queued_dropped " + happening.reason;
    default:
      return "";
  }
}

void AppendNew(const VirtualPerson& person, size_t* told, Trace* trace) {
  for (; *told < person.happenings().size(); ++*told) {
    const Happening& happening = person.happenings()[*told];
    const std::string line = LineOf(happening);
    if (!line.empty()) trace->push_back(FormatRfc3339(happening.time) + " " + line);
  }
}

std::string LevelOf(const model::Person& person) {
  const Value* const level = person.FindTrait("level");
  return "level " + (level == nullptr ? "none" : std::to_string(level->int_value()));
}

Trace RunInProduction(const PlainRules& rules, const PlainLife& life,
                      const TestOptions& options = {}) {
  const language::LoadResult loaded = language::LoadBundle(PlainRulesText(rules));
  if (loaded.bundle == nullptr) {
    return {language::FormatDiagnostics(loaded.diagnostics, language::DiagnosticFormat::kText)};
  }
  Arena arena;
  const TestCase test = ToTestCase(life, &arena);
  VirtualPerson person(std::make_shared<const language::RuleSet>(loaded.bundle), test, options);
  Trace trace;
  size_t told = 0;
  const auto fire_all = [&](int64_t until) {
    while (trace.size() <= kPlainMostLines && person.FireNext(Timestamp(until))) {
      AppendNew(person, &told, &trace);
    }
    return trace.size() <= kPlainMostLines;
  };
  for (const TestEvent& event : test.events) {
    if (!fire_all(event.at.milliseconds() - 1)) break;
    person.Apply(event);
    AppendNew(person, &told, &trace);
    trace.push_back(FormatRfc3339(event.at) + " " + LevelOf(person.person()));
  }
  fire_all(life.until);
  trace.resize(std::min(trace.size(), kPlainMostLines));
  if (!person.failure().ok()) trace.push_back("failed: " + person.failure().message());
  return trace;
}

// Side by side from the first difference on.
std::string Difference(const Trace& production, const Trace& plain) {
  const size_t shorter = std::min(production.size(), plain.size());
  size_t same = 0;
  while (same < shorter && production[same] == plain[same]) ++same;
  std::string text;
  for (size_t i = 0; i < std::max(production.size(), plain.size()); ++i) {
    const std::string left = i < production.size() ? production[i] : "";
    const std::string right = i < plain.size() ? plain[i] : "";
    text += (i == same ? "> " : "  ") + left +
            std::string(left.size() < 60 ? 60 - left.size() : 1, ' ') + right + "\n";
  }
  return text;
}

std::string Report(uint32_t seed, const PlainRules& rules, const PlainLife& life,
                   const Trace& production, const Trace& plain) {
  std::string text = "seed " + std::to_string(seed) + "\n";
  for (const auto& [path, bytes] : PlainRulesText(rules)) text += "### " + path + "\n" + bytes;
  text += "### tests/random.test.yaml\n" + PlainLifeText(rules, life);
  return text + "### production (left) and the plain interpreter\n" + Difference(production, plain);
}

// "exit completed": what a line tells, without where and when.
std::string KindOf(const std::string& line) {
  const size_t first = line.find(' ') + 1;
  const std::string kind = line.substr(first, line.find(' ', first) - first);
  if (kind == "enter" || kind == "goal" || kind == "level") return kind;
  return kind + line.substr(line.rfind(' '));
}

// What operation notes, too, where nobody asks for explanations.
Trace WithoutExplanations(const Trace& trace) {
  Trace left;
  for (const std::string& line : trace) {
    const std::string kind = KindOf(line);
    const bool kept = kind == "enter" || kind == "goal" || kind == "level" ||
                      kind.rfind("exit", 0) == 0 || kind.rfind("send", 0) == 0 ||
                      kind.rfind("call", 0) == 0 || kind.rfind("coupon", 0) == 0;
    if (kept) left.push_back(line);
  }
  return left;
}

uint32_t Seeds() {
  return std::getenv("SOJOURN_LONG_TESTS") == nullptr ? kSeeds : kSeedsOfLongRuns;
}

// Everything that both must have done so often in the first kSeeds seeds.
const PlainCounts kLeastSeen = {
    {"call webhook", 200},
    {"choose, none", 50},
    {"choose, otherwise", 90},
    {"choose, way 1", 400},
    {"choose, way 2", 60},
    {"choose, way 3", 10},
    {"coupon exiting", 30},
    {"coupon few", 50},
    {"coupon many", 80},
    {"coupon new", 70},
    {"date, once", 3},
    {"date, year", 30},
    {"dropped duplicate", 300},
    {"ended run forgotten", 700},
    {"enter", 4'000},
    {"exit completed", 2'000},
    {"exit enters_segment", 20},
    {"exit event", 300},
    {"exit goal", 100},
    {"exit leaves_segment", 20},
    {"exit left", 300},
    {"exit restarted", 800},
    {"goal", 300},
    {"level", 10'000},
    {"path a", 300},
    {"path b", 200},
    {"queued_dropped depth_limit", 200},
    {"queued_dropped queue_limit", 200},
    {"refused already_running", 500},
    {"refused only_if", 1'000},
    {"refused reentry", 1'000},
    {"refused run_key_error", 600},
    {"refused run_limit", 1'000},
    {"rest condition", 400},
    {"rest event", 1'000},
    {"rest quiet_hours", 60},
    {"rest segment", 300},
    {"rest wait", 3'000},
    {"run key forgotten", 3},
    {"schedule, day", 1'000},
    {"schedule, month", 60},
    {"schedule, not in its segment", 300},
    {"schedule, once", 10},
    {"schedule, week", 200},
    {"schedule, year", 10},
    {"send marketing", 1'000},
    {"send newsletter", 80},
    {"send orders", 800},
    {"skip coupon_empty", 40},
    {"skip error", 200},
    {"skip frequency_cap", 200},
    {"skip holdout", 90},
    {"skip no_address", 500},
    {"skip no_consent", 500},
    {"skip quiet_hours", 50},
    {"skip suppressed", 400},
    {"wait for a repeated time", 3},
    {"wait for a skipped time", 6},
    {"wait over a change of the clocks", 60},
    {"wait until what is ahead", 100},
    {"wait until what is past", 100},
    {"wait_until condition, by an event", 20},
    {"wait_until condition, by time alone", 20},
    {"wait_until condition, by update_person", 10},
    {"wait_until condition, its time is over", 20},
    {"wait_until condition, on arrival", 20},
    {"wait_until event, its time is over", 20},
    {"wait_until event, way 1", 20},
    {"wait_until event, way 2", 20},
    {"wait_until event, way 3", 20},
    {"wait_until segment, by an event", 20},
    {"wait_until segment, by time alone", 20},
    {"wait_until segment, by update_person", 9},
    {"wait_until segment, its time is over", 20},
    {"wait_until segment, on arrival", 20},
};

TEST(RandomJourneysTest, TheRuntimeDoesWhatAPlainInterpreterDoes) {
  PlainCounts seen;
  int differing = 0;
  for (uint32_t seed = 1; seed <= Seeds() && differing < 3; ++seed) {
    const PlainRules rules = RandomRules(seed);
    const PlainLife life = RandomLife(seed);
    const Trace production = RunInProduction(rules, life);
    const Trace plain = InterpretPlainly(rules, life, PlantedMistake::kNone, &seen);
    for (const std::string& line : production) ++seen[KindOf(line)];
    if (production == plain) continue;
    ++differing;
    ADD_FAILURE() << Report(seed, rules, life, production, plain);
  }
  for (const auto& [kind, times] : seen) std::printf("%7d %s\n", times, kind.c_str());
  for (const auto& [kind, least] : kLeastSeen) EXPECT_GE(seen[kind], least) << kind;
}

// Operation looks at no more triggers than the index of events names. Where a trace was cut off, so
// is the comparison.
TEST(RandomJourneysTest, TheRuntimeDoesTheSameWithoutTraces) {
  TestOptions untraced;
  untraced.tracing = false;
  size_t compared = 0;
  for (uint32_t seed = 1; seed <= Seeds(); seed += 5) {
    const PlainRules rules = RandomRules(seed);
    const PlainLife life = RandomLife(seed);
    const Trace traced = WithoutExplanations(RunInProduction(rules, life));
    Trace quiet = WithoutExplanations(RunInProduction(rules, life, untraced));
    quiet.resize(std::min(quiet.size(), traced.size()));
    ASSERT_EQ(quiet, traced) << Report(seed, rules, life, quiet, traced);
    compared += traced.size();
  }
  EXPECT_GT(compared, 3'000u);
}

// A wrong rule is seen within the first kSeeds seeds.
class PlantedMistakeTest : public ::testing::TestWithParam<PlantedMistake> {};

TEST_P(PlantedMistakeTest, IsSeen) {
  int differing = 0;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    const PlainRules rules = RandomRules(seed);
    const PlainLife life = RandomLife(seed);
    const Trace wrong = InterpretPlainly(rules, life, GetParam());
    if (wrong == InterpretPlainly(rules, life)) continue;
    // The comparison itself, on the first ones only.
    if (++differing > 2) break;
    EXPECT_NE(RunInProduction(rules, life), wrong) << "seed " << seed;
  }
  EXPECT_GE(differing, 2);
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedMistakeTest,
                         ::testing::Values(PlantedMistake::kTimersFirst,
                                           PlantedMistake::kCapIncludesEdge,
                                           PlantedMistake::kReentryByKeyLost,
                                           PlantedMistake::kExitBeforeGoal,
                                           PlantedMistake::kLateIsNow, PlantedMistake::kFlipsLast));

}  // namespace
}  // namespace sojourn::simulate
