// The way from text to program, and what is read off the checked tree on that way.
#include <algorithm>

#include "engine/base/limits.h"
#include "engine/expr/check.h"
#include "engine/expr/constant.h"
#include "engine/expr/emit.h"
#include "engine/expr/machine.h"
#include "engine/expr/parse.h"
#include "engine/expr/program.h"
#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using model::Value;

// event.NAME == literal, either way round.
void AddEquality(const Node& node, CompiledProgram* program) {
  if (node.kind != NodeKind::kBinary || node.op != Operator::kEqual) return;
  for (const int side : {0, 1}) {
    const Node& field = *node.children[side];
    const Node& literal = *node.children[1 - side];
    const bool pins = field.access == Access::kEventProperty && !field.of_trigger &&
                      literal.kind == NodeKind::kLiteral && !literal.value.is_null();
    if (!pins) continue;
    program->equalities_.push_back(
        {std::string(field.key), model::DeepCopy(literal.value, &program->arena_)});
  }
}

void FindEqualities(const Node& root, CompiledProgram* program) {
  if (root.kind != NodeKind::kAnd) return AddEquality(root, program);
  for (const Node* child : root.children) FindEqualities(*child, program);
}

bool AllConstant(const Node& node) {
  return std::all_of(node.children.begin(), node.children.end(),
                     [](const Node* child) { return IsConstant(*child); });
}

}  // namespace

bool IsConstant(const Node& node) {
  if (node.kind == NodeKind::kLoop) return false;
  const bool named = node.kind == NodeKind::kName || node.kind == NodeKind::kCall;
  if (named && node.access == Access::kNone) return false;  // reported as a mistake
  const bool reads = node.access != Access::kNone && node.access != Access::kFunction &&
                     node.access != Access::kTypeName;
  return !reads && AllConstant(node);
}

std::optional<Value> ConstantValue(const Node& node, Arena* arena) {
  CompiledProgram program;
  EmitProgram(node, false, &program);
  const auto end = static_cast<uint32_t>(program.instructions_.size());
  const Value value =
      EvaluateRange(program, 0, end, Activation(), arena, nullptr, kMaxConstantWork);
  if (IsTooMuchWork(value)) return std::nullopt;
  return model::DeepCopy(value, arena);
}

CompileResult Compile(std::string_view text, const Scope& scope, const Names& names, TypeKind want,
                      CounterTable* counters) {
  IssueList issues;
  const std::unique_ptr<Ast> ast = Parse(text, &issues);
  if (ast->root == nullptr) return {nullptr, issues.Sorted()};
  Checker checker(scope, names, ast.get(), &issues);
  checker.Run(want);
  if (issues.has_error()) return {nullptr, issues.Sorted()};
  auto program = std::make_shared<CompiledProgram>();
  program->text_ = text;
  program->type_ = ast->root->type;
  program->analysis_ = std::move(checker.analysis());
  for (CounterDefinition& definition : program->analysis_.required) {
    const bool known = std::find(program->counters_.begin(), program->counters_.end(),
                                 definition.id) != program->counters_.end();
    if (!known) program->counters_.push_back(definition.id);
    counters->Require(std::move(definition));
  }
  program->analysis_.required.clear();
  EmitProgram(*ast->root, true, program.get());
  FindEqualities(*ast->root, program.get());
  return {std::move(program), issues.Sorted()};
}

}  // namespace sojourn::expr
