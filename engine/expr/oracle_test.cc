// Compiled programs against the plain evaluator of oracle.h, over every expression up to a size
// that a small grammar can form: errors, absent values, times, macros, optionals and functions
// included.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "engine/expr/oracle.h"
#include "engine/expr/parse.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;

// What expressions of the next larger size are made of. {0} and {1} stand for smaller ones.
struct Grammar {
  std::vector<std::string> leaves;
  std::vector<std::string> unary;
  std::vector<std::string> binary;
};

// All expressions of exactly `size`: leaves count one, every form one more than its parts.
std::vector<std::string> AllOfSize(const Grammar& grammar, int size) {
  if (size == 1) return grammar.leaves;
  std::vector<std::string> all;
  for (const std::string& part : AllOfSize(grammar, size - 1)) {
    for (const std::string& form : grammar.unary) {
      all.push_back(fmt::format(fmt::runtime(form), part));
    }
  }
  for (int left = 1; left + 1 < size; ++left) {
    for (const std::string& a : AllOfSize(grammar, left)) {
      for (const std::string& b : AllOfSize(grammar, size - 1 - left)) {
        for (const std::string& form : grammar.binary) {
          all.push_back(fmt::format(fmt::runtime(form), a, b));
        }
      }
    }
  }
  return all;
}

class OracleTest : public ::testing::Test {
 protected:
  OracleTest() {
    scope_.variables = {"missing", "two", "yes", "m", "then"};
    scope_.unchecked = true;
    inner_[0] = {Value::String("a"), Value::Int(2)};
    entries_[0] = {Value::String("two"), Value::Int(2)};
    entries_[1] = {Value::String("yes"), Value::Bool(true)};
    entries_[2] = {Value::String("m"), Value::Map(inner_, 1)};
    entries_[3] = {Value::String("then"), Value::Time(now_ - Days(2))};
    activation_.variables = Value::Map(entries_, 4);
    activation_.now = now_;
  }

  Bindings BindingsAt(Timestamp now) const {
    const Datum two{DatumKind::kInt, 2};
    return {{"two", two},
            {"yes", {DatumKind::kBool, 1}},
            {"m", {DatumKind::kMap, 0, 0, "", {{DatumKind::kText, 0, 0, "a"}, two}}},
            {"then", {DatumKind::kTime, (now_ - Days(2)).milliseconds()}},
            {"now", {DatumKind::kTime, now.milliseconds()}}};
  }

  static std::string TextOf(const Value& value) {
    return value.is_error() ? "error" : model::DebugString(value);
  }

  void Agree(const std::string& text) {
    IssueList issues;
    const auto ast = Parse(text, &issues);
    ASSERT_NE(ast->root, nullptr) << text;
    CounterTable counters;
    const auto program = Compile(text, scope_, names_, TypeKind::kDynamic, &counters).program;
    ASSERT_NE(program, nullptr) << text;
    activation_.now = now_;
    TimeWatch watch;
    const std::string at_now = TextOf(Evaluate(*program, activation_, &arena_, &watch));
    ASSERT_EQ(at_now, DatumText(WalkTree(*ast->root, BindingsAt(now_)))) << text;
    ++agreed_;
    if (watch.next_change == Timestamp::Max()) return arena_.Reset();
    // Until the moment that was noted nothing changes; then both still agree.
    ++watched_;
    ASSERT_GT(watch.next_change, now_) << text;
    const Timestamp before = watch.next_change - Milliseconds(1);
    ASSERT_EQ(DatumText(WalkTree(*ast->root, BindingsAt(before))), at_now) << text;
    activation_.now = watch.next_change;
    ASSERT_EQ(TextOf(Evaluate(*program, activation_, &arena_)),
              DatumText(WalkTree(*ast->root, BindingsAt(watch.next_change))))
        << text;
    arena_.Reset();
  }

  void AgreeOnAll(const Grammar& grammar, int size) {
    for (int of = 1; of <= size; ++of) {
      for (const std::string& text : AllOfSize(grammar, of)) Agree(text);
      ASSERT_FALSE(HasFatalFailure());
    }
  }

  Timestamp now_ = *ParseRfc3339("2026-03-02T09:00:00Z");
  Scope scope_;
  TestNames names_{false};
  MapEntry inner_[1];
  MapEntry entries_[4];
  Activation activation_;
  Arena arena_;
  int agreed_ = 0;
  int watched_ = 0;
};

TEST_F(OracleTest, EveryOperator) {
  AgreeOnAll({{"missing", "two", "yes", "0", "1.5", "'a'", "null", "m"},
              {"!({})", "-({})", "[{}]", "({}).a", "has(({}).a)", "size({})"},
              {"({}) + ({})", "({}) - ({})", "({}) * ({})", "({}) / ({})", "({}) % ({})",
               "({}) == ({})", "({}) != ({})", "({}) < ({})", "({}) <= ({})", "({}) > ({})",
               "({}) >= ({})", "({}) in ({})", "({}) && ({})", "({}) || ({})", "({})[{}]",
               "{{'a': {}, 'b': {}}}", "math.greatest({}, {})"}},
             4);
  EXPECT_GT(agreed_, 20000);
}

