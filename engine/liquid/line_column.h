// Where in a text something is, for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sojourn::liquid {

// "3:14": lines counted from `first_line`, columns in characters from 1.
std::string LineColumn(std::string_view text, size_t position, int first_line = 1);

}  // namespace sojourn::liquid
