#include "engine/liquid/datum.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"

namespace sojourn::liquid {
namespace {

using model::MapEntry;
using model::Value;
using model::ValueKind;

// Values come from JSON of limited nesting; this guards the stack against any other maker.
constexpr int kMaxDepth = kMaxStoredNesting;

void AppendInspected(const Value& raw, int depth, std::string* out);

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    if (c == '\n') {
      *out += "\\n";
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendMap(const Value& map, int depth, std::string* out) {
  out->push_back('{');
  for (uint32_t i = 0; i < map.size(); ++i) {
    if (i > 0) *out += ", ";
    AppendInspected(map.entries()[i].key, depth, out);
    *out += "=>";
    AppendInspected(map.entries()[i].value, depth, out);
  }
  out->push_back('}');
}

void AppendInspected(const Value& raw, int depth, std::string* out) {
  const Value value = Normal(raw);
  if (depth > kMaxDepth) return;
  switch (value.kind()) {
    case ValueKind::kNull:
      *out += "nil";
      return;
    case ValueKind::kString:
      return AppendQuoted(value.text(), out);
    case ValueKind::kMap:
      return AppendMap(value, depth + 1, out);
    case ValueKind::kList:
      out->push_back('[');
      for (uint32_t i = 0; i < value.size(); ++i) {
        if (i > 0) *out += ", ";
        AppendInspected(value.items()[i], depth + 1, out);
      }
      out->push_back(']');
      return;
    default:
      return AppendText(value, out);
  }
}

void AppendList(const Value& list, int depth, std::string* out) {
  if (depth > kMaxDepth) return;
  for (uint32_t i = 0; i < list.size(); ++i) {
    const Value item = Normal(list.items()[i]);
    if (item.kind() == ValueKind::kList) {
      AppendList(item, depth + 1, out);
    } else {
      AppendText(item, out);
    }
  }
}

bool IsEmpty(const Datum& datum) {
  if (datum.kind == DatumKind::kRange) return RangeSize(datum) == 0;
  return (datum.is_string() && datum.value.text().empty()) ||
         ((datum.is_list() || datum.is_map()) && datum.value.size() == 0);
}

bool IsBlank(const Datum& datum) {
  if (datum.is_string())
    return datum.value.text().find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
  return datum.kind == DatumKind::kValue ? !IsTruthy(datum) || IsEmpty(datum) : IsEmpty(datum);
}

// Whole numbers exactly, others as doubles.
int CompareNumbers(const Value& a, const Value& b) {
  if (a.kind() == ValueKind::kInt && b.kind() == ValueKind::kInt) {
    return a.int_value() < b.int_value() ? -1 : a.int_value() > b.int_value();
  }
  const auto widened = [](const Value& v) {
    return v.kind() == ValueKind::kInt ? static_cast<double>(v.int_value()) : v.double_value();
  };
  const double x = widened(a);
  const double y = widened(b);
  // Not-a-number comes first, so that sorting has an order to follow.
  if (std::isnan(x) || std::isnan(y)) return std::isnan(y) - std::isnan(x);
  return x < y ? -1 : x > y;
}

bool AreSame(const Value& raw_a, const Value& raw_b, int depth);

bool SameMaps(const Value& a, const Value& b, int depth) {
  for (uint32_t i = 0; i < a.size(); ++i) {
    const MapEntry& entry = a.entries()[i];
    if (entry.key.kind() != ValueKind::kString) return false;
    // Maps of one maker have one order, so the same place is tried first.
    const MapEntry& opposite = b.entries()[i];
    const Value* other =
        AreSame(opposite.key, entry.key, depth) ? &opposite.value : b.Find(entry.key.text());
    if (other == nullptr || !AreSame(entry.value, *other, depth + 1)) return false;
  }
  return true;
}

bool AreSame(const Value& raw_a, const Value& raw_b, int depth) {
  const Value a = Normal(raw_a);
  const Value b = Normal(raw_b);
  if (depth > kMaxDepth) return false;
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  if (a.kind() == ValueKind::kMap) return a.size() == b.size() && SameMaps(a, b, depth);
  if (a.kind() != ValueKind::kList) return model::Identical(a, b);
  if (a.size() != b.size()) return false;
  for (uint32_t i = 0; i < a.size(); ++i) {
    if (!AreSame(a.items()[i], b.items()[i], depth + 1)) return false;
  }
  return true;
}

size_t WeightAt(const Value& value, int depth) {
  size_t weight = 1;
  if (depth > kMaxDepth) return weight;
  if (value.kind() == ValueKind::kString || value.kind() == ValueKind::kBytes) {
    weight += value.text().size();
  } else if (value.kind() == ValueKind::kList) {
    for (uint32_t i = 0; i < value.size(); ++i) weight += WeightAt(value.items()[i], depth + 1);
  } else if (value.kind() == ValueKind::kMap) {
    for (uint32_t i = 0; i < value.size(); ++i) {
      weight += WeightAt(value.entries()[i].key, depth + 1);
      weight += WeightAt(value.entries()[i].value, depth + 1);
    }
  }
  return weight;
}

std::string_view SkipBlanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\v\f");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// The number at the beginning of a text.
Value LeadingNumber(std::string_view text) {
  text = SkipBlanks(text);
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const auto digits = [&](size_t from) {
    size_t end = from;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    return end;
  };
  const size_t whole = digits(sign);
  if (whole == sign) return Value::Int(0);
  size_t end = whole;
  if (whole < text.size() && text[whole] == '.') {
    const size_t fraction = digits(whole + 1);
    if (fraction > whole + 1) end = fraction;
  }
  const std::string_view number = text.substr(text[0] == '+' ? 1 : 0, end - (text[0] == '+'));
  int64_t integer = 0;
  if (end == whole &&
      std::from_chars(number.data(), number.data() + number.size(), integer).ec == std::errc()) {
    return Value::Int(integer);
  }
  double real = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), real).ec != std::errc()) {
    return Value::Double(number[0] == '-' ? -HUGE_VAL : HUGE_VAL);
  }
  return Value::Double(real);
}

}  // namespace

