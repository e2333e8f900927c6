// What operators mean on values: CEL's arithmetic, equality and order.
//
// Pure functions. Operands must not be errors. A result that is an error is a Value of kind kError
// with a constant text, so nothing here allocates except what joins texts and lists.
#pragma once

#include <compare>
#include <optional>

#include "engine/base/arena.h"
#include "engine/expr/ast.h"
#include "engine/model/value.h"

namespace sojourn::expr {

inline model::Value NoOverload() {
  return model::Value::Error("the operation does not take values of these types");
}

// + - * / %
model::Value Arithmetic(Operator op, const model::Value& a, const model::Value& b, Arena* arena);
model::Value Negate(const model::Value& value);

// Numbers by value whatever their types; values of different kinds are not equal.
bool Equal(const model::Value& a, const model::Value& b);

// nullopt: the two have no order. NaN is unordered.
std::optional<std::partial_ordering> Order(const model::Value& a, const model::Value& b);

// < <= > >=
model::Value Compare(Operator op, const model::Value& a, const model::Value& b);

// `item in container`
model::Value Contains(const model::Value& item, const model::Value& container);

// Whether `container` can have items under keys such as `index`.
bool MayIndex(const model::Value& container, const model::Value& index);

// container[index]; the error of a missing key is a constant text.
model::Value Index(const model::Value& container, const model::Value& index);

// The entry whose key equals `key`, numbers by value; null where there is none.
const model::Value* FindKey(const model::Value& map, const model::Value& key);

// Both normalised and within what CEL allows; an error otherwise.
model::Value CheckedTimestamp(__int128 nanoseconds);
model::Value CheckedDuration(__int128 nanoseconds);
inline __int128 Nanoseconds(PreciseTime time) {
  return static_cast<__int128>(time.seconds) * 1000000000 + time.nanoseconds;
}

}  // namespace sojourn::expr
