// HTML as far as filters and auto-escape need it. Pure functions; any bytes are fine.
#pragma once

#include <string>
#include <string_view>

namespace sojourn::liquid {

// & < > " ' as entities.
std::string EscapeHtml(std::string_view text);
// The same, but leaves entities that are there already.
std::string EscapeHtmlOnce(std::string_view text);
// Without tags, comments, scripts and styles. What comes out is text of unknown quality: it does
// not make foreign HTML safe.
std::string StripHtml(std::string_view text);
// With `replacement` for each \n and \r\n.
std::string ReplaceNewlines(std::string_view text, std::string_view replacement);

}  // namespace sojourn::liquid
