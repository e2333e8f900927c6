// Where in a text something is, for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sojourn::liquid {

// "3:14", both counted from 1, columns in characters.
std::string LineColumn(std::string_view text, size_t position);

}  // namespace sojourn::liquid
