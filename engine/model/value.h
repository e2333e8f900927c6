// One value of an event property, a trait or an expression.
//
// A Value is a 16-byte view: strings, lists and maps point into memory that somebody else owns (an
// Arena, as a rule) and that must outlive it. Trivially copyable; safe to share while that memory
// stands unchanged. Times have nanoseconds because CEL has them; the engine cuts to milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/arena.h"
#include "engine/base/rfc3339.h"
#include "engine/base/time.h"

namespace sojourn::model {

enum class ValueKind : uint8_t {
  kNull,  // also "absent"
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,      // CEL's type(x): the name of a type
  kOptional,  // CEL's optional_type: a list of no or one item
  kError,     // an evaluation error; the text says what
};

struct MapEntry;

class Value {
 public:
  constexpr Value() = default;

  static Value Null() { return Value(); }
  static Value Bool(bool b) { return Value(ValueKind::kBool, 0, b ? 1 : 0); }
  static Value Int(int64_t i) { return Value(ValueKind::kInt, 0, i); }
  static Value Uint(uint64_t u) { return Value(ValueKind::kUint, 0, static_cast<int64_t>(u)); }
  static Value Double(double d);
  static Value String(std::string_view text) { return Text(ValueKind::kString, text); }
  static Value Bytes(std::string_view bytes) { return Text(ValueKind::kBytes, bytes); }
  static Value Type(std::string_view name) { return Text(ValueKind::kType, name); }
  static Value Error(std::string_view message) { return Text(ValueKind::kError, message); }
  static Value Time(Timestamp time);
  static Value PreciseTimestamp(PreciseTime time);
  static Value Span(Duration duration);
  static Value PreciseSpan(PreciseTime span);
  static Value List(const Value* items, uint32_t count);
  static Value Map(const MapEntry* entries, uint32_t count);
  // A map with string keys in canonical form: entries in the order of their keys' bytes, of equal
  // keys only the one given last. Reorders `entries`, which become the map's.
  static Value SortedMap(MapEntry* entries, uint32_t count);
  static Value Optional(const Value* item);  // nullptr: none

  ValueKind kind() const { return kind_; }
  bool is_null() const { return kind_ == ValueKind::kNull; }
  bool is_error() const { return kind_ == ValueKind::kError; }
  bool is_number() const {
    return kind_ == ValueKind::kInt || kind_ == ValueKind::kUint || kind_ == ValueKind::kDouble;
  }

  // Each requires the kind it names.
  bool bool_value() const { return payload_ != 0; }
  int64_t int_value() const { return payload_; }
  uint64_t uint_value() const { return static_cast<uint64_t>(payload_); }
  double double_value() const;
  // kString, kBytes, kType, kError.
  std::string_view text() const;
  // kTimestamp, kDuration; the first two cut to whole milliseconds, downwards.
  Timestamp time() const;
  Duration duration() const;
  PreciseTime precise() const { return {payload_, static_cast<int32_t>(size_)}; }
  // kList, kMap, kOptional.
  uint32_t size() const { return size_; }
  const Value* items() const { return reinterpret_cast<const Value*>(payload_); }
  const MapEntry* entries() const { return reinterpret_cast<const MapEntry*>(payload_); }

  // The value under a string key of a map; nullptr where absent or this is no map.
  const Value* Find(std::string_view key) const;

 private:
  constexpr Value(ValueKind kind, uint32_t size, int64_t payload)
      : kind_(kind), size_(size), payload_(payload) {}
  static Value Text(ValueKind kind, std::string_view text);

  ValueKind kind_ = ValueKind::kNull;
  uint32_t size_ = 0;  // bytes, items, or nanoseconds
  int64_t payload_ = 0;
};

struct MapEntry {
  Value key;
  Value value;
};

// Name of the kind as CEL's type() gives it ("int", "string", "google.protobuf.Timestamp", ...).
std::string_view KindName(ValueKind kind);

// Copies `value` with all it points to into `arena`.
Value DeepCopy(const Value& value, Arena* arena);

// Same kind and same content; ints and doubles of equal value differ here (CEL's == is in expr).
bool Identical(const Value& a, const Value& b);

// For people: strings in double quotes, times as RFC 3339, lists and maps as JSON-like text.
std::string DebugString(const Value& value);

}  // namespace sojourn::model
