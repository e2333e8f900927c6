#include "engine/cli/printable.h"

#include <fmt/format.h>

#include <cstdint>

#include "engine/base/utf8.h"

namespace sojourn::cli {
namespace {

bool IsUnprintable(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable;
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const uint32_t c = NextCodePoint(text, &position);
    if (IsUnprintable(c)) {
      printable += fmt::format("\\u{:04x}", c);
    } else {
      printable += text.substr(begin, position - begin);
    }
  }
  return printable;
}

std::string PrintableLines(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    printable += Printable(text.substr(0, end));
    if (end == std::string_view::npos) break;
    printable += '\n';
    text.remove_prefix(end + 1);
  }
  return printable;
}

}  // namespace sojourn::cli
