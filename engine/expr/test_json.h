// Values as the CEL specification's conformance cases write them: {"int64Value": "1"}, for tests.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/base/arena.h"
#include "engine/expr/expr.h"
#include "engine/model/value.h"

namespace sojourn::expr {

// What it points to lives in `arena`. Anything unknown is null.
model::Value ValueFromJson(const nlohmann::json& json, Arena* arena);

// Timestamps, durations and optionals, which the cases do not write, become
// {"timestampValue": "2026-03-02T09:00:00Z"}, {"durationValue": "5s"} and {"optionalValue": [...]};
// an error becomes {"error": MESSAGE}.
nlohmann::json ValueToJson(const model::Value& value);

// Compiles plain CEL without types and evaluates it over `bindings`: {NAME: {"value": VALUE}, ...},
// where a binding without "value" is an error. A text that does not compile is an error, too.
model::Value EvaluatePlain(const std::string& text, const nlohmann::json& bindings, Arena* arena);

}  // namespace sojourn::expr
