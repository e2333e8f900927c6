// What an evaluation costs, so that none takes long or much memory whatever its text and values.
//
// The unit is one byte read or made, or what takes as long. An evaluation may spend
// kMaxExpressionWork and then ends in an error. The count depends on the expression and its values
// alone: the same input gives the same result everywhere. Pure functions.
#pragma once

#include <cstdint>

#include "engine/model/value.h"

namespace sojourn::expr {

inline constexpr int64_t kWorkPerItem = 16;        // of a list; the size of a value
inline constexpr int64_t kWorkPerInstruction = 8;  // of a loop's body, each round

// The bytes of a text, the slots of a list or map without what they hold; 0 for anything else.
int64_t ShallowWork(const model::Value& value);

// With all that it holds, counted up to somewhat more than `most`.
int64_t DeepWork(const model::Value& value, int64_t most);

// To compare it with another value: every key of a map with every key.
int64_t WorkOfComparing(const model::Value& value, int64_t most);

// The error of an evaluation that would cost too much.
model::Value TooMuchWork();
bool IsTooMuchWork(const model::Value& value);

// The error of a text longer than kMaxExpressionTextBytes.
model::Value TextTooLong();

}  // namespace sojourn::expr
