// Conversions between types.
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "engine/base/rfc3339.h"
#include "engine/base/utf8.h"
#include "engine/expr/duration_literal.h"
#include "engine/expr/function.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::Value;

Value Same(const Value* a, Arena*) { return a[0]; }
Value OutOfRange() { return Value::Error("the number is out of range for this type"); }

Value UintToInt(const Value* a, Arena*) {
  if (a[0].uint_value() > static_cast<uint64_t>(INT64_MAX)) return OutOfRange();
  return Value::Int(a[0].int_value());
}
Value DoubleToInt(const Value* a, Arena*) {
  const double number = a[0].double_value();
  // The ends themselves are not exact as doubles, so they count as out of range.
  if (!(number > -9223372036854775808.0 && number < 9223372036854775808.0)) return OutOfRange();
  return Value::Int(static_cast<int64_t>(number));
}
Value TimestampToInt(const Value* a, Arena*) { return Value::Int(a[0].precise().seconds); }

template <typename Number>
bool ParseWhole(std::string_view text, Number* number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

Value TextToInt(const Value* a, Arena*) {
  int64_t number = 0;
  if (!ParseWhole(a[0].text(), &number)) return Value::Error("the text is no whole number");
  return Value::Int(number);
}
Value TextToUint(const Value* a, Arena*) {
  uint64_t number = 0;
  if (!ParseWhole(a[0].text(), &number)) return Value::Error("the text is no whole number");
  return Value::Uint(number);
}
Value IntToUint(const Value* a, Arena*) {
  if (a[0].int_value() < 0) return OutOfRange();
  return Value::Uint(a[0].uint_value());
}
Value DoubleToUint(const Value* a, Arena*) {
  const double number = a[0].double_value();
  if (!(number >= 0 && number < 18446744073709551616.0)) return OutOfRange();
  return Value::Uint(static_cast<uint64_t>(number));
}
Value IntToDouble(const Value* a, Arena*) {
  return Value::Double(static_cast<double>(a[0].int_value()));
}
Value UintToDouble(const Value* a, Arena*) {
  return Value::Double(static_cast<double>(a[0].uint_value()));
}
Value TextToDouble(const Value* a, Arena*) {
  double number = 0;
  if (!ParseWhole(a[0].text(), &number)) return Value::Error("the text is no number");
  return Value::Double(number);
}

Value TextToBool(const Value* a, Arena*) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (a[0].text() == yes) return Value::Bool(true);
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (a[0].text() == no) return Value::Bool(false);
  }
  return Value::Error("the text is neither true nor false");
}

Value Text(const std::string& text, Arena* arena) { return Value::String(arena->Copy(text)); }
Value BoolToText(const Value* a, Arena*) {
  return Value::String(a[0].bool_value() ? "true" : "false");
}
Value IntToText(const Value* a, Arena* arena) {
  return Text(fmt::format("{}", a[0].int_value()), arena);
}
Value UintToText(const Value* a, Arena* arena) {
  return Text(fmt::format("{}", a[0].uint_value()), arena);
}
Value DoubleToText(const Value* a, Arena* arena) {
  const double number = a[0].double_value();
  if (std::isnan(number)) return Value::String("NaN");
  if (std::isinf(number)) return Value::String(number > 0 ? "+Inf" : "-Inf");
  return Text(fmt::format("{}", number), arena);
}
Value BytesToText(const Value* a, Arena*) {
  if (!IsValidUtf8(a[0].text())) return Value::Error("the bytes are no valid UTF-8");
  return Value::String(a[0].text());
}
Value TextToBytes(const Value* a, Arena*) { return Value::Bytes(a[0].text()); }
Value TimestampToText(const Value* a, Arena* arena) {
  return Text(FormatRfc3339(a[0].precise()), arena);
}
Value DurationToText(const Value* a, Arena* arena) {
  return Text(FormatDurationLiteral(a[0].precise()), arena);
}

Value TextToTimestamp(const Value* a, Arena*) {
  const std::optional<PreciseTime> time = ParseRfc3339Precise(a[0].text());
  if (!time) return Value::Error("the text is no timestamp such as 2026-03-02T09:00:00Z");
  return Value::PreciseTimestamp(*time);
}
Value IntToTimestamp(const Value* a, Arena*) {
  return CheckedTimestamp(static_cast<__int128>(a[0].int_value()) * 1000000000);
}
Value TextToDuration(const Value* a, Arena*) {
  const std::optional<__int128> nanoseconds = ParseDurationLiteral(a[0].text());
  if (!nanoseconds) return Value::Error("the text is no duration such as 1h30m");
  return CheckedDuration(*nanoseconds);
}

Value TypeOf(const Value* a, Arena*) { return Value::Type(model::KindName(a[0].kind())); }

}  // namespace

std::vector<Function> ConversionFunctions() {
  return {
      {"int", false, "i>i", Same},
      {"int", false, "u>i", UintToInt},
      {"int", false, "d>i", DoubleToInt},
      {"int", false, "s>i", TextToInt},
      {"int", false, "t>i", TimestampToInt},
      {"uint", false, "u>u", Same},
      {"uint", false, "i>u", IntToUint},
      {"uint", false, "d>u", DoubleToUint},
      {"uint", false, "s>u", TextToUint},
      {"double", false, "d>d", Same},
      {"double", false, "i>d", IntToDouble},
      {"double", false, "u>d", UintToDouble},
      {"double", false, "s>d", TextToDouble},
      {"bool", false, "b>b", Same},
      {"bool", false, "s>b", TextToBool},
      {"string", false, "s>s", Same},
      {"string", false, "b>s", BoolToText},
      {"string", false, "i>s", IntToText},
      {"string", false, "u>s", UintToText},
      {"string", false, "d>s", DoubleToText},
      {"string", false, "y>s", BytesToText},
      {"string", false, "t>s", TimestampToText},
      {"string", false, "p>s", DurationToText},
      {"bytes", false, "y>y", Same},
      {"bytes", false, "s>y", TextToBytes},
      {"timestamp", false, "t>t", Same},
      {"timestamp", false, "s>t", TextToTimestamp},
      {"timestamp", false, "i>t", IntToTimestamp},
      {"duration", false, "p>p", Same},
      {"duration", false, "s>p", TextToDuration},
      {"type", false, "*>T", TypeOf},
      {"dyn", false, "*>*", Same},
  };
}

}  // namespace sojourn::expr
