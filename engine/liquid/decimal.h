// Arithmetic of numbers as people write them: 10.1 - 2.2 is 7.9, not 7.8999999999999995.
//
// Doubles are taken by their shortest decimal text and computed with exactly; where that does not
// fit, plain double arithmetic steps in. Whole numbers stay whole as long as they fit. Pure
// functions over values of kind int or double.
#pragma once

#include <optional>

#include "engine/model/value.h"

namespace sojourn::liquid {

model::Value Plus(const model::Value& a, const model::Value& b);
model::Value Minus(const model::Value& a, const model::Value& b);
model::Value Times(const model::Value& a, const model::Value& b);
// Rounds down where both are whole. nullopt: division by zero.
std::optional<model::Value> DividedBy(const model::Value& a, const model::Value& b);
// Has the sign of `b`. nullopt: division by zero.
std::optional<model::Value> Modulo(const model::Value& a, const model::Value& b);

enum class Rounding { kNearest, kDown, kUp };
// To `digits` behind the point; a whole number where `digits` is 0 or less. Halves go away from 0.
model::Value Rounded(const model::Value& number, Rounding rounding, int64_t digits);

bool IsZero(const model::Value& number);

}  // namespace sojourn::liquid
