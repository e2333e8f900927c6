// Reading values as the catalogue types them, and the types' names.
#include <array>
#include <cmath>

#include "engine/base/rfc3339.h"
#include "engine/expr/expr.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

constexpr int64_t kSecondsPerDay = 86400;

std::optional<Value> AsInt(const Value& value) {
  if (value.kind() == ValueKind::kInt) return value;
  if (value.kind() == ValueKind::kUint) {
    if (value.uint_value() > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    return Value::Int(value.int_value());
  }
  if (value.kind() != ValueKind::kDouble) return std::nullopt;
  const double number = value.double_value();
  const bool whole = number >= -9223372036854775808.0 && number < 9223372036854775808.0 &&
                     std::floor(number) == number;
  return whole ? std::optional(Value::Int(static_cast<int64_t>(number))) : std::nullopt;
}

std::optional<Value> AsUint(const Value& value) {
  if (value.kind() == ValueKind::kUint) return value;
  const std::optional<Value> whole = AsInt(value);
  if (!whole || whole->int_value() < 0) return std::nullopt;
  return Value::Uint(whole->uint_value());
}

std::optional<Value> AsDouble(const Value& value) {
  if (value.kind() == ValueKind::kDouble) return value;
  if (value.kind() == ValueKind::kInt) return Value::Double(static_cast<double>(value.int_value()));
  if (value.kind() == ValueKind::kUint) {
    return Value::Double(static_cast<double>(value.uint_value()));
  }
  return std::nullopt;
}

std::optional<Value> AsTimestamp(const Value& value) {
  if (value.kind() == ValueKind::kTimestamp) return value;
  if (value.kind() != ValueKind::kString) return std::nullopt;
  const std::optional<PreciseTime> time = ParseRfc3339Precise(value.text());
  return time ? std::optional(Value::PreciseTimestamp(*time)) : std::nullopt;
}

// "2026-03-02", or a timestamp, whose day in UTC is meant.
std::optional<Value> AsDate(const Value& value) {
  if (value.kind() == ValueKind::kString) {
    if (const std::optional<Timestamp> day = ParseDate(value.text())) return Value::Time(*day);
  }
  const std::optional<Value> time = AsTimestamp(value);
  if (!time) return std::nullopt;
  const int64_t seconds = time->precise().seconds;
  const int64_t second_of_day = ((seconds % kSecondsPerDay) + kSecondsPerDay) % kSecondsPerDay;
  return Value::PreciseTimestamp({seconds - second_of_day, 0});
}

std::optional<Value> OfKind(const Value& value, ValueKind kind) {
  return value.kind() == kind ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Value> Coerce(const Value& value, TypeKind type) {
  switch (type) {
    case TypeKind::kDynamic:
      return value;
    case TypeKind::kNull:
      return OfKind(value, ValueKind::kNull);
    case TypeKind::kBool:
      return OfKind(value, ValueKind::kBool);
    case TypeKind::kInt:
      return AsInt(value);
    case TypeKind::kUint:
      return AsUint(value);
    case TypeKind::kDouble:
      return AsDouble(value);
    case TypeKind::kString:
      return OfKind(value, ValueKind::kString);
    case TypeKind::kBytes:
      return OfKind(value, ValueKind::kBytes);
    case TypeKind::kTimestamp:
      return AsTimestamp(value);
    case TypeKind::kDate:
      return AsDate(value);
    case TypeKind::kDuration:
      return OfKind(value, ValueKind::kDuration);
    case TypeKind::kList:
      return OfKind(value, ValueKind::kList);
    case TypeKind::kMap:
      return OfKind(value, ValueKind::kMap);
    case TypeKind::kType:
      return OfKind(value, ValueKind::kType);
    case TypeKind::kOptional:
      return OfKind(value, ValueKind::kOptional);
  }
  return std::nullopt;
}

std::string_view TypeKindName(TypeKind kind) {
  constexpr std::array<std::string_view, 15> kNames = {
      "dynamic",   "null", "bool",     "int",  "uint", "double", "string",  "bytes",
      "timestamp", "date", "duration", "list", "map",  "type",   "optional"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace sojourn::expr
