// Types of operators, and where `now` may stand.
#include <algorithm>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/expr/check.h"

namespace sojourn::expr {
namespace {

bool IsNumber(TypeKind type) {
  return type == TypeKind::kInt || type == TypeKind::kUint || type == TypeKind::kDouble;
}
TypeKind Plain(TypeKind type) { return type == TypeKind::kDate ? TypeKind::kTimestamp : type; }

bool ContainsNow(const Node& node) {
  if (node.kind == NodeKind::kName) return node.name == "now";
  if (node.kind == NodeKind::kLoop && (node.name == "now" || node.second_name == "now")) {
    return ContainsNow(*node.children[0]);
  }
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const Node* child) { return ContainsNow(*child); });
}

// now, now - X, now + D, where X and D are free of `now`: the value moves with `now`.
bool MovesWithNow(const Node& node) {
  if (node.kind == NodeKind::kName) return node.name == "now";
  if (node.kind != NodeKind::kBinary || node.op > Operator::kSubtract) return false;
  const Node& left = *node.children[0];
  return left.kind == NodeKind::kName && left.name == "now" && !ContainsNow(*node.children[1]);
}

NowSide SideOfNow(const Node& node) {
  if (node.kind != NodeKind::kBinary || !IsComparison(node.op)) return NowSide::kNeither;
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  if (MovesWithNow(left) && !ContainsNow(right)) return NowSide::kLeft;
  if (MovesWithNow(right) && !ContainsNow(left)) return NowSide::kRight;
  return NowSide::kNeither;
}

