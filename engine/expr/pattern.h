// Regular expressions of matches(): RE2, so that no pattern runs away, and within limits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace sojourn::expr {

// Null where `text` is no regular expression or is larger than kMaxPatternBytes when compiled;
// `problem` then says what is wrong. Immutable; shared by threads freely.
std::shared_ptr<const re2::RE2> CompilePattern(std::string_view text, std::string* problem);

// Whether `pattern` is found anywhere in `subject`.
bool MatchesPattern(const re2::RE2& pattern, std::string_view subject);

// What compiling `pattern`, and looking for it in `subject`, take; in the unit of work.h.
int64_t WorkOfCompiling(const re2::RE2* pattern);
int64_t WorkOfMatching(const re2::RE2& pattern, std::string_view subject);

}  // namespace sojourn::expr
