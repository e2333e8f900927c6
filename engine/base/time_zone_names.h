// The zones that the machine's tzdata lists, for hints.
#pragma once

#include <string>
#include <vector>

namespace sojourn {

// One for each region of a country, and UTC alone where the list cannot be read. Reads a file.
std::vector<std::string> TimeZoneNames();

}  // namespace sojourn
