// Values, lookups and conditions.
#include <fmt/format.h>

#include <algorithm>

#include "engine/liquid/characters.h"
#include "engine/liquid/renderer.h"

namespace sojourn::liquid {

using model::Value;
using model::ValueKind;

Datum Renderer::Lookup(std::string_view name) {
  for (auto frame = scope_->frames.rbegin(); frame != scope_->frames.rend(); ++frame) {
    if (frame->name == name) return frame->value;
  }
  const auto variable = scope_->variables.find(name);
  if (variable != scope_->variables.end()) return variable->second;
  const auto counter = scope_->counters.find(name);
  if (counter != scope_->counters.end()) return Value::Int(counter->second);
  const Value* found = Find(data_, name);
  return found == nullptr ? Datum() : Datum(Normal(*found));
}

const Value* Renderer::Find(const Value& map, std::string_view key) {
  // Looks at one entry after the other.
  return work_.Charge(map.size()) ? map.Find(key) : nullptr;
}

Datum Renderer::LoopMember(const Loop& loop, std::string_view name) {
  const int64_t columns = loop.columns;
  const int64_t column = columns == 0 ? 0 : loop.index % columns;
  if (name == "length") return Value::Int(loop.length);
  if (name == "index") return Value::Int(loop.index + 1);
  if (name == "index0") return Value::Int(loop.index);
  if (name == "rindex") return Value::Int(loop.length - loop.index);
  if (name == "rindex0") return Value::Int(loop.length - loop.index - 1);
  if (name == "first") return Value::Bool(loop.index == 0);
  if (name == "last") return Value::Bool(loop.index + 1 == loop.length);
  if (columns == 0) {
    if (name == "name") return Datum(Value::String(loop.name), Origin::kLiteral);
    if (name == "parentloop" && loop.parent != nullptr) return Datum::OfLoop(loop.parent);
    return {};
  }
  if (name == "col") return Value::Int(column + 1);
  if (name == "col0") return Value::Int(column);
  if (name == "col_first") return Value::Bool(column == 0);
  if (name == "col_last") return Value::Bool(column + 1 == columns);
  if (name == "row") return Value::Int(loop.index / columns + 1);
  return {};
}

// A map's own member, else what every list, map, text and range has.
Datum Renderer::Member(const Datum& of, std::string_view name) {
  if (of.kind == DatumKind::kLoop) return LoopMember(*of.loop, name);
  if (const Value* found = of.is_map() ? Find(of.value, name) : nullptr) return Normal(*found);
  const bool is_sequence = of.is_list() || of.kind == DatumKind::kRange;
  if (name == "size") {
    if (is_sequence || of.is_map()) return Value::Int(SizeOf(of));
    if (!of.is_string() || !work_.Charge(of.value.text().size())) return {};
    return Value::Int(static_cast<int64_t>(CountCharacters(of.value.text())));
  }
  const bool is_first = name == "first";
  if (!is_first && name != "last") return {};
  if (of.is_map()) return is_first && of.value.size() > 0 ? ItemOf(of, 0) : Datum();
  if (!is_sequence || SizeOf(of) == 0) return {};
  return ItemOf(of, is_first ? 0 : SizeOf(of) - 1);
}

Datum Renderer::Indexed(const Datum& of, const Datum& index) {
  if (of.is_map()) {
    const Value* found = index.is_string() ? Find(of.value, index.value.text()) : nullptr;
    if (found != nullptr) return Normal(*found);
  }
  if (index.is_string()) return Member(of, index.value.text());
  if (!of.is_list() || !index.is(ValueKind::kInt)) return {};
  const int64_t size = of.value.size();
  int64_t place = index.value.int_value();
  if (place < 0) place = SaturatingAdd(place, size);
  return place >= 0 && place < size ? ItemOf(of, place) : Datum();
}

Datum Renderer::EvaluatePath(const Expression& path) {
  if (!work_.Step(path.path.size())) return {};
  const Segment& root = path.path.front();
  Datum datum;
  if (root.index == nullptr) {
    datum = Lookup(root.name);
  } else if (const Datum name = Evaluate(*root.index); name.is_string()) {
    datum = Lookup(name.value.text());
  }
  for (size_t i = 1; i < path.path.size(); ++i) {
    const Segment& segment = path.path[i];
    datum = segment.index == nullptr ? Member(datum, segment.name)
                                     : Indexed(datum, Evaluate(*segment.index));
  }
  return datum;
}

Datum Renderer::EvaluateRange(const Expression& range) {
  const auto end = [&](const Expression& expression) {
    const Value number = ToNumber(Evaluate(expression));
    if (number.kind() == ValueKind::kInt) return number.int_value();
    constexpr double kLimit = 9.0e18;
    const double real = number.double_value();
    // Not-a-number fails both comparisons.
    return real > -kLimit && real < kLimit ? static_cast<int64_t>(real) : int64_t{0};
  };
  return Datum::Range(end(*range.first), end(*range.last));
}

Datum Renderer::Evaluate(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kLiteral:
      return expression.literal;
    case ExpressionKind::kPath:
      return EvaluatePath(expression);
    case ExpressionKind::kRange:
      return EvaluateRange(expression);
  }
  return {};
}

