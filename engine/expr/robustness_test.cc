// Whatever the text, compiling and evaluating ends with a value or an issue inside the text.
#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "engine/base/limits.h"
#include "engine/expr/expr.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::Value;

constexpr const char* kPieces[] = {"event",
                                   ".",
                                   "total",
                                   "person",
                                   "points",
                                   "birthday",
                                   "now",
                                   "(",
                                   ")",
                                   "[",
                                   "]",
                                   "{",
                                   "}",
                                   ",",
                                   ":",
                                   "?",
                                   "+",
                                   "-",
                                   "*",
                                   "/",
                                   "%",
                                   "==",
                                   "!=",
                                   "<",
                                   ">=",
                                   "&&",
                                   "||",
                                   "!",
                                   " in ",
                                   "1",
                                   "2.5",
                                   "3u",
                                   "'a'",
                                   "b'\\xff'",
                                   "true",
                                   "null",
                                   "count(",
                                   "sum(",
                                   "'Order Completed'",
                                   "days(2)",
                                   "ever",
                                   "event.total",
                                   "last('Order Completed')",
                                   "in_segment('vip')",
                                   "has(",
                                   "event.items",
                                   ".all(i,",
                                   ".map(i,",
                                   "i",
                                   "size(",
                                   "local(now).hour",
                                   ".matches('a')",
                                   "timestamp(",
                                   "duration('1h')",
                                   "string(",
                                   ".?",
                                   "[?",
                                   ".orValue(",
                                   ".optMap(i,",
                                   "cel.bind(i,",
                                   ".transformMap(i, j,",
                                   ".split(",
                                   "'%s'.format([",
                                   "optional.of(",
                                   "math.greatest(",
                                   "ab_test.offer",
                                   "coupon.code",
                                   "\xc3\xa9",
                                   "`",
                                   "\"",
                                   "\\",
                                   "9e99"};

class RobustnessTest : public ::testing::Test {
 protected:
  void Try(const std::string& text) {
    Scope scope;
    scope.event = scope.ab_test = scope.coupon = true;
    scope.events = {"Order Completed"};
    scope.ab_tests = {"offer"};
    scope.now_only_compared = text.size() % 2 == 0;
    scope.unchecked = text.size() % 3 == 0;
    CounterTable counters;
    const CompileResult result = Compile(text, scope, names_, TypeKind::kDynamic, &counters);
    for (const Issue& issue : result.issues) {
      ASSERT_LE(issue.begin, issue.end) << text;
      ASSERT_LE(issue.end, text.size()) << text;
    }
    if (result.program == nullptr) {
      ASSERT_FALSE(result.issues.empty()) << text;
      return;
    }
    ++compiled_;
    const EventView event = {"Order Completed", "", Timestamp(5), Value()};
    Activation activation;
    activation.person = &person_;
    activation.event = &event;
    activation.now = Timestamp(9);
    TimeWatch watch;
    Evaluate(*result.program, activation, &arena_, &watch);
    ASSERT_GT(watch.next_change, activation.now) << text;
    Explain(*result.program, activation, &arena_);
    result.program->Dump();
    arena_.Reset();
  }

  TestNames names_;
  model::Person person_;
  Arena arena_;
  int compiled_ = 0;
};

TEST_F(RobustnessTest, AnyOrderOfPieces) {
  std::mt19937 random(11);
  for (int round = 0; round < 60000; ++round) {
    std::string text;
    const int pieces = 1 + static_cast<int>(random() % 9);
    for (int i = 0; i < pieces; ++i) text += kPieces[random() % std::size(kPieces)];
    Try(text);
  }
  EXPECT_GT(compiled_, 500);
}

std::string Repeat(std::string_view piece, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += piece;
  return text;
}

// Texts made to be deep, large or slow to compile: each ends in an issue or a program, soon.
TEST_F(RobustnessTest, HostileTexts) {
  const std::string_view pieces[] = {"(",
                                     "[",
                                     "{",
                                     "!",
                                     "-",
                                     "- ",
                                     "1+",
                                     "a.",
                                     "a?b:",
                                     "[0]",
                                     ".?a",
                                     "f(",
                                     "a[",
                                     "{'a':",
                                     "[?",
                                     "x.map(x,",
                                     "'a'.matches('",
                                     "has(",
                                     "1==",
                                     "a||b&&",
                                     "9",
                                     "0x",
                                     "'",
                                     "\"\"\"",
                                     "\\",
                                     "\n",
                                     "//",
                                     "cel.bind(x, x, "};
  for (const std::string_view piece : pieces) {
    for (const size_t bytes : {kMaxExpressionBytes, size_t{100'000} * piece.size()}) {
      const std::string text = Repeat(piece, bytes / piece.size());
      for (const std::string& whole : {text, text + "1", "1" + text, text + Repeat(")", 60)}) {
        const std::clock_t begin = std::clock();
        Try(whole);
        const auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        EXPECT_LT(seconds, 5) << piece;  // less than one without sanitizers
      }
    }
  }
}

// Constants and patterns that take long to compute are not computed while compiling.
TEST_F(RobustnessTest, HostileConstants) {
  const std::string growing = "'ab'" + Repeat(".replace('b', 'bbbbbbbbbbbb')", 40);
  const std::string pattern = "'a'.matches('[^a]{500}')";
  const std::string constants[] = {
      "[" + Repeat(growing + ", ", 10) + "1]",
      "[" + Repeat(pattern + ", ", 600) + "1]",
      Repeat("!", 60) + "(" + pattern + ")",
      "{" + Repeat("1: 1, ", 2700) + "2: 2}[2]",
      "[" + Repeat("'%.100f'.format([1e300]), ", 600) + "1]",
      Repeat("-", 50) + "([" + Repeat("1,", 8000) + "][0])",
  };
  for (const std::string& text : constants) {
    ASSERT_LE(text.size(), kMaxExpressionBytes) << text.substr(0, 40);
    const std::clock_t begin = std::clock();
    Try(text);
    const auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, 10) << text.substr(0, 40);  // less than one without sanitizers
  }
}

TEST_F(RobustnessTest, DamagedExpressions) {
  const std::string good =
      "now - last('Order Completed') > days(90) && sum('Order Completed', days(365), event.total, "
      "event.items.exists(i, i == 1)) >= 500.0 ? has(event.coupon) : {'a': [1, 2u, b'x']}.a[0] != "
      "2";
  Try(good);
  EXPECT_EQ(compiled_, 1);
  std::mt19937 random(13);
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (uint32_t i = 0; i <= random() % 3; ++i) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text.erase(at, 1 + random() % 4);
          break;
        case 1:
          text.insert(at, 1, static_cast<char>(random() % 256));
          break;
        default:
          text[at] = static_cast<char>(random() % 128);
          break;
      }
    }
    Try(text);
  }
}

}  // namespace
}  // namespace sojourn::expr
