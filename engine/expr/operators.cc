#include "engine/expr/operators.h"

#include <cmath>
#include <cstring>

#include "engine/base/limits.h"
#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
constexpr int64_t kMinTimestampSeconds = -62135596800;
constexpr int64_t kMaxTimestampSeconds = 253402300799;
Value Overflow() { return Value::Error("the number overflows"); }
Value DivisionByZero() { return Value::Error("division by zero"); }

PreciseTime Split(__int128 nanoseconds) {
  __int128 seconds = nanoseconds / 1000000000;
  __int128 rest = nanoseconds % 1000000000;
  if (rest < 0) {
    rest += 1000000000;
    --seconds;
  }
  return {static_cast<int64_t>(seconds), static_cast<int32_t>(rest)};
}

Value IntArithmetic(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::kAdd:
      return __builtin_add_overflow(a, b, &result) ? Overflow() : Value::Int(result);
    case Operator::kSubtract:
      return __builtin_sub_overflow(a, b, &result) ? Overflow() : Value::Int(result);
    case Operator::kMultiply:
      return __builtin_mul_overflow(a, b, &result) ? Overflow() : Value::Int(result);
    default:
      break;
  }
  if (b == 0) return DivisionByZero();
  if (a == INT64_MIN && b == -1) {
    return op == Operator::kDivide ? Overflow() : Value::Int(0);
  }
  return Value::Int(op == Operator::kDivide ? a / b : a % b);
}

Value UintArithmetic(Operator op, uint64_t a, uint64_t b) {
  uint64_t result = 0;
  switch (op) {
    case Operator::kAdd:
      return __builtin_add_overflow(a, b, &result) ? Overflow() : Value::Uint(result);
    case Operator::kSubtract:
      return __builtin_sub_overflow(a, b, &result) ? Overflow() : Value::Uint(result);
    case Operator::kMultiply:
      return __builtin_mul_overflow(a, b, &result) ? Overflow() : Value::Uint(result);
    default:
      break;
  }
  if (b == 0) return DivisionByZero();
  return Value::Uint(op == Operator::kDivide ? a / b : a % b);
}

Value DoubleArithmetic(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return Value::Double(a + b);
    case Operator::kSubtract:
      return Value::Double(a - b);
    case Operator::kMultiply:
      return Value::Double(a * b);
    case Operator::kDivide:
      return Value::Double(a / b);
    default:
      return NoOverload();
  }
}

Value TimeArithmetic(Operator op, const Value& a, const Value& b) {
  const bool a_is_time = a.kind() == ValueKind::kTimestamp;
  const bool b_is_time = b.kind() == ValueKind::kTimestamp;
  const __int128 left = Nanoseconds(a.precise());
  const __int128 right = Nanoseconds(b.precise());
  if (op == Operator::kAdd) {
    if (a_is_time && b_is_time) return NoOverload();
    return a_is_time || b_is_time ? CheckedTimestamp(left + right) : CheckedDuration(left + right);
  }
  if (op != Operator::kSubtract || (!a_is_time && b_is_time)) return NoOverload();
  return a_is_time && !b_is_time ? CheckedTimestamp(left - right) : CheckedDuration(left - right);
}

Value JoinText(const Value& a, const Value& b, Arena* arena) {
  if (a.text().empty()) return b;
  if (b.text().empty()) return a;
  const std::string_view left = a.text();
  const std::string_view right = b.text();
  if (left.size() + right.size() > kMaxExpressionTextBytes) return TextTooLong();
  char* bytes = arena->Allocate(left.size() + right.size(), 1);
  std::memcpy(bytes, left.data(), left.size());
  std::memcpy(bytes + left.size(), right.data(), right.size());
  const std::string_view joined(bytes, left.size() + right.size());
  return a.kind() == ValueKind::kString ? Value::String(joined) : Value::Bytes(joined);
}

