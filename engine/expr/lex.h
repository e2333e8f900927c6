// First stage: text to tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/expr/issue.h"
#include "engine/model/value.h"

namespace sojourn::expr {

enum class TokenKind : uint8_t {
  kEnd,
  kName,    // identifier or keyword
  kQuoted,  // `name in backquotes`, only after a dot
  kInt,     // no sign; value is kUint, since 9223372036854775808 has a meaning after a minus
  kUint,    // with suffix u
  kDouble,
  kString,
  kBytes,
  kSymbol,  // operator or punctuation
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Span span;
  std::string_view text;  // of the source; of kQuoted: without the quotes
  model::Value value;     // literals; strings live in the arena
};

// Ends with a kEnd token. On a mistake reports it and returns what came before, ended by kEnd.
std::vector<Token> Lex(std::string_view text, Arena* arena, IssueList* issues);

// One token a line: kind, span, text.
std::string DumpTokens(const std::vector<Token>& tokens);

}  // namespace sojourn::expr
