// When results change by time alone.
#pragma once

#include "engine/expr/ast.h"
#include "engine/expr/expr.h"
#include "engine/model/value.h"

namespace sojourn::expr {

// Notes when `left OP right` flips while one side moves with `now` at the pace of time and the
// other stands still. The moment noted is the first whole millisecond at which the result is new;
// only moments after `now` are noted.
void NoteFlip(Operator op, NowSide side, const model::Value& left, const model::Value& right,
              Timestamp now, TimeWatch* watch);

}  // namespace sojourn::expr
