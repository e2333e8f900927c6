// Second stage: tokens to a syntax tree; macros become loops.
#pragma once

#include <memory>
#include <string_view>

#include "engine/expr/ast.h"
#include "engine/expr/issue.h"

namespace sojourn::expr {

// Never null; its root is null where an error was reported (at most one).
std::unique_ptr<Ast> Parse(std::string_view text, IssueList* issues);

}  // namespace sojourn::expr
