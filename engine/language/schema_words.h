// Words of the messages about keys and values.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "engine/language/yaml.h"

namespace sojourn::language {

// `"x" is text`, `5 is a number`, `this is a list`.
std::string Found(const Node& node);

// Up to the first space.
std::string FirstWord(const std::string& text);

// Which of the absent keys an unknown one means, or "": `at "09:00"` is one without its colon.
std::string Meant(const std::string& key, const std::vector<std::string>& absent);

}  // namespace sojourn::language
