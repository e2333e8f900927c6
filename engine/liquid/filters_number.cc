// Filters of numbers.
#include "engine/liquid/decimal.h"
#include "engine/liquid/filters.h"

namespace sojourn::liquid {
namespace {

using model::Value;
using model::ValueKind;

Value Input(const Call& call) { return ToNumber(call.input); }
Value Argument(const Call& call) { return ToNumber(call.Argument(0)); }

template <Value (*Operate)(const Value&, const Value&)>
Datum Combined(const Call& call) {
  return Operate(Input(call), Argument(call));
}

template <std::optional<Value> (*Operate)(const Value&, const Value&)>
Datum Divided(const Call& call) {
  const auto result = Operate(Input(call), Argument(call));
  if (!result) call.work.Fail("a division by zero");
  return result.value_or(Value::Int(0));
}

Datum Abs(const Call& call) {
  const Value number = Input(call);
  const bool negative = *Compare(number, Value::Int(0)) < 0;
  return negative ? Minus(Value::Int(0), number) : number;
}

Datum AtLeast(const Call& call) {
  const Value number = Input(call);
  const Value limit = Argument(call);
  return *Compare(number, limit) < 0 ? limit : number;
}

Datum AtMost(const Call& call) {
  const Value number = Input(call);
  const Value limit = Argument(call);
  return *Compare(number, limit) > 0 ? limit : number;
}

Datum Ceil(const Call& call) { return Rounded(Input(call), Rounding::kUp, 0); }
Datum Floor(const Call& call) { return Rounded(Input(call), Rounding::kDown, 0); }

Datum Round(const Call& call) {
  const Value digits = Rounded(Argument(call), Rounding::kDown, 0);
  return Rounded(Input(call), Rounding::kNearest,
                 digits.kind() == ValueKind::kInt ? digits.int_value() : 0);
}

}  // namespace

const std::vector<Filter>& NumberFilters() {
  static const auto* const kFilters = new std::vector<Filter>{
      {"plus", 1, 1, Combined<Plus>},
      {"minus", 1, 1, Combined<Minus>},
      {"times", 1, 1, Combined<Times>},
      {"divided_by", 1, 1, Divided<DividedBy>},
      {"modulo", 1, 1, Divided<Modulo>},
      {"abs", 0, 0, Abs},
      {"at_least", 1, 1, AtLeast},
      {"at_most", 1, 1, AtMost},
      {"ceil", 0, 0, Ceil},
      {"floor", 0, 0, Floor},
      {"round", 0, 1, Round},
  };
  return *kFilters;
}

}  // namespace sojourn::liquid
