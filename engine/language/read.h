// Which files below a rules directory are rules.
#pragma once

#include <string_view>

namespace sojourn::language {

bool HasSuffix(std::string_view text, std::string_view suffix);

}  // namespace sojourn::language
