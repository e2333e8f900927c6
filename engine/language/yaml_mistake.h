// What keeps a text from being YAML, in the words and at the place that help its writer; the
// library often names where it gave up instead.
//
// Threads: a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/language/source.h"

namespace sojourn::language {

struct YamlMistake {
  SourceRange range;
  std::string message;
  std::string hint;
};

// `range`: of the YAML in the file. `last_end`: the end of what could be read. `output`: what the
// library printed.
YamlMistake ReadLibraryError(const SourceFile& file, SourceRange range, uint32_t last_end,
                             std::string_view output);

}  // namespace sojourn::language