// The constant k of `count(...) OP k`, rounded down; false where `other` is no such constant.
bool ConstantBound(const Node& other, int64_t* bound) {
  if (other.kind != NodeKind::kLiteral) return false;
  switch (other.value.kind()) {
    case model::ValueKind::kInt:
      *bound = other.value.int_value();
      return true;
    case model::ValueKind::kUint:
      *bound =
          static_cast<int64_t>(std::min<uint64_t>(other.value.uint_value(), kMaxCounterSamples));
      return true;
    case model::ValueKind::kDouble: {
      const double most = static_cast<double>(kMaxCounterSamples);
      const double number = other.value.double_value();
      if (number != number) return false;
      *bound = static_cast<int64_t>(std::clamp(number, -1.0, most));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

void Checker::MarkNow(Node* node) {
  if (node->kind == NodeKind::kName && node->name == "now") {
    if (!scope_->now || !scope_->now_only_compared) return;
    issues_->Error(code::kNow, node->span,
                   "here now may only be compared, as now, now - X or now + D, with values that do "
                   "not contain now",
                   "for example now - last(\"Order Completed\") > days(90)");
    return;
  }
  History function;
  const bool history =
      node->kind == NodeKind::kCall && !node->method && FindHistory(node->name, &function);
  if (history) return;  // its arguments have rules of their own
  node->now_side = SideOfNow(*node);
  if (node->now_side != NowSide::kNeither) return;
  const bool shadows =
      node->kind == NodeKind::kLoop && (node->name == "now" || node->second_name == "now");
  for (size_t i = 0; i < (shadows ? 1 : node->children.size()); ++i) {
    const int errors = issues_->errors();
    MarkNow(node->children[i]);
    if (issues_->errors() > errors) return;  // one mistake, one message
  }
}

// A windowed count that is only compared with a constant k needs no more than k + 1 samples.
void Checker::MarkCounts(Node* node) {
  if (node->kind == NodeKind::kBinary && IsComparison(node->op)) {
    for (const int side : {0, 1}) {
      const Node& count = *node->children[side];
      int64_t bound = 0;
      const bool bounded =
          count.access == Access::kCounter && ConstantBound(*node->children[1 - side], &bound);
      if (!bounded) continue;
      CounterDefinition& definition = analysis_.required[count.index];
      const CounterRead& read = analysis_.counter_reads[count.index];
      if (read.function != History::kCount || read.ever) continue;
      const int64_t most = static_cast<int64_t>(kMaxCounterSamples) - 1;
      definition.keep = static_cast<uint32_t>(std::clamp<int64_t>(bound, 0, most) + 1);
    }
  }
  for (Node* child : node->children) MarkCounts(child);
}

Type Checker::CheckNegate(Node* node) {
  const TypeKind type = Check(node->children[0]).kind;
  const bool good = type == TypeKind::kDynamic || type == TypeKind::kInt ||
                    type == TypeKind::kDouble || type == TypeKind::kDuration;
  if (good || scope_->unchecked) return {type};
  issues_->Error(code::kType, node->span,
                 fmt::format("{} has no negative", Typed(*node->children[0])));
  return {};
}

Type Checker::CheckBinary(Node* node) {
  const TypeKind left = Plain(Check(node->children[0]).kind);
  const TypeKind right = Plain(Check(node->children[1]).kind);
  if (IsComparison(node->op)) return CheckComparison(node, left, right);
  if (node->op != Operator::kIn) return CheckArithmetic(node, left, right);
  CheckPath(*node->children[0], *node->children[1]);
  const bool container =
      right == TypeKind::kDynamic || right == TypeKind::kList || right == TypeKind::kMap;
  if (!container && !scope_->unchecked) {
    issues_->Error(code::kType, node->children[1]->span,
                   fmt::format("\"in\" needs a list or a map on its right, {} is {}",
                               Shown(*node->children[1]), TypeKindName(right)),
                   right == TypeKind::kString ? "write text.contains(\"part\")" : "");
  }
  return {TypeKind::kBool};
}

Type Checker::CheckArithmetic(Node* node, TypeKind left, TypeKind right) {
  const Operator op = node->op;
  const bool either = left == TypeKind::kDynamic || right == TypeKind::kDynamic;
  if (left == right && !either) {
    const bool number = IsNumber(left) && (op != Operator::kModulo || left != TypeKind::kDouble);
    const bool joins =
        op == Operator::kAdd &&
        (left == TypeKind::kString || left == TypeKind::kBytes || left == TypeKind::kList);
    if (number || joins) return {left};
  }
  const bool sum = op == Operator::kAdd || op == Operator::kSubtract;
  const auto time = [](TypeKind type) {
    return type == TypeKind::kTimestamp || type == TypeKind::kDuration;
  };
  if (sum && time(left) && time(right)) {
    const bool both = left == TypeKind::kTimestamp && right == TypeKind::kTimestamp;
    if (left == TypeKind::kDuration && right == TypeKind::kDuration) return {TypeKind::kDuration};
    if (op == Operator::kAdd && !both) return {TypeKind::kTimestamp};
    if (op == Operator::kSubtract && left == TypeKind::kTimestamp) {
      return {both ? TypeKind::kDuration : TypeKind::kTimestamp};
    }
  }
  if (either || scope_->unchecked) {
    if (scope_->unchecked) return {};
    const TypeKind known = left == TypeKind::kDynamic ? right : left;
    const bool keeps = IsNumber(known) || (op == Operator::kAdd && known == TypeKind::kString);
    return {keeps ? known : TypeKind::kDynamic};
  }
  if (IsNumber(left) && IsNumber(right) && left != right) {
    MixedNumbers(*node, left, right);
    return {};
  }
  const bool times = time(left) || time(right);
  issues_->Error(code::kType, node->span,
                 fmt::format("{} {} {} has no meaning", Typed(*node->children[0]), OperatorText(op),
                             Typed(*node->children[1])),
                 times ? "durations are written days(3), hours(2)" : "");
  return {};
}

void Checker::MixedNumbers(const Node& node, TypeKind left, TypeKind right) {
  std::string hint = "turn one into the other's type: double(x), int(x)";
  for (const Node* side : node.children) {
    const bool whole = side->kind == NodeKind::kLiteral && side->type.kind == TypeKind::kInt;
    const TypeKind other = side == node.children[0] ? right : left;
    if (whole && other == TypeKind::kDouble)
      hint = fmt::format("write {}.0", side->value.int_value());
    if (whole && other == TypeKind::kUint) hint = fmt::format("write {}u", side->value.int_value());
  }
  issues_->Error(code::kMixedNumbers, node.span,
                 fmt::format("{} and {} do not mix in arithmetic", Typed(*node.children[0]),
                             Typed(*node.children[1])),
                 hint);
}

Type Checker::CheckComparison(Node* node, TypeKind left, TypeKind right) {
  const Type result{TypeKind::kBool};
  const bool null = left == TypeKind::kNull || right == TypeKind::kNull;
  if (node->op == Operator::kNotEqual && !null) {
    WarnIfMayBeAbsent(*node->children[0]);
    WarnIfMayBeAbsent(*node->children[1]);
  }
  const bool either = left == TypeKind::kDynamic || right == TypeKind::kDynamic;
  const bool same = left == right || (IsNumber(left) && IsNumber(right));
  if (scope_->unchecked || (either && !IsOrdering(node->op))) return result;
  if (!IsOrdering(node->op)) {
    CheckPath(*node->children[0], *node->children[1]);
    CheckPath(*node->children[1], *node->children[0]);
    if (null) NeverNull(*node);
    if (same || null) return result;
    issues_->Error(code::kNeverEqual, node->span,
                   fmt::format("{} and {} are never equal", Typed(*node->children[0]),
                               Typed(*node->children[1])));
    return result;
  }
  for (const TypeKind type : {left, right}) {
    const bool ordered = type != TypeKind::kList && type != TypeKind::kMap &&
                         type != TypeKind::kNull && type != TypeKind::kType &&
                         type != TypeKind::kOptional;
    if (ordered && (either || same)) continue;
    issues_->Error(code::kType, node->span,
                   fmt::format("{} and {} cannot be compared with {}", Typed(*node->children[0]),
                               Typed(*node->children[1]), OperatorText(node->op)));
    return result;
  }
  return result;
}

// An A/B test is only ever one of its paths.
void Checker::CheckPath(const Node& test, const Node& path) {
  if (test.access != Access::kAbTest) return;
  const auto known = scope_->ab_test_paths.find(test.key);
  if (known == scope_->ab_test_paths.end()) return;
  if (path.kind == NodeKind::kList) {
    for (const Node* item : path.children) CheckPath(test, *item);
  }
  if (path.kind != NodeKind::kLiteral || path.type.kind != TypeKind::kString) return;
  const std::vector<std::string>& paths = known->second;
  if (std::find(paths.begin(), paths.end(), path.value.text()) != paths.end()) return;
  issues_->Error(code::kUnknownTest, path.span,
                 fmt::format("the A/B test \"{}\" has no path \"{}\"", test.key, path.value.text()),
                 DidYouMean(path.value.text(), paths));
}

// What is absent has no value, so no comparison with null is ever true for it.
void Checker::NeverNull(const Node& comparison) {
  for (const Node* side : comparison.children) {
    const bool field = side->access == Access::kEventProperty || side->access == Access::kTrait;
    if (!field || side->type.kind == TypeKind::kDynamic) continue;
    const std::string text = CanonicalText(*side);
    const bool absent = comparison.op == Operator::kEqual;
    issues_->Error(code::kNeverEqual, comparison.span,
                   fmt::format("{} is never null: it has a value or is absent", text),
                   fmt::format("write {}has({})", absent ? "!" : "", text));
  }
}

// What the run's own steps set, on a way on which they may not have been passed.
bool Checker::MayBeUnset(const Node& side) const {
  switch (side.access) {
    case Access::kAbTest:
      return std::find(scope_->sure_ab_tests.begin(), scope_->sure_ab_tests.end(), side.key) ==
             scope_->sure_ab_tests.end();
    case Access::kCouponCode:
    case Access::kCouponExpiresAt:
      return !scope_->sure_coupon;
    default:
      return false;
  }
}

void Checker::WarnIfMayBeAbsent(const Node& side) {
  const bool of_outside = side.access == Access::kEventProperty || side.access == Access::kTrait;
  if (!(of_outside && side.type.optional) && !MayBeUnset(side)) return;
  const std::string text = CanonicalText(side);
  if (std::find(guarded_.begin(), guarded_.end(), text) != guarded_.end()) return;
  issues_->Warning(
      code::kMayBeAbsent, side.span,
      fmt::format("where {} is absent this counts as false, too", text),
      fmt::format("say what is meant: !has({}) || ..., or has({}) && ...", text, text));
}

}  // namespace sojourn::expr
