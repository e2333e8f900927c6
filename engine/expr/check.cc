#include "engine/expr/check.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/utf8.h"
#include "engine/expr/constant.h"

namespace sojourn::expr {
namespace {

using model::ValueKind;

TypeKind TypeOfValue(const model::Value& value) {
  switch (value.kind()) {
    case ValueKind::kNull:
      return TypeKind::kNull;
    case ValueKind::kBool:
      return TypeKind::kBool;
    case ValueKind::kInt:
      return TypeKind::kInt;
    case ValueKind::kUint:
      return TypeKind::kUint;
    case ValueKind::kDouble:
      return TypeKind::kDouble;
    case ValueKind::kString:
      return TypeKind::kString;
    case ValueKind::kBytes:
      return TypeKind::kBytes;
    default:
      return TypeKind::kDynamic;
  }
}

// Canonical text of what a has() asks for.
std::string GuardText(const Node& has) {
  return fmt::format("{}.{}", CanonicalText(*has.children[0]), has.name);
}

void CollectGuards(const Node& node, std::vector<std::string>* guards) {
  if (node.kind == NodeKind::kHas) guards->push_back(GuardText(node));
  for (const Node* child : node.children) CollectGuards(*child, guards);
}

bool SameForPlace(TypeKind type, TypeKind want) {
  if (type == TypeKind::kDate) type = TypeKind::kTimestamp;
  if (want == TypeKind::kDate) want = TypeKind::kTimestamp;
  return type == want;
}

}  // namespace

std::string Checker::Shown(const Node& node) const {
  constexpr size_t kShownCharacters = 40;
  const std::string_view text =
      std::string_view(ast_->text).substr(node.span.begin, node.span.end - node.span.begin);
  size_t end = 0;
  for (size_t shown = 0; shown < kShownCharacters && end < text.size(); ++shown) {
    NextCodePoint(text, &end);
  }
  return fmt::format("{}{}", text.substr(0, end), end < text.size() ? "..." : "");
}

std::string Checker::Typed(const Node& node) const {
  return fmt::format("{} ({})", Shown(node), TypeKindName(node.type.kind));
}

void Checker::Run(TypeKind want) {
  CollectGuards(*ast_->root, &guarded_);
  MarkNow(ast_->root);
  Check(ast_->root);
  if (issues_->has_error()) return;
  MarkCounts(ast_->root);
  CheckResult(want);
}

void Checker::CheckResult(TypeKind want) {
  const TypeKind type = ast_->root->type.kind;
  if (want == TypeKind::kDynamic || type == TypeKind::kDynamic || SameForPlace(type, want)) return;
  if (want == TypeKind::kDouble && type == TypeKind::kInt) return;
  std::string hint;
  if (want == TypeKind::kBool) hint = "compare it with something, for example >= 20";
  issues_->Error(
      code::kResult, ast_->root->span,
      fmt::format("{} is needed here, {} is {}",
                  want == TypeKind::kBool ? "a condition (true or false)" : TypeKindName(want),
                  Shown(*ast_->root), TypeKindName(type)),
      hint);
}

Type Checker::Check(Node* node) {
  node->type = CheckBare(node);
  CheckConstant(*node);
  return node->type;
}

// A constant that can be computed now and fails is a mistake: 1 / 0, timestamp("soon").
void Checker::CheckConstant(const Node& node) {
  const bool computed = node.kind == NodeKind::kBinary || node.kind == NodeKind::kCall ||
                        node.kind == NodeKind::kNegate || node.kind == NodeKind::kIndex;
  if (!computed || scope_->unchecked || issues_->has_error() || !IsConstant(node)) return;
  const std::optional<model::Value> value = ConstantValue(node, &ast_->arena);
  if (!value || !value->is_error()) return;
  const bool of_literal = node.kind == NodeKind::kCall && node.children.size() == 1 &&
                          node.children[0]->kind == NodeKind::kLiteral;
  issues_->Error(code::kConstant, of_literal ? node.children[0]->span : node.span,
                 fmt::format("{} always ends in an error: {}", Shown(node), value->text()));
}

Type Checker::CheckBare(Node* node) {
  switch (node->kind) {
    case NodeKind::kLiteral:
      return {TypeOfValue(node->value)};
    case NodeKind::kName:
      return CheckName(node);
    case NodeKind::kSelect:
    case NodeKind::kHas:
      return CheckSelect(node);
    case NodeKind::kIndex:
      return CheckIndex(node);
    case NodeKind::kMaybe:  // what is absent is no mistake here, even where all is constant
      node->children[0]->type = CheckBare(node->children[0]);
      return {TypeKind::kOptional};
    case NodeKind::kCall:
      return CheckCall(node);
    case NodeKind::kList:
    case NodeKind::kMap:
      for (Node* child : node->children) Check(child);
      return {node->kind == NodeKind::kList ? TypeKind::kList : TypeKind::kMap};
    case NodeKind::kConditional: {
      CheckCondition(node->children[0], "before \"?\"");
      const Type yes = Check(node->children[1]);
      const Type no = Check(node->children[2]);
      return {yes.kind == no.kind ? yes.kind : TypeKind::kDynamic};
    }
    case NodeKind::kAnd:
    case NodeKind::kOr:
      for (Node* child : node->children) {
        CheckCondition(child, node->kind == NodeKind::kAnd ? "beside &&" : "beside ||");
      }
      return {TypeKind::kBool};
    case NodeKind::kNot:
      CheckNot(node);
      return {TypeKind::kBool};
    case NodeKind::kNegate:
      return CheckNegate(node);
    case NodeKind::kBinary:
      return CheckBinary(node);
    case NodeKind::kLoop:
      return CheckLoop(node);
  }
  return {};
}

Type Checker::CheckCondition(Node* node, std::string_view place) {
  const Type type = Check(node);
  if (type.kind != TypeKind::kBool && type.kind != TypeKind::kDynamic && !scope_->unchecked) {
    issues_->Error(code::kType, node->span,
                   fmt::format("a condition is needed {}, {} is {}", place, Shown(*node),
                               TypeKindName(type.kind)),
                   "compare it with something, for example == or >=");
  }
  return type;
}

void Checker::CheckNot(Node* node) {
  Node* operand = node->children[0];
  CheckCondition(operand, "after !");
  const bool equality = operand->kind == NodeKind::kBinary && operand->op == Operator::kEqual;
  if (!equality) return;
  WarnIfMayBeAbsent(*operand->children[0]);
  WarnIfMayBeAbsent(*operand->children[1]);
}

Type Checker::CheckSelect(Node* node) {
  Node* operand = node->children[0];
  const bool has = node->kind == NodeKind::kHas;
  const Type found{has ? TypeKind::kBool : TypeKind::kDynamic};
  if (!has && IsQualifiedVariable(node)) return {};
  if (!has && operand->kind == NodeKind::kCall && !operand->method && operand->name == "local") {
    return CheckLocal(node);
  }
  if (CheckRootField(node, node->name, node->name_span)) {
    return has ? Type{TypeKind::kBool} : node->type;
  }
  const Type type = Check(operand);
  if (type.kind == TypeKind::kOptional) return {has ? TypeKind::kBool : TypeKind::kOptional};
  const bool has_fields = type.kind == TypeKind::kDynamic || type.kind == TypeKind::kMap;
  if (has_fields || scope_->unchecked) return found;
  const bool time = type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kDate;
  issues_->Error(code::kType, node->name_span,
                 fmt::format("{} has no field \"{}\"", Typed(*operand), node->name),
                 time ? fmt::format("write local({}).hour", CanonicalText(*operand)) : "");
  return found;
}

// A variable whose name has dots, such as a.b.c; the longest name wins.
bool Checker::IsQualifiedVariable(Node* node) const {
  if (scope_->variables.empty()) return false;
  const std::string name = CanonicalText(*node);
  const auto found = std::find(scope_->variables.begin(), scope_->variables.end(), name);
  if (found == scope_->variables.end()) return false;
  node->access = Access::kVariable;
  node->key = *found;
  return true;
}

Type Checker::CheckIndex(Node* node) {
  Node* index = node->children[1];
  const bool constant_name =
      index->kind == NodeKind::kLiteral && index->value.kind() == ValueKind::kString;
  if (constant_name && CheckRootField(node, index->value.text(), index->span)) return node->type;
  const Type container = Check(node->children[0]);
  const Type by = Check(index);
  if (container.kind == TypeKind::kOptional) return {TypeKind::kOptional};
  if (scope_->unchecked || container.kind == TypeKind::kDynamic) return {};
  if (container.kind == TypeKind::kMap) return {};
  if (container.kind != TypeKind::kList) {
    issues_->Error(code::kType, node->children[0]->span,
                   fmt::format("only lists and maps have items, {} is {}",
                               Shown(*node->children[0]), TypeKindName(container.kind)));
  } else if (by.kind != TypeKind::kDynamic && by.kind != TypeKind::kInt &&
             by.kind != TypeKind::kUint && by.kind != TypeKind::kDouble) {
    issues_->Error(code::kType, index->span,
                   fmt::format("items of a list have numbers, {} is {}", Shown(*index),
                               TypeKindName(by.kind)));
  }
  return {};
}

void Checker::CheckRange(const Node& loop, TypeKind range) {
  if (loop.macro == Macro::kBind || range == TypeKind::kDynamic || scope_->unchecked) return;
  const bool optional = loop.macro == Macro::kOptMap || loop.macro == Macro::kOptFlatMap;
  const bool iterable =
      optional ? range == TypeKind::kOptional : range == TypeKind::kList || range == TypeKind::kMap;
  if (iterable) return;
  issues_->Error(code::kType, loop.children[0]->span,
                 fmt::format("{}() needs {}, {} is {}", MacroName(loop.macro),
                             optional ? "an optional value" : "a list or a map",
                             Shown(*loop.children[0]), TypeKindName(range)),
                 optional ? "write .? for a value that may be absent: event.?coupon" : "");
}

Type Checker::CheckLoop(Node* node) {
  CheckRange(*node, Check(node->children[0]).kind);
  const size_t outer = loop_variables_.size();
  loop_variables_.push_back(node->name);
  if (!node->second_name.empty()) loop_variables_.push_back(node->second_name);
  const bool transforms = node->macro >= Macro::kMap;
  Type last;
  for (size_t i = 1; i < node->children.size(); ++i) {
    const bool transform = transforms && i + 1 == node->children.size();
    last = transform
               ? Check(node->children[i])
               : CheckCondition(node->children[i], fmt::format("in {}()", MacroName(node->macro)));
  }
  loop_variables_.resize(outer);
  switch (node->macro) {
    case Macro::kAll:
    case Macro::kExists:
    case Macro::kExistsOne:
      return {TypeKind::kBool};
    case Macro::kFilter:
    case Macro::kMap:
    case Macro::kTransformList:
      return {TypeKind::kList};
    case Macro::kTransformMap:
      return {TypeKind::kMap};
    case Macro::kOptMap:
    case Macro::kOptFlatMap:
      return {TypeKind::kOptional};
    case Macro::kBind:
      return {last.kind};
  }
  return {};
}

}  // namespace sojourn::expr
