#include "engine/expr/test_json.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/base/rfc3339.h"
#include "engine/expr/duration_literal.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;
using model::ValueKind;
using nlohmann::json;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string DecodeBase64(const std::string& text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kBase64.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

std::string EncodeHexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

double ToDouble(const json& number) {
  if (number.is_number()) return number.get<double>();
  const std::string text = number.get<std::string>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return text == "Infinity" ? INFINITY : -INFINITY;
}

json DoubleToJson(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

json ItemsToJson(const Value& list) {
  json items = json::array();
  for (uint32_t i = 0; i < list.size(); ++i) items.push_back(ValueToJson(list.items()[i]));
  return items;
}

json EntriesToJson(const Value& map) {
  json entries = json::array();
  for (uint32_t i = 0; i < map.size(); ++i) {
    entries.push_back({{"key", ValueToJson(map.entries()[i].key)},
                       {"value", ValueToJson(map.entries()[i].value)}});
  }
  return entries;
}

Value ListFromJson(const json& items, Arena* arena) {
  Value* list = arena->AllocateArray<Value>(items.size());
  for (size_t i = 0; i < items.size(); ++i) list[i] = ValueFromJson(items[i], arena);
  return Value::List(list, static_cast<uint32_t>(items.size()));
}

Value MapFromJson(const json& items, Arena* arena) {
  auto* map = arena->AllocateArray<MapEntry>(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    map[i] = {ValueFromJson(items[i]["key"], arena), ValueFromJson(items[i]["value"], arena)};
  }
  return Value::Map(map, static_cast<uint32_t>(items.size()));
}

}  // namespace

Value ValueFromJson(const json& value, Arena* arena) {
  const auto text = [&](const char* key) { return value.at(key).get<std::string>(); };
  if (value.contains("boolValue")) return Value::Bool(value["boolValue"].get<bool>());
  if (value.contains("int64Value")) return Value::Int(std::stoll(text("int64Value")));
  if (value.contains("uint64Value")) return Value::Uint(std::stoull(text("uint64Value")));
  if (value.contains("doubleValue")) return Value::Double(ToDouble(value["doubleValue"]));
  if (value.contains("stringValue")) return Value::String(arena->Copy(text("stringValue")));
  if (value.contains("typeValue")) return Value::Type(arena->Copy(text("typeValue")));
  if (value.contains("bytesValue")) {
    return Value::Bytes(arena->Copy(DecodeBase64(text("bytesValue"))));
  }
  if (value.contains("listValue")) {
    return ListFromJson(value["listValue"].value("values", json::array()), arena);
  }
  if (value.contains("mapValue")) {
    return MapFromJson(value["mapValue"].value("entries", json::array()), arena);
  }
  return Value::Null();
}

json ValueToJson(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kNull:
      return {{"nullValue", nullptr}};
    case ValueKind::kBool:
      return {{"boolValue", value.bool_value()}};
    case ValueKind::kInt:
      return {{"int64Value", std::to_string(value.int_value())}};
    case ValueKind::kUint:
      return {{"uint64Value", std::to_string(value.uint_value())}};
    case ValueKind::kDouble:
      return {{"doubleValue", DoubleToJson(value.double_value())}};
    case ValueKind::kString:
      return {{"stringValue", std::string(value.text())}};
    case ValueKind::kBytes:
      return {{"bytesHex", EncodeHexadecimal(value.text())}};
    case ValueKind::kTimestamp:
      return {{"timestampValue", FormatRfc3339(value.precise())}};
    case ValueKind::kDuration:
      return {{"durationValue", FormatDurationLiteral(value.precise())}};
    case ValueKind::kList:
      return {{"listValue", {{"values", ItemsToJson(value)}}}};
    case ValueKind::kMap:
      return {{"mapValue", {{"entries", EntriesToJson(value)}}}};
    case ValueKind::kType:
      return {{"typeValue", std::string(value.text())}};
    case ValueKind::kOptional:
      return {{"optionalValue", ItemsToJson(value)}};
    case ValueKind::kError:
      return {{"error", std::string(value.text())}};
  }
  return {};
}

Value EvaluatePlain(const std::string& text, const json& bindings, Arena* arena) {
  Scope scope;
  scope.person = scope.company = scope.history = scope.in_segment = scope.now = false;
  scope.unchecked = true;
  std::vector<MapEntry> variables;
  for (const auto& [name, bound] : bindings.items()) {
    scope.variables.push_back(name);
    const Value value = bound.contains("value") ? ValueFromJson(bound["value"], arena)
                                                : Value::Error("the binding is an error");
    variables.push_back({Value::String(arena->Copy(name)), value});
  }
  const TestNames names(false);
  CounterTable counters;
  const CompileResult compiled = Compile(text, scope, names, TypeKind::kDynamic, &counters);
  if (compiled.program == nullptr) {
    return Value::Error(arena->Copy(compiled.issues.front().message));
  }
  Activation activation;
  activation.variables = Value::Map(variables.data(), static_cast<uint32_t>(variables.size()));
  return model::DeepCopy(Evaluate(*compiled.program, activation, arena), arena);
}

}  // namespace sojourn::expr
