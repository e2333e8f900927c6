// Values that are known before any event.
#pragma once

#include <optional>

#include "engine/base/arena.h"
#include "engine/expr/ast.h"
#include "engine/model/value.h"

namespace sojourn::expr {

// Whether a checked node reads nothing.
bool IsConstant(const Node& node);

// What such a node comes to, an error included; nullopt where it takes more than kMaxConstantWork,
// which is left to the evaluation. The value lives in `arena`.
std::optional<model::Value> ConstantValue(const Node& node, Arena* arena);

}  // namespace sojourn::expr
