// Letters of ASCII, whatever their case; other bytes stay as they are.
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace sojourn {

std::string LowerCase(std::string_view text);
bool EqualIgnoringCase(std::string_view a, std::string_view b);

}  // namespace sojourn
