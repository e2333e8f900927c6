// Reading what an activation holds: event, person, run, company.
//
// Every function returns an error where the thing is absent: the given one, or a constant text.
#pragma once

#include "engine/expr/expr.h"
#include "engine/expr/program.h"

namespace sojourn::expr {

// One leaf instruction (kVariable to kInSegment, without kLocal).
model::Value ReadLeaf(const CompiledProgram& program, const Instruction& instruction,
                      const Activation& activation, Arena* arena, TimeWatch* watch);

}  // namespace sojourn::expr
