// Texts of outsiders on a terminal. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace sojourn::cli {

// The text with characters that move a cursor, end a line or turn the direction of writing as
// \uXXXX. Valid UTF-8 is wanted.
std::string Printable(std::string_view text);

// The same of each line.
std::string PrintableLines(std::string_view text);

}  // namespace sojourn::cli
