// How the payloads of all providers are read: JSON with limits, and what is missing is empty.
//
// Pure functions.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/feedback/fact.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/model/value.h"

namespace sojourn::feedback {

// The value lives in `arena`.
Result<model::Value> ReadJson(std::string_view text, Arena* arena);
std::string WriteJson(const model::Value& value);

// The text at a path of keys ("mail", "messageId"); a whole number as its digits; "" where there is
// no such thing.
std::string TextAt(const model::Value& value, std::initializer_list<std::string_view> path);
// The value there; nullptr: none.
const model::Value* FindAt(const model::Value& value, std::initializer_list<std::string_view> path);

// RFC 3339; `otherwise` where the text is none, or says a time after it.
Timestamp TimeOf(std::string_view text, Timestamp otherwise);
// Seconds since 1970, whole or with a fraction; likewise.
Timestamp TimeOfSeconds(const model::Value* seconds, Timestamp otherwise);

// One line of at most kMaxDiagnosticBytes.
std::string Diagnostic(std::string_view text);

// One address without a name and brackets, in visible ASCII or UTF-8, with one '@'.
bool IsAddress(std::string_view address);

// Nullopt where `seconds`, as the request's signature has it, is of now; else why not.
std::optional<Refusal> CheckAge(std::string_view seconds, Timestamp now);
std::optional<Refusal> CheckAge(Timestamp time, Timestamp now);

}  // namespace sojourn::feedback
