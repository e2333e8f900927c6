// What an evaluation may take, at the edge: up to the limit a value, one beyond it an error.
#include <gtest/gtest.h>

#include <ctime>

#include "engine/base/limits.h"
#include "engine/expr/test_json.h"
#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using nlohmann::json;

constexpr std::string_view kTooLong = "error: the text becomes longer than 1 MiB";
constexpr std::string_view kTooMuch = "error: the expression takes too much work";
constexpr std::string_view kTooManySteps = "error: the expression takes too many steps";

json Text(size_t bytes) { return {{"value", {{"stringValue", std::string(bytes, 'a')}}}}; }

json ListOf(size_t count, const json& item) {
  return {{"value", {{"listValue", {{"values", json(count, item)}}}}}};
}

std::string ResultOf(const std::string& text, const json& bindings) {
  Arena arena;
  return model::DebugString(EvaluatePlain(text, bindings, &arena));
}

// `text` makes a text of exactly kMaxExpressionTextBytes from `a`, of `bytes`; of one more with
// another byte behind it.
void ExpectTextEdge(const std::string& text, size_t bytes) {
  const std::string size = "size(" + text + ")";
  EXPECT_EQ(ResultOf(size, {{"a", Text(bytes)}, {"end", Text(0)}}),
            std::to_string(kMaxExpressionTextBytes))
      << text;
  EXPECT_EQ(ResultOf(size, {{"a", Text(bytes)}, {"end", Text(1)}}), kTooLong) << text;
}

TEST(LimitsTest, TextsThatFunctionsMake) {
  const size_t half = kMaxExpressionTextBytes / 2;
  ExpectTextEdge("a + a + end", half);
  ExpectTextEdge("[a, a, end].join()", half);
  ExpectTextEdge("[a, end].join('---')", kMaxExpressionTextBytes - 3);
  ExpectTextEdge("'-'.replace('-', a + end)", kMaxExpressionTextBytes);
  ExpectTextEdge("'--'.replace('-', a) + end", half);
  ExpectTextEdge("('-' + end).replace('', a) + '-'", half - 1);
  ExpectTextEdge("'%s%s%s'.format([a, a, end])", half);
  ExpectTextEdge("'%x%s'.format([a, end])", half);
  ExpectTextEdge("strings.quote(a + end)", kMaxExpressionTextBytes - 2);
  EXPECT_EQ(
      ResultOf("size(base64.encode(bytes(a)))", {{"a", Text(kMaxExpressionTextBytes / 4 * 3)}}),
      std::to_string(kMaxExpressionTextBytes));
  EXPECT_EQ(
      ResultOf("size(base64.encode(bytes(a)))", {{"a", Text(kMaxExpressionTextBytes / 4 * 3 + 1)}}),
      kTooLong);
}

TEST(LimitsTest, DigitsOfFormat) {
  EXPECT_EQ(ResultOf("size('%.100f'.format([0.5]))", json::object()), "102");
  EXPECT_EQ(ResultOf("'%.101f'.format([0.5])", json::object()),
            "error: format() writes at most 100 digits behind the point");
  EXPECT_EQ(ResultOf("'%.99999999999999999999f'.format([0.5])", json::object()),
            "error: format() writes at most 100 digits behind the point");
}

TEST(LimitsTest, StepsOfLoops) {
  const json bindings = {{"l", ListOf(1000, {{"int64Value", "1"}})},
                         {"m", ListOf(99, {{"int64Value", "1"}})},
                         {"one", ListOf(1, {{"int64Value", "1"}})}};
  // 99 outer steps with 1,000 inner ones each, then 901 more.
  const std::string loops = "m.all(i, l.all(j, true))";
  EXPECT_EQ(ResultOf(loops + " && l.exists(i, false) == false", bindings), kTooManySteps);
  const json fewer = {{"l", bindings["l"]},
                      {"m", bindings["m"]},
                      {"n", ListOf(901, {{"int64Value", "1"}})},
                      {"one", bindings["one"]}};
  EXPECT_EQ(ResultOf(loops + " && n.all(i, true)", fewer), "true");
  EXPECT_EQ(ResultOf(loops + " && n.all(i, true) && one.all(i, true)", fewer), kTooManySteps);
}