TEST_F(OracleTest, OperatorsAboveEachOther) {
  AgreeOnAll({{"missing", "two", "yes", "'a'"},
              {"!({})", "[{}]"},
              {"({}) + ({})", "({}) / ({})", "({}) == ({})", "({}) < ({})", "({}) in ({})",
               "({}) && ({})", "({}) || ({})"}},
             5);
  EXPECT_GT(agreed_, 9000);
}

TEST_F(OracleTest, ChainsAndChoices) {
  const std::vector<std::string> leaves = {"missing", "two", "yes", "false", "!yes", "'a'"};
  for (const std::string& a : leaves) {
    for (const std::string& b : leaves) {
      for (const std::string& c : leaves) {
        Agree(fmt::format("{} && {} && {}", a, b, c));
        Agree(fmt::format("{} || {} || {}", a, b, c));
        Agree(fmt::format("{} || {} && {}", a, b, c));
        Agree(fmt::format("{} ? {} : {}", a, b, c));
      }
    }
  }
}

// Every comparison with now, joined with others, and the moments at which they turn.
TEST_F(OracleTest, Times) {
  AgreeOnAll({{"now", "then", "days(2)", "missing", "yes"},
              {"!({})"},
              {"({}) + ({})", "({}) - ({})", "({}) == ({})", "({}) < ({})", "({}) >= ({})",
               "({}) && ({})", "({}) || ({})"}},
             3);
  const std::vector<std::string> sides = {"now", "now - then", "now - days(1)", "now + days(2)"};
  const std::vector<std::string> fixed = {"then", "days(2)", "days(3)", "then + days(4)",
                                          "missing"};
  std::vector<std::string> comparisons = {"yes", "missing"};
  for (const std::string& side : sides) {
    for (const std::string& other : fixed) {
      for (const char* op : {"==", "!=", "<", "<=", ">", ">="}) {
        comparisons.push_back(fmt::format("{} {} {}", side, op, other));
        comparisons.push_back(fmt::format("{} {} {}", other, op, side));
      }
    }
  }
  for (const std::string& comparison : comparisons) {
    Agree(comparison);
    for (const char* other : {"yes", "missing", "now - then < days(3)", "now >= then + days(4)"}) {
      Agree(fmt::format("{} && {}", comparison, other));
      Agree(fmt::format("{} || !({})", other, comparison));
      Agree(fmt::format("({}) == ({})", comparison, other));
    }
  }
  EXPECT_GT(watched_, 1000);
}

TEST_F(OracleTest, Macros) {
  const Grammar bodies = {
      {"i", "two", "missing", "yes", "'a'"},
      {"!({})", "[{}]"},
      {"({}) + ({})", "({}) / ({})", "({}) == ({})", "({}) < ({})", "({}) && ({})"}};
  const std::vector<std::string> ranges = {"[]",         "[1, two, 0]", "[yes, false]",
                                           "['a', two]", "m",           "{{'x': 1, 'y': yes}}",
                                           "missing",    "two"};
  const std::vector<std::string> forms = {"all(i, {})",
                                          "exists(i, {})",
                                          "exists_one(i, {})",
                                          "filter(i, {})",
                                          "map(i, {})",
                                          "map(i, i == two, {})",
                                          "all(j, i, {})",
                                          "exists(i, j, {})",
                                          "transformList(j, i, {})",
                                          "transformMap(i, j, {})",
                                          "transformMap(j, i, i == two, {})"};
  for (const std::string& range : ranges) {
    for (const std::string& form : forms) {
      for (int size = 1; size <= 3; ++size) {
        for (const std::string& body : AllOfSize(bodies, size)) {
          Agree(fmt::format(fmt::runtime(range + "." + form), body));
        }
      }
    }
  }
  for (const std::string& body : AllOfSize(bodies, 3)) {
    Agree(fmt::format("[1, two].exists(k, [two, k].map(i, {}) == [k])", body));
    Agree(fmt::format("cel.bind(i, two + 1, [{}])", body));
    Agree(fmt::format("cel.bind(i, missing, [two].map(two, {}))", body));
  }
  EXPECT_GT(agreed_, 10000);
}

TEST_F(OracleTest, Optionals) {
  AgreeOnAll(
      {{"m", "two", "missing", "optional.none()", "'ab'"},
       {"optional.of({})", "({}).?a", "({}).a", "({})[?0]", "[?({})]", "has(({}).a)",
        "({}).hasValue()", "({}).optMap(i, i + i)", "({}).optFlatMap(i, i.?a)", "({}).reverse()"},
       {"({}).orValue({})", "({}).or({})", "{{?'a': {}, 'b': {}}}", "({}) == ({})",
        "({}).contains({})", "({})[?({})]"}},
      4);
  AgreeOnAll({{"m", "missing", "optional.none()"},
              {"optional.of({})", "({}).?a", "({}).a", "({})[?0]", "({}).optMap(i, i)"},
              {"({}).orValue({})", "({}).or({})"}},
             4);
  EXPECT_GT(agreed_, 9000);
}

}  // namespace
}  // namespace sojourn::expr
