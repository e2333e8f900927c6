// Rules files in one form: what is `sojourn fmt`.
//
// Kept: the order of keys, every comment, every word. Made alike: indentation (two spaces, lists
// two spaces below their key), blank lines (at most one), spaces in {...} and [...], quotes (double
// ones unless the text holds some), ends of lines. A {...} or [...] longer than a line is written
// below each other. Of a template only the front matter is touched, of a partial nothing.
//
// Pure. The result is read again before it is given: unless it means the same, holds the same
// comments and is a form that does not change when it is formatted again, the text is left as it
// is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/language/diagnostic.h"

namespace sojourn::language {

struct FormatResult {
  std::string text;                     // formatted, or as it was
  std::string left_because;             // not empty: a form that is not touched, such as aliases
  std::vector<Diagnostic> diagnostics;  // not empty: it does not parse; `text` is as it was
};

FormatResult FormatRules(const std::string& path, std::string_view bytes);

}  // namespace sojourn::language