// size() reads its text: eight texts of 8 MiB are all the work there may be, with the slots of a
// list of eight, once made and once counted.
TEST(LimitsTest, WorkOfOneEvaluation) {
  const auto bytes = static_cast<size_t>(kMaxExpressionWork / 8);
  const size_t slots = 2 * 8 * static_cast<size_t>(kWorkPerItem);
  const std::string sizes =
      "size([size(a), size(a), size(a), size(a), size(a), size(a), size(a), size(b)])";
  EXPECT_EQ(ResultOf(sizes, {{"a", Text(bytes)}, {"b", Text(bytes - slots)}}), "8");
  EXPECT_EQ(ResultOf(sizes, {{"a", Text(bytes)}, {"b", Text(bytes - slots + 1)}}), kTooMuch);
}

TEST(LimitsTest, PatternsOfOneExpression) {
  std::string text = "'a'.matches('a')";
  for (size_t i = 1; i < kMaxExpressionPatterns; ++i) text += " && 'a'.matches('a')";
  EXPECT_EQ(ResultOf(text, json::object()), "true");
  EXPECT_EQ(ResultOf(text + " && 'a'.matches('a')", json::object()),
            "error: more than 32 patterns in one expression");
  EXPECT_EQ(ResultOf("'a'.matches('(?:a?){1000}')", json::object()), "true");
  EXPECT_EQ(ResultOf("'a'.matches('\\\\pL{1000}')", json::object()),
            "error: not a regular expression");
}

// Expressions made to take long or much memory: each ends in an error, soon.
TEST(LimitsTest, Bombs) {
  const json item = {{"int64Value", "1"}};
  const json bindings = {
      {"l", ListOf(30000, item)}, {"a", Text(250000)}, {"p", ListOf(1000, {{"stringValue", "a"}})}};
  std::string nested = "b == b";
  for (int i = 0; i < 30; ++i) nested = "cel.bind(b, [b, b, b, b], " + nested + ")";
  std::string doubled = "size(b)";
  for (int i = 0; i < 40; ++i) doubled = "cel.bind(b, b + b, " + doubled + ")";
  const std::string bombs[] = {
      "l.all(i, l.all(j, l.all(k, true)))",
      "l.map(i, l.map(j, [i, j])).size()",
      "l.map(i, a + 'x').size()",
      "l.map(i, l).map(m, m + m).size()",
      "l.exists(i, a.contains('b'))",
      "l.exists(i, a.replace('a', 'bb') == '')",
      "l.exists(i, a.matches('b' + string(i)))",
      "p.exists(i, a.matches('[ab]*a[ab]{900}b'))",
      "l.transformList(i, v, string(i)).exists(i, 'a'.matches('(' + i + 'a{500}){2}'))",
      "l.exists(i, l == l + [2])",
      "l.exists(i, l.transformMap(k, v, v) == {1: 2})",
      "l.transformMap(k, v, v) == l.transformMap(k, v, v)",
      "l.exists(i, '%s'.format([l]) == '')",
      "l.exists(i, a.split('').join('') == '')",
      "a.replace('', a)",
      "cel.bind(b, [1], " + nested + ")",
      "cel.bind(b, a, " + doubled + ")",
  };
  for (const std::string& bomb : bombs) {
    const std::clock_t begin = std::clock();
    Arena arena;
    const model::Value value = EvaluatePlain(bomb, bindings, &arena);
    EXPECT_TRUE(value.is_error()) << bomb << " is " << model::DebugString(value).substr(0, 100);
    EXPECT_LT(arena.reserved_bytes(), 200u << 20) << bomb;
    const auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, 10) << bomb;  // less than one without sanitizers
  }
}

}  // namespace
}  // namespace sojourn::expr
