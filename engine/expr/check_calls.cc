// Functions, in_segment() and local().
#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/expr/check.h"
#include "engine/expr/function.h"
#include "engine/expr/pattern.h"

namespace sojourn::expr {
namespace {

using model::ValueKind;

bool IsText(const Node& node) {
  return node.kind == NodeKind::kLiteral && node.value.kind() == ValueKind::kString;
}

constexpr std::array<std::string_view, 6> kLocalFields = {"hour",  "minute", "day",
                                                          "month", "year",   "weekday"};

constexpr std::string_view kMacros[] = {"all",          "exists", "exists_one",
                                        "filter",       "map",    "transformList",
                                        "transformMap", "optMap", "optFlatMap"};

// Of everything that is written like a function.
std::vector<std::string> AllNames() {
  std::vector<std::string> names = FunctionNames();
  for (const char* name :
       {"count", "sum", "min", "max", "avg", "last", "first", "in_segment", "local", "has"}) {
    names.emplace_back(name);
  }
  names.insert(names.end(), std::begin(kMacros), std::end(kMacros));
  return names;
}

// A misspelt macro.
bool IsLikeMacro(const Node& node) {
  const std::string meant = node.method ? NearestName(node.name, AllNames()) : "";
  return std::find(std::begin(kMacros), std::end(kMacros), meant) != std::end(kMacros);
}

// A misspelt function of the history, or one of another tool: it is called with an event's name.
bool IsLikeHistory(const Node& node) {
  if (node.method || HasFunction(node.name, true) || HasFunction(node.name, false)) return false;
  History function;
  return FindHistory(NearestName(node.name, AllNames()), &function) ||
         (node.children.size() > 1 && IsText(*node.children.front()));
}

}  // namespace

Type Checker::CheckCall(Node* node) {
  if (node->method) {
    ResolveNamespace(node);
    return CheckFunction(node, node->name, node->method);
  }
  History history;
  if (FindHistory(node->name, &history)) return CheckHistory(node, history);
  if (node->name == "in_segment") return CheckInSegment(node);
  if (node->name == "local") {
    issues_->Error(code::kLocal, node->span, "local() needs a part of the time",
                   "for example local(now).hour");
    return {};
  }
  return CheckFunction(node, node->name, false);
}

// math.abs(x) is a function of a namespace, no method of a value named math.
void Checker::ResolveNamespace(Node* node) const {
  const Node& receiver = *node->children[0];
  if (receiver.kind != NodeKind::kName || IsShadowed(receiver.name)) return;
  const std::string qualified = fmt::format("{}.{}", receiver.name, node->name);
  for (const Function& function : Functions()) {
    if (function.method || function.name != qualified) continue;
    node->name = function.name;
    node->method = false;
    node->children.erase(node->children.begin());
    return;
  }
}

Type Checker::CheckFunction(Node* node, std::string_view name, bool method) {
  const Overloads overloads = FindOverloads(name, method, node->children.size());
  node->access = Access::kFunction;
  // A misspelt macro or history function has names of its own; what stands in it is not judged.
  const bool unknown = overloads.count == 0 && !scope_->unchecked;
  const bool foreign = unknown && (IsLikeMacro(*node) || IsLikeHistory(*node));
  for (Node* child : node->children) {
    if (!foreign || child == node->children.front()) Check(child);
  }
  if (overloads.count == 0) {
    if (!scope_->unchecked) UnknownFunction(*node);
    return {};
  }
  bool matched = false;
  char result = '*';
  for (uint32_t i = 0; i < overloads.count; ++i) {
    const std::string_view signature = Functions()[overloads.first + i].signature;
    bool matches = true;
    for (size_t a = 0; a < node->children.size(); ++a) {
      matches &= MayMatch(signature[a], node->children[a]->type.kind);
    }
    if (!matches) continue;
    result = !matched || result == signature.back() ? signature.back() : '*';
    matched = true;
  }
  if (!matched && !scope_->unchecked) {
    const bool unit = name == "seconds" || name == "minutes" || name == "hours" || name == "days" ||
                      name == "weeks";
    std::vector<std::string> taken;
    for (const Node* child : node->children) taken.push_back(Typed(*child));
    const Span place = node->children.size() == 1 ? node->children[0]->span : node->span;
    issues_->Error(code::kType, place,
                   fmt::format("{}() does not take {}", name, fmt::join(taken, ", ")),
                   unit ? "it takes a whole number; add up parts: days(1) + hours(12)" : "");
    return {};
  }
  if (name == "matches") CheckPattern(node);
  return {TypeOfLetter(result)};
}

// A constant pattern is compiled once, here.
void Checker::CheckPattern(Node* node) {
  const Node& pattern = *node->children.back();
  if (!IsText(pattern)) return;
  if (++patterns_ > kMaxExpressionPatterns) {
    issues_->Error(code::kLimit, node->span,
                   fmt::format("more than {} patterns in one expression", kMaxExpressionPatterns),
                   "one pattern can hold alternatives: a|b|c");
    return;
  }
  std::string problem;
  node->pattern = CompilePattern(pattern.value.text(), &problem);
  if (node->pattern != nullptr || scope_->unchecked) return;
  issues_->Error(code::kPattern, pattern.span,
                 fmt::format("{} is no regular expression: {}", Shown(pattern), problem));
}

void Checker::UnknownFunction(const Node& node) {
  const size_t given = node.children.size() - (node.method ? 1 : 0);
  if (HasFunction(node.name, node.method)) {
    issues_->Error(
        code::kArguments, node.span,
        fmt::format("{}() does not take {} argument{}", node.name, given, given == 1 ? "" : "s"));
    return;
  }
  std::string hint;
  if (HasFunction(node.name, !node.method)) {
    hint = node.method ? fmt::format("write {}(...)", node.name)
                       : fmt::format("write VALUE.{}(...)", node.name);
  } else {
    hint = DidYouMean(node.name, AllNames());
  }
  issues_->Error(code::kUnknownFunction, node.name_span,
                 fmt::format("unknown function \"{}\"", node.name), hint);
}

Type Checker::CheckInSegment(Node* node) {
  node->access = Access::kInSegment;
  const Type result{TypeKind::kBool};
  if (!scope_->in_segment) {
    issues_->Error(code::kNotHere, node->span, "in_segment() has no meaning here",
                   nested_ ? "it cannot stand inside a history function" : "");
    return result;
  }
  if (node->children.size() != 1) {
    issues_->Error(code::kArguments, node->span, "in_segment() takes one segment",
                   "for example in_segment(\"vip\")");
    return result;
  }
  const Node& segment = *node->children[0];
  if (!IsText(segment)) {
    issues_->Error(code::kLiteralNeeded, segment.span,
                   fmt::format("the segment's name {} must stand in quotes", Shown(segment)),
                   fmt::format("write in_segment(\"{}\")",
                               segment.kind == NodeKind::kName ? segment.name : "NAME"));
    return result;
  }
  const std::string_view name = segment.value.text();
  node->key = name;
  if (!names_.HasSegment(name)) {
    issues_->Error(code::kUnknownSegment, segment.span, fmt::format("unknown segment \"{}\"", name),
                   DidYouMean(name, names_.SegmentNames()));
    return result;
  }
  bool known = false;
  for (const std::string& other : analysis_.segments) known |= other == name;
  if (!known) analysis_.segments.emplace_back(name);
  return result;
}

Type Checker::CheckLocal(Node* select) {
  Node* call = select->children[0];
  if (call->children.size() != 1) {
    issues_->Error(code::kArguments, call->span, "local() takes one timestamp",
                   "for example local(now).hour");
    return {TypeKind::kInt};
  }
  const TypeKind type = Check(call->children[0]).kind;
  if (type == TypeKind::kDate) {
    issues_->Error(code::kLocal, call->span, "a date has no local time",
                   "local() takes timestamps only");
  } else if (type != TypeKind::kDynamic && type != TypeKind::kTimestamp && !scope_->unchecked) {
    issues_->Error(code::kLocal, call->children[0]->span,
                   fmt::format("local() takes a timestamp, {} is {}", Shown(*call->children[0]),
                               TypeKindName(type)));
  }
  select->access = Access::kLocalField;
  for (uint32_t i = 0; i < kLocalFields.size(); ++i) {
    if (select->name != kLocalFields[i]) continue;
    select->index = i;
    return {TypeKind::kInt};
  }
  issues_->Error(code::kLocal, select->name_span,
                 fmt::format("local time has no \"{}\"", select->name),
                 "it has hour, minute, day, month, year and weekday (1 = Monday)");
  return {TypeKind::kInt};
}

}  // namespace sojourn::expr
