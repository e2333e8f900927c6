#include "engine/model/value.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/duration_text.h"

namespace sojourn::model {
namespace {

PreciseTime SplitMilliseconds(int64_t milliseconds) {
  int64_t seconds = milliseconds / 1000;
  int64_t rest = milliseconds % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  return {seconds, static_cast<int32_t>(rest * 1000000)};
}

int64_t JoinMilliseconds(PreciseTime time) {
  constexpr int64_t kMaxSeconds = INT64_MAX / 1000 - 1;
  if (time.seconds > kMaxSeconds) return INT64_MAX;
  if (time.seconds < -kMaxSeconds) return INT64_MIN;
  return time.seconds * 1000 + time.nanoseconds / 1000000;
}

}  // namespace

Value Value::Double(double d) { return Value(ValueKind::kDouble, 0, std::bit_cast<int64_t>(d)); }
double Value::double_value() const { return std::bit_cast<double>(payload_); }

Value Value::Text(ValueKind kind, std::string_view text) {
  SOJOURN_CHECK(text.size() <= UINT32_MAX);
  return Value(kind, static_cast<uint32_t>(text.size()), reinterpret_cast<int64_t>(text.data()));
}
std::string_view Value::text() const { return {reinterpret_cast<const char*>(payload_), size_}; }

Value Value::Time(Timestamp time) {
  return PreciseTimestamp(SplitMilliseconds(time.milliseconds()));
}
Value Value::PreciseTimestamp(PreciseTime time) {
  return Value(ValueKind::kTimestamp, static_cast<uint32_t>(time.nanoseconds), time.seconds);
}
Value Value::Span(Duration duration) {
  return PreciseSpan(SplitMilliseconds(duration.milliseconds()));
}
Value Value::PreciseSpan(PreciseTime span) {
  return Value(ValueKind::kDuration, static_cast<uint32_t>(span.nanoseconds), span.seconds);
}
Timestamp Value::time() const { return Timestamp(JoinMilliseconds(precise())); }
Duration Value::duration() const { return Duration(JoinMilliseconds(precise())); }

Value Value::List(const Value* items, uint32_t count) {
  return Value(ValueKind::kList, count, reinterpret_cast<int64_t>(items));
}
Value Value::Map(const MapEntry* entries, uint32_t count) {
  return Value(ValueKind::kMap, count, reinterpret_cast<int64_t>(entries));
}
Value Value::SortedMap(MapEntry* entries, uint32_t count) {
  const auto less = [](const MapEntry& a, const MapEntry& b) {
    return a.key.text() < b.key.text();
  };
  if (!std::is_sorted(entries, entries + count, less)) {
    std::stable_sort(entries, entries + count, less);
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const bool last_of_its_key =
        i + 1 == count || entries[i + 1].key.text() != entries[i].key.text();
    if (last_of_its_key) entries[kept++] = entries[i];
  }
  return Map(entries, kept);
}
Value Value::Optional(const Value* item) {
  return Value(ValueKind::kOptional, item == nullptr ? 0 : 1, reinterpret_cast<int64_t>(item));
}

const Value* Value::Find(std::string_view key) const {
  if (kind_ != ValueKind::kMap) return nullptr;
  const MapEntry* entry = entries();
  for (uint32_t i = 0; i < size_; ++i, ++entry) {
    if (entry->key.kind() == ValueKind::kString && entry->key.text() == key) return &entry->value;
  }
  return nullptr;
}

std::string_view KindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNull:
      return "null_type";
    case ValueKind::kBool:
      return "bool";
    case ValueKind::kInt:
      return "int";
    case ValueKind::kUint:
      return "uint";
    case ValueKind::kDouble:
      return "double";
    case ValueKind::kString:
      return "string";
    case ValueKind::kBytes:
      return "bytes";
    case ValueKind::kTimestamp:
      return "google.protobuf.Timestamp";
    case ValueKind::kDuration:
      return "google.protobuf.Duration";
    case ValueKind::kList:
      return "list";
    case ValueKind::kMap:
      return "map";
    case ValueKind::kType:
      return "type";
    case ValueKind::kOptional:
      return "optional_type";
    case ValueKind::kError:
      return "error";
  }
  return "error";
}