Datum Datum::Range(int64_t first, int64_t last) {
  Datum range;
  range.kind = DatumKind::kRange;
  range.first = first;
  range.last = last;
  return range;
}

Datum Datum::Special(DatumKind kind) {
  Datum special;
  special.kind = kind;
  return special;
}

Datum Datum::OfLoop(const Loop* loop) {
  Datum datum = Special(DatumKind::kLoop);
  datum.loop = loop;
  return datum;
}

Value Normal(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kBytes:
      return Value::String(value.text());
    case ValueKind::kUint: {
      const uint64_t number = value.uint_value();
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return Value::Double(static_cast<double>(number));
      }
      return Value::Int(static_cast<int64_t>(number));
    }
    case ValueKind::kOptional:
      return value.size() == 0 ? Value::Null() : Normal(value.items()[0]);
    case ValueKind::kType:
    case ValueKind::kError:
      return Value::Null();
    default:
      return value;
  }
}

bool IsTruthy(const Datum& datum) {
  return !datum.is_nil() && !(datum.is(ValueKind::kBool) && !datum.value.bool_value());
}

void AppendText(const Value& raw, std::string* out) {
  const Value value = Normal(raw);
  switch (value.kind()) {
    case ValueKind::kBool:
      *out += value.bool_value() ? "true" : "false";
      return;
    case ValueKind::kInt:
      *out += std::to_string(value.int_value());
      return;
    case ValueKind::kDouble:
      *out += DoubleText(value.double_value());
      return;
    case ValueKind::kString:
      out->append(value.text());
      return;
    case ValueKind::kTimestamp:
      *out += FormatRfc3339(value.precise());
      return;
    case ValueKind::kDuration:
      *out += DoubleText(static_cast<double>(value.duration().milliseconds()) / 1000);
      return;
    case ValueKind::kList:
      return AppendList(value, 0, out);
    case ValueKind::kMap:
      return AppendMap(value, 0, out);
    default:
      return;
  }
}

