// Compiled programs against a deliberately plain evaluator that walks the tree, over every small
// expression that a short list of operands and operators can form.
#include <gtest/gtest.h>

#include <optional>

#include <fmt/format.h>

#include "engine/expr/parse.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

// A value as text, "error" for errors. Plain on purpose: "1", "true", "\"a\"", "[1, 2]".
using Result = std::string;
using Variables = std::vector<std::pair<std::string_view, Result>>;

bool IsInt(const Result& r) { return r.find_first_not_of("-0123456789") == std::string::npos; }
bool IsBool(const Result& r) { return r == "true" || r == "false"; }
bool IsText(const Result& r) { return r[0] == '"'; }
bool IsList(const Result& r) { return r[0] == '['; }
Result Truth(bool truth) { return truth ? "true" : "false"; }

// Items of "[1, 2]"; the lists of these tests hold no lists and no commas.
std::vector<Result> Items(const Result& list) {
  std::vector<Result> items;
  for (size_t at = 1; at + 1 < list.size();) {
    const size_t end = list.find_first_of(",]", at);
    items.push_back(list.substr(at, end - at));
    at = end + 2;
  }
  return items;
}

Result Walk(const Node& node, const Variables& variables);

Result WalkBinary(const Node& node, const Variables& variables) {
  const Result a = Walk(*node.children[0], variables);
  const Result b = Walk(*node.children[1], variables);
  if (a == "error" || b == "error") return "error";
  switch (node.op) {
    case Operator::kEqual:
      return Truth(a == b);
    case Operator::kIn: {
      if (!IsList(b)) return "error";
      for (const Result& item : Items(b)) {
        if (item == a) return "true";
      }
      return "false";
    }
    case Operator::kLess:
      if (IsInt(a) && IsInt(b)) return Truth(std::stoi(a) < std::stoi(b));
      if (IsText(a) && IsText(b)) return Truth(a < b);
      return IsBool(a) && IsBool(b) ? Truth(a == "false" && b == "true") : "error";
    case Operator::kAdd:
      if (IsInt(a) && IsInt(b)) return std::to_string(std::stoi(a) + std::stoi(b));
      if (IsText(a) && IsText(b)) return a.substr(0, a.size() - 1) + b.substr(1);
      if (!IsList(a) || !IsList(b)) return "error";
      return a == "[]" ? b : b == "[]" ? a : a.substr(0, a.size() - 1) + ", " + b.substr(1);
    default: {  // division
      const bool divides = IsInt(a) && IsInt(b) && b != "0";
      return divides ? std::to_string(std::stoi(a) / std::stoi(b)) : "error";
    }
  }
}

// && and ||: a deciding side wins even over an error on the other.
Result WalkChain(const Node& node, const Variables& variables) {
  const Result deciding = Truth(node.kind == NodeKind::kOr);
  Result result = Truth(node.kind != NodeKind::kOr);
  for (const Node* child : node.children) {
    const Result part = Walk(*child, variables);
    if (part == deciding) return deciding;
    if (!IsBool(part)) result = "error";
  }
  return result;
}

Result WalkLoop(const Node& node, const Variables& variables) {
  const Result range = Walk(*node.children[0], variables);
  if (range == "error" || !IsList(range)) return "error";
  const bool gathers = node.macro >= Macro::kFilter;
  const Result deciding = Truth(node.macro == Macro::kExists);
  Result result = gathers ? "[" : Truth(node.macro == Macro::kAll);
  for (const Result& item : Items(range)) {
    Variables inner = variables;
    inner.emplace_back(node.name, item);
    const Result part = Walk(*node.children[1], inner);
    if (gathers) {
      const bool filter = node.macro == Macro::kFilter;
      if (part == "error" || (filter && !IsBool(part))) return "error";
      if (filter && part == "false") continue;
      result += (result == "[" ? "" : ", ") + (filter ? item : part);
    } else if (part == deciding) {
      return deciding;
    } else if (!IsBool(part)) {
      result = "error";
    }
  }
  return gathers ? result + "]" : result;
}

