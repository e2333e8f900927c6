// CEL's optional values. or() and orValue() are instructions of their own: they evaluate their
// second value only where they need it.
#include "engine/expr/function.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

Value None(const Value*, Arena*) { return Value::Optional(nullptr); }

Value Of(const Value* a, Arena* arena) {
  Value* item = arena->AllocateArray<Value>(1);
  *item = a[0];
  return Value::Optional(item);
}

// null, false, 0, "", [], {}, and the times of no length and of no seconds since 1970.
bool IsZero(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kNull:
      return true;
    case ValueKind::kBool:
      return !value.bool_value();
    case ValueKind::kInt:
    case ValueKind::kUint:
    case ValueKind::kDouble:
      return Equal(value, Value::Int(0));
    case ValueKind::kString:
    case ValueKind::kBytes:
    case ValueKind::kList:
    case ValueKind::kMap:
      return value.size() == 0;
    case ValueKind::kTimestamp:
    case ValueKind::kDuration:
      return Nanoseconds(value.precise()) == 0;
    default:
      return false;
  }
}

Value OfNonZeroValue(const Value* a, Arena* arena) {
  return IsZero(a[0]) ? Value::Optional(nullptr) : Of(a, arena);
}

Value HasValue(const Value* a, Arena*) { return Value::Bool(a[0].size() > 0); }

Value ValueOf(const Value* a, Arena*) {
  return a[0].size() > 0 ? a[0].items()[0] : Value::Error("the optional has no value");
}

}  // namespace

std::vector<Function> OptionalFunctions() {
  return {
      {"optional.none", false, ">o", None},
      {"optional.of", false, "*>o", Of},
      {"optional.ofNonZeroValue", false, "*>o", OfNonZeroValue},
      {"hasValue", true, "o>b", HasValue},
      {"value", true, "o>*", ValueOf},
      {"or", true, "oo>o", nullptr},
      {"orValue", true, "o*>*", nullptr},
  };
}

}  // namespace sojourn::expr
