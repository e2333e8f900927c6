#include "engine/liquid/line_column.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/liquid/characters.h"

namespace sojourn::liquid {

std::string LineColumn(std::string_view text, size_t position, int first_line) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + first_line;
  const size_t start = before.rfind('\n');
  const size_t column =
      CountCharacters(start == std::string_view::npos ? before : before.substr(start + 1)) + 1;
  return fmt::format("{}:{}", line, column);
}

}  // namespace sojourn::liquid