Value DeepCopy(const Value& value, Arena* arena) {
  switch (value.kind()) {
    case ValueKind::kString:
      return Value::String(arena->Copy(value.text()));
    case ValueKind::kBytes:
      return Value::Bytes(arena->Copy(value.text()));
    case ValueKind::kType:
      return Value::Type(arena->Copy(value.text()));
    case ValueKind::kError:
      return Value::Error(arena->Copy(value.text()));
    case ValueKind::kList:
    case ValueKind::kOptional: {
      Value* items = arena->AllocateArray<Value>(value.size());
      for (uint32_t i = 0; i < value.size(); ++i) items[i] = DeepCopy(value.items()[i], arena);
      if (value.kind() == ValueKind::kList) return Value::List(items, value.size());
      return Value::Optional(value.size() == 0 ? nullptr : items);
    }
    case ValueKind::kMap: {
      MapEntry* entries = arena->AllocateArray<MapEntry>(value.size());
      for (uint32_t i = 0; i < value.size(); ++i) {
        entries[i] = {DeepCopy(value.entries()[i].key, arena),
                      DeepCopy(value.entries()[i].value, arena)};
      }
      return Value::Map(entries, value.size());
    }
    default:
      return value;
  }
}

bool Identical(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case ValueKind::kNull:
      return true;
    case ValueKind::kDouble:
      return a.int_value() == b.int_value();  // bits
    case ValueKind::kString:
    case ValueKind::kBytes:
    case ValueKind::kType:
    case ValueKind::kError:
      return a.text() == b.text();
    case ValueKind::kList:
    case ValueKind::kOptional: {
      if (a.size() != b.size()) return false;
      for (uint32_t i = 0; i < a.size(); ++i) {
        if (!Identical(a.items()[i], b.items()[i])) return false;
      }
      return true;
    }
    case ValueKind::kMap: {
      if (a.size() != b.size()) return false;
      for (uint32_t i = 0; i < a.size(); ++i) {
        if (!Identical(a.entries()[i].key, b.entries()[i].key)) return false;
        if (!Identical(a.entries()[i].value, b.entries()[i].value)) return false;
      }
      return true;
    }
    default:
      return a.int_value() == b.int_value() && a.size() == b.size();
  }
}

std::string DebugString(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kBool:
      return value.bool_value() ? "true" : "false";
    case ValueKind::kInt:
      return fmt::format("{}", value.int_value());
    case ValueKind::kUint:
      return fmt::format("{}u", value.uint_value());
    case ValueKind::kDouble:
      return fmt::format("{}", value.double_value());
    case ValueKind::kString:
      return fmt::format("\"{}\"", value.text());
    case ValueKind::kBytes:
      return fmt::format("b\"{}\"", value.text());
    case ValueKind::kTimestamp:
      return FormatRfc3339(value.precise());
    case ValueKind::kDuration:
      return FormatDuration(value.duration());
    case ValueKind::kType:
      return std::string(value.text());
    case ValueKind::kError:
      return fmt::format("error: {}", value.text());
    case ValueKind::kOptional:
      return value.size() == 0 ? "optional.none()"
                               : fmt::format("optional.of({})", DebugString(value.items()[0]));
    case ValueKind::kList: {
      std::string text = "[";
      for (uint32_t i = 0; i < value.size(); ++i) {
        text += (i == 0 ? "" : ", ") + DebugString(value.items()[i]);
      }
      return text + "]";
    }
    case ValueKind::kMap: {
      std::string text = "{";
      for (uint32_t i = 0; i < value.size(); ++i) {
        const MapEntry& entry = value.entries()[i];
        text += (i == 0 ? "" : ", ") + DebugString(entry.key) + ": " + DebugString(entry.value);
      }
      return text + "}";
    }
  }
  return "";
}

}  // namespace sojourn::model
