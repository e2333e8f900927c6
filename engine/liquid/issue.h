// A mistake in a template's text.
#pragma once

#include <cstdint>
#include <string>

namespace sojourn::liquid {

struct Issue {
  uint32_t begin = 0;  // bytes of the text that was given to Parse
  uint32_t end = 0;
  std::string message;  // one line
  std::string hint;     // "" where there is nothing to add
  // The partial that it stands in; then the bytes are those of the tag that places it.
  std::string partial = {};
};

}  // namespace sojourn::liquid
