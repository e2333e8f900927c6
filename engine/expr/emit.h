// Fourth stage: the checked tree to instructions.
#pragma once

#include "engine/expr/ast.h"
#include "engine/expr/program.h"

namespace sojourn::expr {

// Fills instructions, constants, patterns, reads and the sizes of locals and stack of `program`,
// whose analysis is already there. With `fold`, what is constant is computed now.
void EmitProgram(const Node& root, bool fold, CompiledProgram* program);

}  // namespace sojourn::expr
