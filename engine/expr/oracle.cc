#include "engine/expr/oracle.h"

#include <fmt/format.h>

namespace sojourn::expr {
namespace {

using Kind = DatumKind;

Datum Int(int64_t number) { return {Kind::kInt, number}; }
Datum Text(std::string text) { return {Kind::kText, 0, 0, std::move(text)}; }

bool IsTrue(const Datum& d) { return d.kind == Kind::kBool && d.number == 1; }
bool IsFalse(const Datum& d) { return d.kind == Kind::kBool && d.number == 0; }

// && and ||: a deciding side wins even over an error on the other.
Datum WalkChain(const Node& node, const Bindings& bindings) {
  const bool deciding = node.kind == NodeKind::kOr;
  Datum result = MakeTruth(!deciding);
  for (const Node* child : node.children) {
    const Datum part = WalkTree(*child, bindings);
    if (deciding ? IsTrue(part) : IsFalse(part)) return MakeTruth(deciding);
    if (part.kind != Kind::kBool) result = {};
  }
  return result;
}

Datum WalkAccess(const Node& node, const Bindings& bindings, bool maybe) {
  const Datum container = WalkTree(*node.children[0], bindings);
  const Datum key = node.kind == NodeKind::kIndex ? WalkTree(*node.children[1], bindings)
                                                  : Text(std::string(node.name));
  if (container.kind == Kind::kError || key.kind == Kind::kError) return {};
  return Under(container, key, maybe);
}

Datum WalkHas(const Node& node, const Bindings& bindings) {
  Datum container = WalkTree(*node.children[0], bindings);
  if (container.kind == Kind::kMaybe) {
    if (container.items.empty()) return MakeTruth(false);
    container = Datum(container.items[0]);
  }
  if (container.kind != Kind::kMap) return {};
  return MakeTruth(FindEntry(container, Text(std::string(node.name))) != nullptr);
}

Datum WalkItems(const Node& node, const Bindings& bindings) {
  Datum result{node.kind == NodeKind::kList ? Kind::kList : Kind::kMap};
  const size_t stride = node.kind == NodeKind::kList ? 1 : 2;
  for (size_t i = 0; i < node.children.size(); i += stride) {
    const Datum first = WalkTree(*node.children[i], bindings);
    Datum last = stride == 1 ? first : WalkTree(*node.children[i + 1], bindings);
    if (first.kind == Kind::kError || last.kind == Kind::kError) return {};
    if (node.children[i + stride - 1]->optional_item) {
      if (last.kind != Kind::kMaybe) return {};
      if (last.items.empty()) continue;
      last = Datum(last.items[0]);
    }
    if (stride == 2) {
      const bool may_be_key =
          first.kind == Kind::kText || first.kind == Kind::kBool || first.kind == Kind::kInt;
      if (!may_be_key || FindEntry(result, first) != nullptr) return {};
      result.items.push_back(first);
    }
    result.items.push_back(last);
  }
  return result;
}

// The rounds of a loop: what its variables are in each.
std::vector<std::pair<Datum, Datum>> Rounds(const Datum& range, bool two) {
  std::vector<std::pair<Datum, Datum>> rounds;
  for (size_t i = 0; i < range.items.size(); ++i) {
    if (range.kind == Kind::kMap) {
      rounds.emplace_back(range.items[i], range.items[i + 1]);
      ++i;
    } else if (two) {
      rounds.emplace_back(Int(static_cast<int64_t>(i)), range.items[i]);
    } else {
      rounds.emplace_back(range.items[i], Datum{});
    }
  }
  return rounds;
}

Datum Quantified(const Node& node, const std::vector<Datum>& parts) {
  const bool deciding = node.macro == Macro::kExists;
  int trues = 0;
  bool error = false;
  for (const Datum& part : parts) {
    if (node.macro != Macro::kExistsOne && (deciding ? IsTrue(part) : IsFalse(part))) {
      return MakeTruth(deciding);
    }
    trues += IsTrue(part) ? 1 : 0;
    error |= part.kind != Kind::kBool;
  }
  if (error) return {};
  return MakeTruth(node.macro == Macro::kExistsOne ? trues == 1 : !deciding);
}

Datum WalkOptionalLoop(const Node& node, const Datum& range, const Bindings& bindings) {
  if (range.kind != Kind::kMaybe || range.items.empty())
    return range.kind == Kind::kMaybe ? range : Datum{};
  Bindings inner = bindings;
  inner.emplace_back(node.name, range.items[0]);
  const Datum value = WalkTree(*node.children[1], inner);
  if (value.kind == Kind::kError) return {};
  if (node.macro == Macro::kOptMap) return MakeMaybe({value});
  return value.kind == Kind::kMaybe ? value : Datum{};
}

Datum WalkLoop(const Node& node, const Bindings& bindings) {
  const Datum range = WalkTree(*node.children[0], bindings);
  if (node.macro == Macro::kBind) {
    Bindings inner = bindings;
    inner.emplace_back(node.name, range);
    return WalkTree(*node.children[1], inner);
  }
  if (node.macro == Macro::kOptMap || node.macro == Macro::kOptFlatMap) {
    return WalkOptionalLoop(node, range, bindings);
  }
  if (range.kind != Kind::kList && range.kind != Kind::kMap) return {};
  const bool filters = node.macro == Macro::kFilter || node.children.size() == 3;
  const bool gathers = node.macro >= Macro::kFilter;
  std::vector<Datum> parts;
  Datum gathered{node.macro == Macro::kTransformMap ? Kind::kMap : Kind::kList};
  for (const auto& [first, second] : Rounds(range, !node.second_name.empty())) {
    Bindings inner = bindings;
    inner.emplace_back(node.name, first);
    if (!node.second_name.empty()) inner.emplace_back(node.second_name, second);
    const Datum part = WalkTree(*node.children[1], inner);
    parts.push_back(part);
    if (!gathers) continue;
    if (filters && part.kind != Kind::kBool) return {};
    if (filters && IsFalse(part)) continue;
    const Datum item =
        node.macro == Macro::kFilter ? first : WalkTree(*node.children.back(), inner);
    if (item.kind == Kind::kError) return {};
    if (node.macro == Macro::kTransformMap) gathered.items.push_back(first);
    gathered.items.push_back(item);
  }
  return gathers ? gathered : Quantified(node, parts);
}

Datum Greatest(const std::vector<Datum>& numbers) {
  for (const Datum& number : numbers) {
    if (!IsNumber(number)) return {};
  }
  return Real(numbers[1]) > Real(numbers[0]) ? numbers[1] : numbers[0];
}

Datum Size(const Datum& of) {
  if (of.kind == Kind::kText) return Int(static_cast<int64_t>(of.text.size()));
  if (of.kind == Kind::kList) return Int(static_cast<int64_t>(of.items.size()));
  return of.kind == Kind::kMap ? Int(static_cast<int64_t>(of.items.size() / 2)) : Datum{};
}

Datum Call(std::string_view name, const std::vector<Datum>& a) {
  if (name == "days")
    return a[0].kind == Kind::kInt ? Datum{Kind::kSpan, a[0].number * 86400000} : Datum{};
  if (name == "optional.none") return MakeMaybe({});
  if (name == "optional.of") return MakeMaybe({a[0]});
  if (name == "math.greatest") return Greatest(a);
  if (name == "size") return Size(a[0]);
  if (name == "hasValue")
    return a[0].kind == Kind::kMaybe ? MakeTruth(!a[0].items.empty()) : Datum{};
  const bool texts = a[0].kind == Kind::kText && (a.size() == 1 || a[1].kind == Kind::kText);
  if (name == "contains" && texts) return MakeTruth(a[0].text.find(a[1].text) != std::string::npos);
  if (name == "reverse" && texts) return Text(std::string(a[0].text.rbegin(), a[0].text.rend()));
  return {};
}

// Functions of namespaces have the namespace as their receiver here: the tree is not checked yet.
Datum WalkCall(const Node& node, const Bindings& bindings) {
  std::string name(node.name);
  size_t first = 0;
  const Node* receiver = node.method ? node.children[0] : nullptr;
  const bool named = receiver != nullptr && receiver->kind == NodeKind::kName &&
                     (receiver->name == "optional" || receiver->name == "math");
  if (named) {
    name = fmt::format("{}.{}", receiver->name, name);
    first = 1;
  }
  if (name == "orValue" || name == "or") {
    const Datum value = WalkTree(*receiver, bindings);
    if (value.kind != Kind::kMaybe) return {};
    if (!value.items.empty()) return name == "or" ? value : value.items[0];
    const Datum other = WalkTree(*node.children[1], bindings);
    return name == "or" && other.kind != Kind::kMaybe ? Datum{} : other;
  }
  std::vector<Datum> arguments;
  for (size_t i = first; i < node.children.size(); ++i) {
    arguments.push_back(WalkTree(*node.children[i], bindings));
    if (arguments.back().kind == Kind::kError) return {};
  }
  return Call(name, arguments);
}

Datum Literal(const model::Value& value) {
  switch (value.kind()) {
    case model::ValueKind::kNull:
      return {Kind::kNull};
    case model::ValueKind::kBool:
      return MakeTruth(value.bool_value());
    case model::ValueKind::kInt:
      return Int(value.int_value());
    case model::ValueKind::kDouble:
      return {Kind::kDouble, 0, value.double_value()};
    default:
      return Text(std::string(value.text()));
  }
}

Datum Negative(const Datum& d) {
  if (d.kind == Kind::kDouble) return {Kind::kDouble, 0, -d.real};
  return d.kind == Kind::kInt || d.kind == Kind::kSpan ? Datum{d.kind, -d.number} : Datum{};
}

}  // namespace

Datum WalkTree(const Node& node, const Bindings& bindings) {
  switch (node.kind) {
    case NodeKind::kLiteral:
      return Literal(node.value);
    case NodeKind::kName:
      for (size_t i = bindings.size(); i-- > 0;) {
        if (bindings[i].first == node.name) return bindings[i].second;
      }
      return {};
    case NodeKind::kSelect:
    case NodeKind::kIndex:
      return WalkAccess(node, bindings, false);
    case NodeKind::kMaybe:
      return WalkAccess(*node.children[0], bindings, true);
    case NodeKind::kHas:
      return WalkHas(node, bindings);
    case NodeKind::kCall:
      return WalkCall(node, bindings);
    case NodeKind::kList:
    case NodeKind::kMap:
      return WalkItems(node, bindings);
    case NodeKind::kConditional: {
      const Datum condition = WalkTree(*node.children[0], bindings);
      if (condition.kind != Kind::kBool) return {};
      return WalkTree(*node.children[IsTrue(condition) ? 1 : 2], bindings);
    }
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return WalkChain(node, bindings);
    case NodeKind::kNot: {
      const Datum operand = WalkTree(*node.children[0], bindings);
      return operand.kind == Kind::kBool ? MakeTruth(IsFalse(operand)) : Datum{};
    }
    case NodeKind::kNegate:
      return Negative(WalkTree(*node.children[0], bindings));
    case NodeKind::kBinary:
      return Operate(node.op, WalkTree(*node.children[0], bindings),
                     WalkTree(*node.children[1], bindings));
    case NodeKind::kLoop:
      return WalkLoop(node, bindings);
  }
  return {};
}

}  // namespace sojourn::expr
