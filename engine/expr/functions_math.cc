// The namespace math: CEL's extension for numbers.
#include <cmath>

#include "engine/expr/function.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

Value NotANumber() { return Value::Error("math.greatest() and math.least() take numbers"); }

template <bool kGreatest>
Value Pick(const Value* items, uint32_t count) {
  if (count == 0) return NotANumber();
  Value best = items[0];
  for (uint32_t i = 0; i < count; ++i) {
    if (!items[i].is_number()) return NotANumber();
    const auto order = Order(items[i], best);
    if (kGreatest ? *order > 0 : *order < 0) best = items[i];
  }
  return best;
}

template <bool kGreatest, uint32_t kCount>
Value PickOf(const Value* a, Arena*) {
  return Pick<kGreatest>(a, kCount);
}
template <bool kGreatest>
Value PickOfOne(const Value* a, Arena*) {
  if (a[0].kind() == ValueKind::kList) return Pick<kGreatest>(a[0].items(), a[0].size());
  return Pick<kGreatest>(a, 1);
}

template <double (*kRound)(double)>
Value Round(const Value* a, Arena*) {
  return Value::Double(kRound(a[0].double_value()));
}

Value AbsoluteInt(const Value* a, Arena*) { return a[0].int_value() < 0 ? Negate(a[0]) : a[0]; }
Value AbsoluteDouble(const Value* a, Arena*) {
  return Value::Double(std::fabs(a[0].double_value()));
}
Value Same(const Value* a, Arena*) { return a[0]; }

Value SignOfInt(const Value* a, Arena*) {
  const int64_t number = a[0].int_value();
  return Value::Int(number > 0 ? 1 : number < 0 ? -1 : 0);
}
Value SignOfUint(const Value* a, Arena*) { return Value::Uint(a[0].uint_value() > 0 ? 1 : 0); }
Value SignOfDouble(const Value* a, Arena*) {
  const double number = a[0].double_value();
  if (number > 0) return Value::Double(1);
  return number < 0 ? Value::Double(-1) : a[0];
}

Value IsNan(const Value* a, Arena*) { return Value::Bool(std::isnan(a[0].double_value())); }
Value IsInfinite(const Value* a, Arena*) { return Value::Bool(std::isinf(a[0].double_value())); }
Value IsFinite(const Value* a, Arena*) { return Value::Bool(std::isfinite(a[0].double_value())); }

// Bits of ints and uints alike; the result has the first argument's type.
Value WithBits(const Value& like, uint64_t bits) {
  return like.kind() == ValueKind::kInt ? Value::Int(static_cast<int64_t>(bits))
                                        : Value::Uint(bits);
}
Value BitAnd(const Value* a, Arena*) {
  return WithBits(a[0], a[0].uint_value() & a[1].uint_value());
}
Value BitOr(const Value* a, Arena*) {
  return WithBits(a[0], a[0].uint_value() | a[1].uint_value());
}
Value BitXor(const Value* a, Arena*) {
  return WithBits(a[0], a[0].uint_value() ^ a[1].uint_value());
}
Value BitNot(const Value* a, Arena*) { return WithBits(a[0], ~a[0].uint_value()); }

template <bool kLeft>
Value Shift(const Value* a, Arena*) {
  const int64_t by = a[1].int_value();
  if (by < 0) return Value::Error("a shift by less than nothing");
  if (by >= 64) return WithBits(a[0], 0);
  const uint64_t bits = a[0].uint_value();
  return WithBits(a[0], kLeft ? bits << by : bits >> by);
}

template <bool kGreatest>
void AddPick(std::string_view name, std::vector<Function>* rows) {
  rows->push_back({name, false, "*>*", PickOfOne<kGreatest>});
  rows->push_back({name, false, "**>*", PickOf<kGreatest, 2>});
  rows->push_back({name, false, "***>*", PickOf<kGreatest, 3>});
  rows->push_back({name, false, "****>*", PickOf<kGreatest, 4>});
  rows->push_back({name, false, "*****>*", PickOf<kGreatest, 5>});
}

}  // namespace

std::vector<Function> MathFunctions() {
  std::vector<Function> rows = {
      {"math.ceil", false, "d>d", Round<std::ceil>},
      {"math.floor", false, "d>d", Round<std::floor>},
      {"math.round", false, "d>d", Round<std::round>},
      {"math.trunc", false, "d>d", Round<std::trunc>},
      {"math.abs", false, "i>i", AbsoluteInt},
      {"math.abs", false, "u>u", Same},
      {"math.abs", false, "d>d", AbsoluteDouble},
      {"math.sign", false, "i>i", SignOfInt},
      {"math.sign", false, "u>u", SignOfUint},
      {"math.sign", false, "d>d", SignOfDouble},
      {"math.isNaN", false, "d>b", IsNan},
      {"math.isInf", false, "d>b", IsInfinite},
      {"math.isFinite", false, "d>b", IsFinite},
      {"math.bitAnd", false, "ii>i", BitAnd},
      {"math.bitAnd", false, "uu>u", BitAnd},
      {"math.bitOr", false, "ii>i", BitOr},
      {"math.bitOr", false, "uu>u", BitOr},
      {"math.bitXor", false, "ii>i", BitXor},
      {"math.bitXor", false, "uu>u", BitXor},
      {"math.bitNot", false, "i>i", BitNot},
      {"math.bitNot", false, "u>u", BitNot},
      {"math.bitShiftLeft", false, "ii>i", Shift<true>},
      {"math.bitShiftLeft", false, "ui>u", Shift<true>},
      {"math.bitShiftRight", false, "ii>i", Shift<false>},
      {"math.bitShiftRight", false, "ui>u", Shift<false>},
  };
  AddPick<true>("math.greatest", &rows);
  AddPick<false>("math.least", &rows);
  return rows;
}

}  // namespace sojourn::expr
