// The CEL specification's own conformance cases, those without protobuf messages.
//
// The file is looked for as cel_conformance.json in $SOJOURN_TEST_DATA, else in ../shared/data
// beside the project. SOJOURN_CONFORMANCE_VERBOSE=1 prints the cases that fail.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/expr/operators.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;
using model::ValueKind;
using nlohmann::json;

std::string DataPath() {
  if (const char* data = std::getenv("SOJOURN_TEST_DATA")) {
    return std::string(data) + "/cel_conformance.json";
  }
  const char* source = std::getenv("SOJOURN_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/../shared/data/cel_conformance.json";
}

std::string DecodeBase64(const std::string& text) {
  static const std::string kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kAlphabet.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

double ToDouble(const json& number) {
  if (number.is_number()) return number.get<double>();
  const std::string text = number.get<std::string>();
  if (text == "NaN") return std::nan("");
  return text == "Infinity" ? INFINITY : -INFINITY;
}

Value FromJson(const json& value, Arena* arena) {
  const auto text = [&](const char* key) { return arena->Copy(value.at(key).get<std::string>()); };
  if (value.contains("boolValue")) return Value::Bool(value["boolValue"].get<bool>());
  if (value.contains("int64Value"))
    return Value::Int(std::stoll(value["int64Value"].get<std::string>()));
  if (value.contains("uint64Value")) {
    return Value::Uint(std::stoull(value["uint64Value"].get<std::string>()));
  }
  if (value.contains("doubleValue")) return Value::Double(ToDouble(value["doubleValue"]));
  if (value.contains("stringValue")) return Value::String(text("stringValue"));
  if (value.contains("typeValue")) return Value::Type(text("typeValue"));
  if (value.contains("bytesValue")) {
    return Value::Bytes(arena->Copy(DecodeBase64(value["bytesValue"].get<std::string>())));
  }
  if (value.contains("listValue")) {
    const json items = value["listValue"].value("values", json::array());
    Value* list = arena->AllocateArray<Value>(items.size());
    for (size_t i = 0; i < items.size(); ++i) list[i] = FromJson(items[i], arena);
    return Value::List(list, static_cast<uint32_t>(items.size()));
  }
  if (value.contains("mapValue")) {
    const json items = value["mapValue"].value("entries", json::array());
    MapEntry* map = arena->AllocateArray<MapEntry>(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      map[i] = {FromJson(items[i]["key"], arena), FromJson(items[i]["value"], arena)};
    }
    return Value::Map(map, static_cast<uint32_t>(items.size()));
  }
  return Value::Null();
}

bool NeedsMessages(const json& test) {
  static const std::set<std::string> kFiles = {"proto2",  "proto3",   "proto2_ext",     "enums",
                                               "dynamic", "wrappers", "type_deductions"};
  if (kFiles.count(test["file"]) > 0 || test.value("checkOnly", false)) return true;
  const std::string text = test["expr"].get<std::string>();
  for (const char* name :
       {"TestAllTypes", "google.protobuf", "proto2.", "proto3.", "NestedMessage"}) {
    if (text.find(name) != std::string::npos) return true;
  }
  const std::string data =
      test.value("value", json()).dump() + test.value("bindings", json()).dump();
  return data.find("objectValue") != std::string::npos ||
         data.find("enumValue") != std::string::npos;
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
  Scope scope;
  scope.person = scope.company = scope.history = scope.in_segment = scope.now = false;
  scope.unchecked = true;
  std::vector<MapEntry> variables;
  const json bindings = test.value("bindings", json::object());
  for (const auto& [name, bound] : bindings.items()) {
    scope.variables.push_back(name);
    const Value value = bound.contains("value") ? FromJson(bound["value"], &arena)
                                                : Value::Error("the binding is an error");
    variables.push_back({Value::String(arena.Copy(name)), value});
  }
  const TestNames names(false);
  CounterTable counters;
  const std::string text = test["expr"].get<std::string>();
  const CompileResult compiled = Compile(text, scope, names, TypeKind::kDynamic, &counters);
  const bool wants_error = test.contains("evalError");
  if (compiled.program == nullptr) return wants_error ? "" : compiled.issues.front().message;
  Activation activation;
  activation.variables = Value::Map(variables.data(), static_cast<uint32_t>(variables.size()));
  const Value actual = Evaluate(*compiled.program, activation, &arena);
  if (wants_error) return actual.is_error() ? "" : model::DebugString(actual);
  const Value expected = test.contains("value") ? FromJson(test["value"], &arena)
                         : test.contains("typedResult")
                             ? FromJson(test["typedResult"]["result"], &arena)
                             : Value::Bool(true);
  return SameResult(actual, expected) ? "" : model::DebugString(actual);
}

TEST(ConformanceTest, CelSpecification) {
  std::ifstream file(DataPath());
  if (!file) GTEST_SKIP() << "no conformance cases at " << DataPath();
  const json tests = json::parse(file);
  const bool verbose = std::getenv("SOJOURN_CONFORMANCE_VERBOSE") != nullptr;
  int eligible = 0;
  int passed = 0;
  for (const json& test : tests) {
    if (NeedsMessages(test)) continue;
    ++eligible;
    const std::string wrong = Try(test);
    passed += wrong.empty() ? 1 : 0;
    if (wrong.empty() || !verbose) continue;
    fmt::print("{}/{}/{}: {} -> {}\n", test["file"].get<std::string>(),
               test["section"].get<std::string>(), test["name"].get<std::string>(),
               test["expr"].get<std::string>(), wrong);
  }
  fmt::print("CEL conformance: {} of {}\n", passed, eligible);
  constexpr int kReached = 1362;  // raise it with every case won
  EXPECT_GE(passed, kReached);
}

}  // namespace
}  // namespace sojourn::expr