Value JoinLists(const Value& a, const Value& b, Arena* arena) {
  Value* items = arena->AllocateArray<Value>(a.size() + b.size());
  std::copy(a.items(), a.items() + a.size(), items);
  std::copy(b.items(), b.items() + b.size(), items + a.size());
  return Value::List(items, a.size() + b.size());
}

bool IsTimeKind(ValueKind kind) {
  return kind == ValueKind::kTimestamp || kind == ValueKind::kDuration;
}

// As CEL's conformance cases have it: exact beyond the whole numbers' range, as doubles inside it.
std::partial_ordering OrderIntDouble(int64_t a, double b) {
  if (b > 9223372036854775808.0) return std::partial_ordering::less;
  if (b < -9223372036854775808.0) return std::partial_ordering::greater;
  return static_cast<double>(a) <=> b;
}

std::partial_ordering OrderUintDouble(uint64_t a, double b) {
  if (b > 18446744073709551616.0) return std::partial_ordering::less;
  if (b < 0) return std::partial_ordering::greater;
  return static_cast<double>(a) <=> b;
}

std::partial_ordering OrderIntUint(int64_t a, uint64_t b) {
  if (a < 0) return std::partial_ordering::less;
  return static_cast<uint64_t>(a) <=> b;
}

std::partial_ordering Reverse(std::partial_ordering order) { return 0 <=> order; }

std::partial_ordering OrderNumbers(const Value& a, const Value& b) {
  const ValueKind left = a.kind();
  const ValueKind right = b.kind();
  if (left == ValueKind::kDouble) {
    if (right == ValueKind::kDouble) return a.double_value() <=> b.double_value();
    return Reverse(OrderNumbers(b, a));
  }
  if (right == ValueKind::kDouble) {
    return left == ValueKind::kInt ? OrderIntDouble(a.int_value(), b.double_value())
                                   : OrderUintDouble(a.uint_value(), b.double_value());
  }
  if (left == right) {
    if (left == ValueKind::kInt) return a.int_value() <=> b.int_value();
    return a.uint_value() <=> b.uint_value();
  }
  return left == ValueKind::kInt ? OrderIntUint(a.int_value(), b.uint_value())
                                 : Reverse(OrderIntUint(b.int_value(), a.uint_value()));
}

bool EqualLists(const Value& a, const Value& b) {
  if (a.size() != b.size()) return false;
  for (uint32_t i = 0; i < a.size(); ++i) {
    if (!Equal(a.items()[i], b.items()[i])) return false;
  }
  return true;
}

bool EqualMaps(const Value& a, const Value& b) {
  if (a.size() != b.size()) return false;
  for (uint32_t i = 0; i < a.size(); ++i) {
    const Value* other = FindKey(b, a.entries()[i].key);
    if (other == nullptr || !Equal(a.entries()[i].value, *other)) return false;
  }
  return true;
}

}  // namespace

Value CheckedTimestamp(__int128 nanoseconds) {
  const PreciseTime time = Split(nanoseconds);
  if (time.seconds < kMinTimestampSeconds || time.seconds > kMaxTimestampSeconds) {
    return Value::Error("the timestamp is out of range");
  }
  return Value::PreciseTimestamp(time);
}

// About 292 years either way: what 64 bits of nanoseconds hold, as in other implementations.
Value CheckedDuration(__int128 nanoseconds) {
  if (nanoseconds > INT64_MAX || nanoseconds < INT64_MIN) {
    return Value::Error("the duration is out of range");
  }
  return Value::PreciseSpan(Split(nanoseconds));
}

Value Arithmetic(Operator op, const Value& a, const Value& b, Arena* arena) {
  if (IsTimeKind(a.kind()) && IsTimeKind(b.kind())) return TimeArithmetic(op, a, b);
  if (a.kind() != b.kind()) return NoOverload();
  switch (a.kind()) {
    case ValueKind::kInt:
      return IntArithmetic(op, a.int_value(), b.int_value());
    case ValueKind::kUint:
      return UintArithmetic(op, a.uint_value(), b.uint_value());
    case ValueKind::kDouble:
      return DoubleArithmetic(op, a.double_value(), b.double_value());
    default:
      break;
  }
  if (op != Operator::kAdd) return NoOverload();
  switch (a.kind()) {
    case ValueKind::kString:
    case ValueKind::kBytes:
      return JoinText(a, b, arena);
    case ValueKind::kList:
      return JoinLists(a, b, arena);
    default:
      return NoOverload();
  }
}