Datum Renderer::Evaluate(const Filtered& filtered) {
  Datum datum = Evaluate(filtered.value);
  for (const FilterCall& call : filtered.filters) {
    datum = ApplyFilter(call, datum);
    if (!work_.failed()) continue;
    Locate(call.span);
    return {};
  }
  return datum;
}

Datum Renderer::ApplyFilter(const FilterCall& call, const Datum& input) {
  std::vector<Datum> arguments;
  size_t weight = WeightOf(input.value);
  for (const Expression& argument : call.arguments) {
    arguments.push_back(Evaluate(argument));
    weight += WeightOf(arguments.back().value);
  }
  Datum named;
  for (const auto& [name, value] : call.named) named = Evaluate(value);
  if (!work_.Step() || !work_.Charge(weight)) return {};
  const Filter& filter = *call.filter;
  return filter.function({input, arguments, named, work_});
}

bool Renderer::Holds(const Condition& condition) {
  for (const Comparison& comparison : condition) {
    const bool holds = Holds(comparison);
    if (&comparison == &condition.back() || holds != comparison.and_next) return holds;
  }
  return true;
}

bool Renderer::IsEqual(const Datum& a, const Datum& b) {
  if (!work_.Step()) return false;
  const bool large = (a.is_list() && b.is_list()) || (a.is_map() && b.is_map());
  if (large && !work_.Charge(WeightOf(a.value) + WeightOf(b.value))) return false;
  if (a.is_string() && b.is_string() && a.value.text().size() == b.value.text().size() &&
      !work_.Charge(a.value.text().size())) {
    return false;
  }
  return AreEqual(a, b);
}

bool Renderer::Holds(const Comparison& comparison) {
  if (!work_.Step()) return false;
  const Datum left = Evaluate(comparison.left);
  if (comparison.op == Operator::kNone) return IsTruthy(left);
  const Datum right = Evaluate(comparison.right);
  switch (comparison.op) {
    case Operator::kEqual:
      return IsEqual(left, right);
    case Operator::kUnequal:
      return !IsEqual(left, right);
    case Operator::kContains:
      return work_.Charge(WeightOf(left.value) + WeightOf(right.value)) && Contains(left, right);
    default:
      return IsOrdered(left, comparison.op, right);
  }
}

bool Renderer::IsOrdered(const Datum& left, Operator op, const Datum& right) {
  const auto has_order = [](const Datum& datum) {
    return datum.is_number() || datum.is_string() || datum.is(ValueKind::kTimestamp) ||
           datum.is(ValueKind::kDuration);
  };
  if (!has_order(left) || !has_order(right)) return false;
  if (!work_.Charge(std::min(WeightOf(left.value), WeightOf(right.value)))) return false;
  const auto order = Compare(left.value, right.value);
  if (!order) {
    work_.Fail(fmt::format("{} and {} cannot be compared", KindName(left.value.kind()),
                           KindName(right.value.kind())));
    return false;
  }
  switch (op) {
    case Operator::kLess:
      return *order < 0;
    case Operator::kLessOrEqual:
      return *order <= 0;
    case Operator::kGreater:
      return *order > 0;
    default:
      return *order >= 0;
  }
}

}  // namespace sojourn::liquid