Result Walk(const Node& node, const Variables& variables) {
  switch (node.kind) {
    case NodeKind::kLiteral:
      return model::DebugString(node.value);
    case NodeKind::kName:
      for (size_t i = variables.size(); i-- > 0;) {
        if (variables[i].first == node.name) return variables[i].second;
      }
      return "error";
    case NodeKind::kList: {
      Result list = "[";
      for (const Node* child : node.children) {
        const Result item = Walk(*child, variables);
        if (item == "error") return "error";
        list += (list == "[" ? "" : ", ") + item;
      }
      return list + "]";
    }
    case NodeKind::kNot: {
      const Result operand = Walk(*node.children[0], variables);
      return IsBool(operand) ? Truth(operand == "false") : "error";
    }
    case NodeKind::kConditional: {
      const Result condition = Walk(*node.children[0], variables);
      if (!IsBool(condition)) return "error";
      return Walk(*node.children[condition == "true" ? 1 : 2], variables);
    }
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return WalkChain(node, variables);
    case NodeKind::kLoop:
      return WalkLoop(node, variables);
    default:
      return WalkBinary(node, variables);
  }
}

class OracleTest : public ::testing::Test {
 protected:
  OracleTest() {
    scope_.variables = {"missing", "two", "yes"};
    scope_.unchecked = true;
    entries_[0] = {model::Value::String("two"), model::Value::Int(2)};
    entries_[1] = {model::Value::String("yes"), model::Value::Bool(true)};
    activation_.variables = model::Value::Map(entries_, 2);
  }

  void Agree(const std::string& text) {
    IssueList issues;
    const auto ast = Parse(text, &issues);
    ASSERT_NE(ast->root, nullptr) << text;
    const Result expected = Walk(*ast->root, {{"two", "2"}, {"yes", "true"}});
    CounterTable counters;
    const auto program = Compile(text, scope_, names_, TypeKind::kDynamic, &counters).program;
    ASSERT_NE(program, nullptr) << text;
    const model::Value value = Evaluate(*program, activation_, &arena_);
    ASSERT_EQ(value.is_error() ? "error" : model::DebugString(value), expected) << text;
    arena_.Reset();
    ++agreed_;
  }

  static std::vector<std::string> Grow(const std::vector<std::string>& lefts,
                                       const std::vector<std::string>& rights) {
    std::vector<std::string> grown;
    for (const std::string& left : lefts) {
      grown.push_back(fmt::format("!({})", left));
      grown.push_back(fmt::format("[{}]", left));
      for (const std::string& right : rights) {
        for (const char* op : {"+", "/", "==", "<", "in", "&&", "||"}) {
          grown.push_back(fmt::format("({}) {} ({})", left, op, right));
        }
      }
    }
    return grown;
  }

  Scope scope_;
  TestNames names_{false};
  model::MapEntry entries_[2];
  Activation activation_;
  Arena arena_;
  int agreed_ = 0;
};

const std::vector<std::string> kLeaves = {"missing", "two", "yes", "false", "0", "'a'"};

TEST_F(OracleTest, OperatorsTwoDeep) {
  const std::vector<std::string> small = Grow(kLeaves, kLeaves);
  for (const std::string& text : small) Agree(text);
  for (const std::string& text : Grow(small, kLeaves)) {
    if (text.find("[[") == std::string::npos && text.substr(0, 2) != "[(") Agree(text);
  }
  for (const std::string& text : Grow(kLeaves, small)) {
    if (text.find("[") == std::string::npos) Agree(text);
  }
  EXPECT_GT(agreed_, 10000);
}

TEST_F(OracleTest, ChainsAndChoices) {
  for (const std::string& a : kLeaves) {
    for (const std::string& b : kLeaves) {
      for (const std::string& c : kLeaves) {
        Agree(fmt::format("{} && {} && {}", a, b, c));
        Agree(fmt::format("{} || {} || {}", a, b, c));
        Agree(fmt::format("{} || {} && {}", a, b, c));
        Agree(fmt::format("{} ? {} : {}", a, b, c));
      }
    }
  }
}

TEST_F(OracleTest, Loops) {
  std::vector<std::string> operands = kLeaves;
  operands.push_back("i");
  const std::vector<std::string> bodies = Grow({"i"}, operands);
  for (const char* range : {"[]", "[1, two, 0]", "[yes, false]", "['a', two]", "missing", "two"}) {
    for (const char* macro : {"all", "exists", "filter", "map"}) {
      for (const std::string& body : bodies) {
        if (body[0] == '[') continue;
        Agree(fmt::format("{}.{}(i, {})", range, macro, body));
        Agree(fmt::format("{0}.{1}(i, [two].exists(j, j == i) || ({2}))", range, macro, body));
      }
    }
  }
}

}  // namespace
}  // namespace sojourn::expr
