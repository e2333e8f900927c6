// The CEL specification's own conformance cases, those without protobuf messages
// (testdata/README.md). Each must pass, but for those listed in
// testdata/conformance_exceptions.txt, each of which must fail: one that passes is to be taken off
// the list.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/expr/operators.h"
#include "engine/expr/test_json.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;
using nlohmann::json;

std::string ReadTestData(const std::string& name) {
  const char* source = std::getenv("SOJOURN_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/engine/expr/testdata/" +
                     name);
  EXPECT_TRUE(file) << "SOJOURN_SOURCE_DIR is not the project's root";
  return {std::istreambuf_iterator<char>(file), {}};
}

// "file/section/name: EXPRESSION", names alone do not tell all cases from each other.
std::string Identity(const json& test) {
  return fmt::format("{}/{}/{}: {}", test["file"].get<std::string>(),
                     test["section"].get<std::string>(), test["name"].get<std::string>(),
                     test["expr"].get<std::string>());
}

// Identity -> reason. A line that begins with two spaces is the reason of those above it.
std::map<std::string, std::string> ReadExceptions() {
  std::map<std::string, std::string> exceptions;
  std::vector<std::string> waiting;
  std::istringstream text(ReadTestData("conformance_exceptions.txt"));
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.substr(0, 2) != "  ") {
      waiting.push_back(line);
      continue;
    }
    for (const std::string& identity : waiting) exceptions[identity] = line.substr(2);
    waiting.clear();
  }
  EXPECT_TRUE(waiting.empty()) << "no reason below " << waiting[0];
  return exceptions;
}

bool SameResult(const Value& actual, const Value& expected) {
  if (actual.kind() != expected.kind()) return false;
  if (actual.kind() == ValueKind::kDouble && std::isnan(expected.double_value())) {
    return std::isnan(actual.double_value());
  }
  return Equal(actual, expected);
}

// "" where the case passes, else what came out instead.
std::string Try(const json& test) {
  Arena arena;
  const Value actual = EvaluatePlain(test["expr"].get<std::string>(),
                                     test.value("bindings", json::object()), &arena);
  if (test.contains("evalError")) return actual.is_error() ? "" : model::DebugString(actual);
  const Value expected =
      test.contains("value") ? ValueFromJson(test["value"], &arena) : Value::Bool(true);
  return SameResult(actual, expected) ? "" : model::DebugString(actual);
}

// The rule by which cases are here at all.
bool NeedsMessages(const json& test) {
  const std::string text = test.dump();
  return test.contains("container") || text.find("TestAllTypes") != std::string::npos ||
         text.find("google.protobuf") != std::string::npos;
}

TEST(ConformanceTest, CelSpecification) {
  const json tests = json::parse(ReadTestData("cel_conformance.json"));
  std::map<std::string, std::string> exceptions = ReadExceptions();
  size_t passed = 0;
  for (const json& test : tests) {
    const std::string identity = Identity(test);
    EXPECT_FALSE(NeedsMessages(test)) << identity;
    const std::string wrong = Try(test);
    passed += wrong.empty() ? 1 : 0;
    if (exceptions.erase(identity) == 0) {
      EXPECT_EQ(wrong, "") << identity << "\n  wanted "
                           << test.value("value", test.value("evalError", json(true))).dump();
    } else {
      EXPECT_NE(wrong, "") << identity << " passes: take it off the exceptions";
    }
  }
  for (const auto& [identity, reason] : exceptions) {
    ADD_FAILURE() << "an exception names no case: " << identity;
  }
  fmt::print("CEL conformance: {} of {}\n", passed, tests.size());
  EXPECT_EQ(tests.size(), 1592u);
}

}  // namespace
}  // namespace sojourn::expr