void AppendText(const Datum& datum, std::string* out) {
  if (datum.kind == DatumKind::kValue) {
    AppendText(datum.value, out);
  } else if (datum.kind == DatumKind::kRange) {
    *out += std::to_string(datum.first) + ".." + std::to_string(datum.last);
  }
}

std::string DoubleText(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  char buffer[64];
  const double size = std::abs(number);
  const bool exponent = size != 0 && (size >= 1e16 || size < 1e-4);
  const auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, format).ptr;
  std::string text(buffer, end);
  const size_t mantissa_end = exponent ? text.find('e') : text.size();
  if (text.find('.') == std::string::npos) text.insert(mantissa_end, ".0");
  return text;
}

Value ToNumber(const Datum& datum) {
  if (datum.is_number()) return datum.value;
  if (datum.is_string()) return LeadingNumber(datum.value.text());
  return Value::Int(0);
}

std::optional<int64_t> ToInteger(const Datum& datum) {
  if (datum.is(ValueKind::kInt)) return datum.value.int_value();
  if (!datum.is_string()) return std::nullopt;
  std::string_view text = SkipBlanks(datum.value.text());
  const size_t end = text.find_last_not_of(" \t\r\n\v\f");
  text = end == std::string_view::npos ? text : text.substr(0, end + 1);
  int64_t integer = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), integer);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return integer;
}

bool AreEqual(const Datum& a, const Datum& b) {
  if (a.kind == DatumKind::kValue && b.kind == DatumKind::kValue) {
    return AreSame(a.value, b.value, 0);
  }
  if (a.kind == DatumKind::kEmpty || a.kind == DatumKind::kBlank) {
    if (a.kind == b.kind) return true;
    return a.kind == DatumKind::kEmpty ? IsEmpty(b) : b.kind != DatumKind::kEmpty && IsBlank(b);
  }
  if (b.kind == DatumKind::kEmpty || b.kind == DatumKind::kBlank) return AreEqual(b, a);
  if (a.kind != b.kind) return false;
  return a.kind == DatumKind::kLoop ? a.loop == b.loop : a.first == b.first && a.last == b.last;
}

std::optional<int> Compare(const Value& raw_a, const Value& raw_b) {
  const Value a = Normal(raw_a);
  const Value b = Normal(raw_b);
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b);
  if (a.kind() != b.kind()) return std::nullopt;
  if (a.kind() == ValueKind::kString) {
    const int order = a.text().compare(b.text());
    return order < 0 ? -1 : order > 0;
  }
  if (a.kind() == ValueKind::kTimestamp || a.kind() == ValueKind::kDuration) {
    const auto x = a.precise();
    const auto y = b.precise();
    if (x.seconds != y.seconds) return x.seconds < y.seconds ? -1 : 1;
    return x.nanoseconds < y.nanoseconds ? -1 : x.nanoseconds > y.nanoseconds;
  }
  return std::nullopt;
}

bool Contains(const Datum& container, const Datum& item) {
  if (!IsTruthy(item)) return false;
  if (container.kind == DatumKind::kRange) {
    return item.is(ValueKind::kInt) && item.value.int_value() >= container.first &&
           item.value.int_value() <= container.last;
  }
  if (container.is_string()) {
    std::string text;
    AppendText(item, &text);
    return container.value.text().find(text) != std::string_view::npos;
  }
  if (container.is_map()) return item.is_string() && container.value.Find(item.value.text());
  if (!container.is_list()) return false;
  const Value* items = container.value.items();
  return std::any_of(items, items + container.value.size(),
                     [&](const Value& candidate) { return AreEqual(Normal(candidate), item); });
}

int64_t RangeSize(const Datum& range) {
  if (range.last < range.first) return 0;
  return SaturatingAdd(SaturatingSubtract(range.last, range.first), 1);
}

size_t WeightOf(const Value& value) { return WeightAt(value, 0); }

}  // namespace sojourn::liquid
