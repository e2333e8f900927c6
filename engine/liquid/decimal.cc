#include "engine/liquid/decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace sojourn::liquid {
namespace {

using model::Value;
using model::ValueKind;

using Digits = __int128;

// digits * 10^exponent
struct Decimal {
  Digits digits = 0;
  int exponent = 0;
};

bool IsInt(const Value& value) { return value.kind() == ValueKind::kInt; }

double AsDouble(const Value& value) {
  return IsInt(value) ? static_cast<double>(value.int_value()) : value.double_value();
}

std::optional<Decimal> FromDouble(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  Decimal decimal;
  bool negative = false;
  bool fraction = false;
  const char* at = buffer;
  for (; at < end && *at != 'e'; ++at) {
    if (*at == '-') negative = true;
    if (*at == '.') fraction = true;
    if (*at < '0' || *at > '9') continue;
    decimal.digits = decimal.digits * 10 + (*at - '0');
    if (fraction) --decimal.exponent;
  }
  if (at < end && *++at == '+') ++at;
  int exponent = 0;
  std::from_chars(at, end, exponent);
  decimal.exponent += exponent;
  if (negative) decimal.digits = -decimal.digits;
  return decimal;
}

std::optional<Decimal> FromValue(const Value& value) {
  if (IsInt(value)) return Decimal{value.int_value(), 0};
  return FromDouble(value.double_value());
}

double ToDouble(const Decimal& decimal) {
  const bool negative = decimal.digits < 0;
  // Negating as unsigned, because the smallest number has no opposite.
  auto rest = negative ? -static_cast<unsigned __int128>(decimal.digits)
                       : static_cast<unsigned __int128>(decimal.digits);
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (negative) text.push_back('-');
  std::reverse(text.begin(), text.end());
  text += 'e';
  text += std::to_string(decimal.exponent);
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc::result_out_of_range && decimal.exponent > 0) {
    number = negative ? -HUGE_VAL : HUGE_VAL;
  }
  return number;
}

bool Lower(Decimal* decimal, int exponent) {
  while (decimal->exponent > exponent) {
    if (__builtin_mul_overflow(decimal->digits, Digits{10}, &decimal->digits)) return false;
    --decimal->exponent;
  }
  return true;
}

// Both with one exponent; false where that does not fit.
bool Align(Decimal* a, Decimal* b) {
  const int exponent = std::min(a->exponent, b->exponent);
  return Lower(a, exponent) && Lower(b, exponent);
}

Digits FloorModulo(Digits a, Digits b) {
  const Digits rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Digits FloorDivide(Digits a, Digits b) {
  const Digits quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Value WholeOf(Digits digits) {
  if (digits > std::numeric_limits<int64_t>::max() ||
      digits < std::numeric_limits<int64_t>::min()) {
    return Value::Double(ToDouble({digits, 0}));
  }
  return Value::Int(static_cast<int64_t>(digits));
}

// `digits` over `divisor`, both exact.
Digits Divide(Digits digits, Digits divisor, Rounding rounding) {
  const Digits down = FloorDivide(digits, divisor);
  const Digits rest = digits - down * divisor;
  if (rest == 0 || rounding == Rounding::kDown) return down;
  if (rounding == Rounding::kUp) return down + 1;
  const bool more = digits < 0 ? rest > divisor - rest : rest >= divisor - rest;
  return more ? down + 1 : down;
}

}  // namespace

bool IsZero(const Value& number) { return AsDouble(number) == 0; }

Value Plus(const Value& a, const Value& b) {
  if (IsInt(a) && IsInt(b)) return WholeOf(Digits{a.int_value()} + b.int_value());
  auto x = FromValue(a);
  auto y = FromValue(b);
  Digits sum = 0;
  if (x && y && Align(&*x, &*y) && !__builtin_add_overflow(x->digits, y->digits, &sum)) {
    return Value::Double(ToDouble({sum, x->exponent}));
  }
  return Value::Double(AsDouble(a) + AsDouble(b));
}

Value Minus(const Value& a, const Value& b) {
  if (IsInt(a) && IsInt(b)) return WholeOf(Digits{a.int_value()} - b.int_value());
  return Plus(a, Value::Double(-AsDouble(b)));
}

Value Times(const Value& a, const Value& b) {
  if (IsInt(a) && IsInt(b)) return WholeOf(Digits{a.int_value()} * b.int_value());
  const auto x = FromValue(a);
  const auto y = FromValue(b);
  Digits product = 0;
  if (x && y && !__builtin_mul_overflow(x->digits, y->digits, &product)) {
    return Value::Double(ToDouble({product, x->exponent + y->exponent}));
  }
  return Value::Double(AsDouble(a) * AsDouble(b));
}

std::optional<Value> DividedBy(const Value& a, const Value& b) {
  if (IsZero(b)) return std::nullopt;
  if (IsInt(a) && IsInt(b)) return WholeOf(FloorDivide(a.int_value(), b.int_value()));
  return Value::Double(AsDouble(a) / AsDouble(b));
}

std::optional<Value> Modulo(const Value& a, const Value& b) {
  if (IsZero(b)) return std::nullopt;
  if (IsInt(a) && IsInt(b)) return WholeOf(FloorModulo(a.int_value(), b.int_value()));
  auto x = FromValue(a);
  auto y = FromValue(b);
  if (x && y && Align(&*x, &*y)) {
    return Value::Double(ToDouble({FloorModulo(x->digits, y->digits), x->exponent}));
  }
  const double rest = std::fmod(AsDouble(a), AsDouble(b));
  return Value::Double(rest != 0 && (rest < 0) != (AsDouble(b) < 0) ? rest + AsDouble(b) : rest);
}

Value Rounded(const Value& number, Rounding rounding, int64_t digits) {
  const auto decimal = FromValue(number);
  if (!decimal || (IsInt(number) && digits >= 0)) return number;
  // Nothing has more than some 330 digits on either side of the point.
  const int wanted = static_cast<int>(std::clamp<int64_t>(digits, -400, 400));
  if (-decimal->exponent <= wanted) {
    if (wanted > 0) return number;
    Decimal whole = *decimal;
    return Lower(&whole, 0) ? WholeOf(whole.digits) : number;
  }
  const int dropped = -decimal->exponent - wanted;
  Digits divisor = 1;
  bool fits = true;
  for (int i = 0; i < dropped && fits; ++i) {
    fits = !__builtin_mul_overflow(divisor, Digits{10}, &divisor);
  }
  Digits kept = 0;
  if (fits) {
    kept = Divide(decimal->digits, divisor, rounding);
  } else if (rounding != Rounding::kNearest) {
    kept = Divide(decimal->digits < 0 ? -1 : decimal->digits > 0, 2, rounding);
  }
  Decimal result{kept, -wanted};
  if (wanted > 0) return Value::Double(ToDouble(result));
  return Lower(&result, 0) ? WholeOf(result.digits) : Value::Double(ToDouble(result));
}

}  // namespace sojourn::liquid
