#include "engine/expr/pattern.h"

#include <re2/re2.h>

#include "engine/base/limits.h"

namespace sojourn::expr {

std::shared_ptr<const re2::RE2> CompilePattern(std::string_view text, std::string* problem) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMaxPatternBytes);
  auto pattern =
      std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (pattern->ok()) return pattern;
  *problem = pattern->error();
  return nullptr;
}

bool MatchesPattern(const re2::RE2& pattern, std::string_view subject) {
  return re2::RE2::PartialMatch(re2::StringPiece(subject.data(), subject.size()), pattern);
}

int64_t WorkOfCompiling(const re2::RE2* pattern) {
  constexpr int64_t kLeast = 32 * 1024;
  constexpr int64_t kPerInstruction = 64;
  if (pattern == nullptr) return kMaxPatternBytes;
  return kLeast + kPerInstruction * pattern->ProgramSize();
}

// RE2 takes at most one step for each byte and each instruction of the pattern's program; nearly
// always far less.
int64_t WorkOfMatching(const re2::RE2& pattern, std::string_view subject) {
  return static_cast<int64_t>(subject.size()) * pattern.ProgramSize() / 2;
}

}  // namespace sojourn::expr