Value Negate(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kInt:
      return IntArithmetic(Operator::kSubtract, 0, value.int_value());
    case ValueKind::kDouble:
      return Value::Double(-value.double_value());
    case ValueKind::kDuration:
      return CheckedDuration(-Nanoseconds(value.precise()));
    default:
      return NoOverload();
  }
}

bool Equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return OrderNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case ValueKind::kOptional:
    case ValueKind::kList:
      return EqualLists(a, b);
    case ValueKind::kMap:
      return EqualMaps(a, b);
    default:
      return model::Identical(a, b);
  }
}

std::optional<std::partial_ordering> Order(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return OrderNumbers(a, b);
  if (a.kind() != b.kind()) return std::nullopt;
  switch (a.kind()) {
    case ValueKind::kBool:
      return a.bool_value() <=> b.bool_value();
    case ValueKind::kString:
    case ValueKind::kBytes:
      return a.text() <=> b.text();
    case ValueKind::kTimestamp:
    case ValueKind::kDuration: {
      const PreciseTime left = a.precise();
      const PreciseTime right = b.precise();
      if (left.seconds != right.seconds) return left.seconds <=> right.seconds;
      return left.nanoseconds <=> right.nanoseconds;
    }
    default:
      return std::nullopt;
  }
}

Value Compare(Operator op, const Value& a, const Value& b) {
  const std::optional<std::partial_ordering> order = Order(a, b);
  if (!order) return NoOverload();
  switch (op) {
    case Operator::kLess:
      return Value::Bool(*order < 0);
    case Operator::kLessEqual:
      return Value::Bool(*order <= 0);
    case Operator::kGreater:
      return Value::Bool(*order > 0);
    default:
      return Value::Bool(*order >= 0);
  }
}

Value Contains(const Value& item, const Value& container) {
  if (container.kind() == ValueKind::kMap) {
    return Value::Bool(FindKey(container, item) != nullptr);
  }
  if (container.kind() != ValueKind::kList) return NoOverload();
  for (uint32_t i = 0; i < container.size(); ++i) {
    if (Equal(item, container.items()[i])) return Value::Bool(true);
  }
  return Value::Bool(false);
}

const Value* FindKey(const Value& map, const Value& key) {
  for (uint32_t i = 0; i < map.size(); ++i) {
    if (Equal(map.entries()[i].key, key)) return &map.entries()[i].value;
  }
  return nullptr;
}

bool MayIndex(const Value& container, const Value& index) {
  if (container.kind() == ValueKind::kMap) {
    return index.is_number() || index.kind() == ValueKind::kString ||
           index.kind() == ValueKind::kBool;
  }
  if (container.kind() != ValueKind::kList || !index.is_number()) return false;
  // 2.0 and 2u index like 2; what is no whole number indexes nothing.
  return index.kind() != ValueKind::kDouble ||
         std::floor(index.double_value()) == index.double_value();
}

Value Index(const Value& container, const Value& index) {
  if (!MayIndex(container, index)) return NoOverload();
  if (container.kind() == ValueKind::kMap) {
    const Value* found = FindKey(container, index);
    return found == nullptr ? Value::Error("no such key") : *found;
  }
  const bool inside = OrderNumbers(index, Value::Int(0)) >= 0 &&
                      OrderNumbers(index, Value::Int(container.size())) < 0;
  if (!inside) return Value::Error("the index is out of range");
  const bool is_double = index.kind() == ValueKind::kDouble;
  return container
      .items()[is_double ? static_cast<int64_t>(index.double_value()) : index.int_value()];
}

}  // namespace sojourn::expr
