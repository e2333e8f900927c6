// What stands between the quotes of a string or bytes literal.
#pragma once

#include <string>
#include <string_view>

#include "engine/expr/issue.h"

namespace sojourn::expr {

// Resolves escapes of `body`, which begins at byte `offset` of the text. False: reported.
bool Unescape(std::string_view body, bool bytes, uint32_t offset, std::string* out,
              IssueList* issues);

// `text` as a literal in double quotes.
std::string QuoteString(std::string_view text);
std::string QuoteBytes(std::string_view bytes);

}  // namespace sojourn::expr
