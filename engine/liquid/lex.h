// First stage: a template's text into pieces, and the markup of a piece into tokens.
//
// Views into the text given; byte positions count in that text. Threads: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/liquid/issue.h"

namespace sojourn::liquid {

// A stretch of the text.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

enum class PieceKind : uint8_t { kText, kOutput, kTag, kEnd };

struct Piece {
  PieceKind kind = PieceKind::kEnd;
  Span all;     // with its delimiters; of a kText: what whitespace control leaves of it
  Span name;    // kTag
  Span markup;  // kOutput: between the braces; kTag: behind the name
};

// Cuts a text at {{ }} and {% %}, or at its lines where it is the inside of {% liquid %}.
class PieceReader {
 public:
  enum class Mode : uint8_t { kTemplate, kLines };

  // `inside` is the part of `text` to read.
  PieceReader(std::string_view text, Span inside, Mode mode)
      : text_(text), at_(inside.begin), end_(inside.end), mode_(mode) {}

  Mode mode() const { return mode_; }

  // Issues: a delimiter that is never closed; the rest is skipped.
  Piece Next(std::vector<Issue>* issues);

  // Skips to behind the closing tag of a block whose inside is no Liquid. What is inside, as
  // whitespace control leaves it; `found` is whether there was a closing tag. A comment's inner
  // comments and raw blocks are skipped as wholes.
  Span SkipRaw(std::string_view closing, bool* found);
  void SkipComment(bool* found);

 private:
  Piece NextLine();
  Piece Text(uint32_t begin, uint32_t end);
  Piece Tag(uint32_t begin, uint32_t end, uint32_t inside_begin, uint32_t inside_end) const;
  uint32_t FindOpening(uint32_t from) const;
  // Takes the hyphens of whitespace control off [begin, end) and notes the one at the end.
  Span Inside(uint32_t begin, uint32_t end);
  // Whether another {{ or {% stands in [begin, end) outside quotes.
  bool OpensAgain(size_t begin, size_t end) const;
  void SkipCommentLines(bool* found);

  const std::string_view text_;
  uint32_t at_;
  const uint32_t end_;
  const Mode mode_;
  bool trim_next_ = false;  // the text to come loses its leading whitespace
};

enum class TokenKind : uint8_t {
  kName,    // also words such as `and`
  kNumber,  // 12, -3, 1.5
  kString,  // with its quotes
  kDot,
  kRangeDots,
  kOpenBracket,
  kCloseBracket,
  kOpenParenthesis,
  kCloseParenthesis,
  kPipe,
  kColon,
  kComma,
  kAssign,      // =
  kComparison,  // == != <> < > <= >=
  kUnknown,     // anything else, one character
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Span span;
  std::string_view text;  // of a kString: without its quotes
};

// The tokens of `span` of `text`, a kEnd last. A quote that is never closed ends them, with an
// issue.
std::vector<Token> Tokenize(std::string_view text, Span span, std::vector<Issue>* issues);

}  // namespace sojourn::liquid
