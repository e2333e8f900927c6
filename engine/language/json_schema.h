// The schema table as JSON Schema (draft-07), by which editors complete, explain and check rules
// files while they are written.
//
// It accepts whatever CheckShape accepts. It is a little more generous where JSON cannot say it:
// that a time of day stands in quotes, that a time zone exists, that a date is in the calendar,
// that percents have two decimals. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/language/schema.h"

namespace sojourn::language {

// What a schema is made of: one kind of document, known by a key that only it has.
struct SchemaKind {
  std::string_view name;       // "journey"
  std::string_view first_key;  // "journey"; "tests" for test files
  ShapeFunction shape = nullptr;
};

// One schema that holds each document against the kind whose first key it has. Pretty-printed, with
// a line break at its end.
std::string JsonSchema(const std::vector<SchemaKind>& kinds);

// The schema of one kind alone.
std::string JsonSchema(const SchemaKind& kind);

}  // namespace sojourn::language
