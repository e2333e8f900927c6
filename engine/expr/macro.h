// Macros: calls that become loops in the syntax tree.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/expr/ast.h"
#include "engine/expr/issue.h"

namespace sojourn::expr {

// The macro that a method of this name is: RANGE.all(x, x > 0), ...
std::optional<Macro> FindMacro(std::string_view method);

// What a macro's arguments come to.
struct LoopParts {
  std::string_view first;
  std::string_view second;      // empty: one variable
  std::vector<Node*> children;  // of the kLoop
};

// `children`: the range and the arguments; `name`: as it is written, at `name_span`; `end`: of the
// call. False: a mistake, reported.
bool ShapeLoop(Macro macro, std::string_view name, Span name_span, uint32_t end,
               const std::vector<Node*>& children, LoopParts* parts, IssueList* issues);

// Whether a call is cel.bind(name, value, body), and its parts.
bool IsBind(const Node* receiver, std::string_view method);
bool ShapeBind(Span call, const std::vector<Node*>& children, LoopParts* parts, IssueList* issues);

}  // namespace sojourn::expr
