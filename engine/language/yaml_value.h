// YAML as data: what a node's value is to expressions and templates.
//
// Pure function.
#pragma once

#include "engine/base/arena.h"
#include "engine/language/yaml.h"
#include "engine/model/value.h"

namespace sojourn::language {

// As the core schema reads it; an integer that no int64 can hold stays text. The value lives in
// `arena` alone.
model::Value ValueOf(const Node& node, Arena* arena);

}  // namespace sojourn::language
