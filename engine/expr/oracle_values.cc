// Values of the plain evaluator.
#include <fmt/format.h>

#include "engine/base/duration_text.h"
#include "engine/base/rfc3339.h"
#include "engine/expr/oracle.h"

namespace sojourn::expr {
namespace {

using Kind = DatumKind;

Datum Whole(int64_t number) { return {Kind::kInt, number}; }

Datum Ordered(Operator op, const Datum& a, const Datum& b) {
  int order = 0;
  if (IsNumber(a) && IsNumber(b)) {
    order = Real(a) < Real(b) ? -1 : Real(a) > Real(b) ? 1 : 0;
  } else if (a.kind != b.kind || a.kind == Kind::kNull || a.kind >= Kind::kList) {
    return {};
  } else if (a.kind == Kind::kText) {
    order = a.text.compare(b.text);
  } else {
    order = a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  }
  switch (op) {
    case Operator::kLess:
      return MakeTruth(order < 0);
    case Operator::kLessEqual:
      return MakeTruth(order <= 0);
    case Operator::kGreater:
      return MakeTruth(order > 0);
    default:
      return MakeTruth(order >= 0);
  }
}

Datum Sum(const Datum& a, const Datum& b) {
  const bool time_and_span = (a.kind == Kind::kTime && b.kind == Kind::kSpan) ||
                             (a.kind == Kind::kSpan && b.kind == Kind::kTime);
  if (time_and_span) return {Kind::kTime, a.number + b.number};
  if (a.kind != b.kind) return {};
  Datum sum = a;
  switch (a.kind) {
    case Kind::kInt:
    case Kind::kSpan:
      sum.number += b.number;
      return sum;
    case Kind::kDouble:
      sum.real += b.real;
      return sum;
    case Kind::kText:
      sum.text += b.text;
      return sum;
    case Kind::kList:
      sum.items.insert(sum.items.end(), b.items.begin(), b.items.end());
      return sum;
    default:
      return {};
  }
}

Datum Difference(const Datum& a, const Datum& b) {
  if (a.kind == Kind::kTime && b.kind == Kind::kTime) return {Kind::kSpan, a.number - b.number};
  if (a.kind == Kind::kTime && b.kind == Kind::kSpan) return {Kind::kTime, a.number - b.number};
  if (a.kind != b.kind) return {};
  if (a.kind == Kind::kInt || a.kind == Kind::kSpan) return {a.kind, a.number - b.number};
  return a.kind == Kind::kDouble ? Datum{Kind::kDouble, 0, a.real - b.real} : Datum{};
}

Datum Product(Operator op, const Datum& a, const Datum& b) {
  if (a.kind == Kind::kDouble && b.kind == Kind::kDouble && op != Operator::kModulo) {
    return {Kind::kDouble, 0, op == Operator::kMultiply ? a.real * b.real : a.real / b.real};
  }
  if (a.kind != Kind::kInt || b.kind != Kind::kInt) return {};
  if (op == Operator::kMultiply) return Whole(a.number * b.number);
  if (b.number == 0) return {};
  return Whole(op == Operator::kDivide ? a.number / b.number : a.number % b.number);
}

Datum Inside(const Datum& item, const Datum& container) {
  if (container.kind == Kind::kMap) return MakeTruth(FindEntry(container, item) != nullptr);
  if (container.kind != Kind::kList) return {};
  for (const Datum& other : container.items) {
    if (Same(item, other)) return MakeTruth(true);
  }
  return MakeTruth(false);
}

}  // namespace

bool Same(const Datum& a, const Datum& b) {
  if (IsNumber(a) && IsNumber(b)) return Real(a) == Real(b);
  if (a.kind != b.kind || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (a.kind != Kind::kMap) {
      if (!Same(a.items[i], b.items[i])) return false;
    } else if (i % 2 == 0) {
      const Datum* other = FindEntry(b, a.items[i]);
      if (other == nullptr || !Same(a.items[i + 1], *other)) return false;
    }
  }
  return a.number == b.number && a.text == b.text;
}

const Datum* FindEntry(const Datum& map, const Datum& key) {
  for (size_t i = 0; i < map.items.size(); i += 2) {
    if (Same(map.items[i], key)) return &map.items[i + 1];
  }
  return nullptr;
}

Datum Operate(Operator op, const Datum& a, const Datum& b) {
  if (a.kind == Kind::kError || b.kind == Kind::kError) return {};
  switch (op) {
    case Operator::kAdd:
      return Sum(a, b);
    case Operator::kSubtract:
      return Difference(a, b);
    case Operator::kMultiply:
    case Operator::kDivide:
    case Operator::kModulo:
      return Product(op, a, b);
    case Operator::kEqual:
      return MakeTruth(Same(a, b));
    case Operator::kNotEqual:
      return MakeTruth(!Same(a, b));
    case Operator::kIn:
      return Inside(a, b);
    default:
      return Ordered(op, a, b);
  }
}

Datum Under(const Datum& container, const Datum& key, bool maybe) {
  if (container.kind == Kind::kMaybe) {
    if (container.items.empty()) return container;
    const bool nested = container.items[0].kind == Kind::kMaybe;
    return nested ? Datum{} : Under(container.items[0], key, true);
  }
  const Datum* found = nullptr;
  if (container.kind == Kind::kMap) {
    const bool may_be_key = IsNumber(key) || key.kind == Kind::kText || key.kind == Kind::kBool;
    if (!may_be_key) return {};
    found = FindEntry(container, key);
  } else if (container.kind == Kind::kList && IsNumber(key)) {
    const auto at = static_cast<int64_t>(Real(key));
    if (static_cast<double>(at) != Real(key)) return {};
    const bool inside = at >= 0 && at < static_cast<int64_t>(container.items.size());
    if (inside) found = &container.items[static_cast<size_t>(at)];
  } else {
    return {};
  }
  if (!maybe) return found == nullptr ? Datum{} : *found;
  return found == nullptr ? MakeMaybe({}) : MakeMaybe({*found});
}

std::string DatumText(const Datum& datum) {
  std::string items;
  for (size_t i = 0; i < datum.items.size(); ++i) {
    const bool value = datum.kind == Kind::kMap && i % 2 == 1;
    items += (i == 0 ? "" : value ? ": " : ", ") + DatumText(datum.items[i]);
  }
  switch (datum.kind) {
    case Kind::kError:
      return "error";
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return datum.number == 1 ? "true" : "false";
    case Kind::kInt:
      return std::to_string(datum.number);
    case Kind::kDouble:
      return fmt::format("{}", datum.real);
    case Kind::kText:
      return fmt::format("\"{}\"", datum.text);
    case Kind::kTime:
      return FormatRfc3339(Timestamp(datum.number));
    case Kind::kSpan:
      return FormatDuration(Milliseconds(datum.number));
    case Kind::kList:
      return fmt::format("[{}]", items);
    case Kind::kMap:
      return fmt::format("{{{}}}", items);
    case Kind::kMaybe:
      return datum.items.empty() ? "optional.none()" : fmt::format("optional.of({})", items);
  }
  return "";
}

}  // namespace sojourn::expr
