#include "engine/liquid/lex.h"

#include <algorithm>
#include <utility>

#include "engine/liquid/characters.h"

namespace sojourn::liquid {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Tokenizer {
 public:
  Tokenizer(std::string_view text, Span span, std::vector<Issue>* issues)
      : text_(text.substr(0, span.end)), at_(span.begin), issues_(issues) {}

  std::vector<Token> Run() {
    for (;;) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      if (at_ >= text_.size() || !Next()) break;
    }
    const uint32_t end = static_cast<uint32_t>(text_.size());
    tokens_.push_back({TokenKind::kEnd, {end, end}, {}});
    return std::move(tokens_);
  }

 private:
  bool Next() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') return String(c);
    if (IsLetter(c)) return Name();
    if (IsDigit(c) || (c == '-' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]))) {
      return Number();
    }
    return Symbol();
  }

  bool String(char quote) {
    const size_t close = text_.find(quote, at_ + 1);
    if (close == std::string_view::npos) {
      const uint32_t at = static_cast<uint32_t>(at_);
      issues_->push_back({at, at + 1, "this quote is never closed", ""});
      return false;
    }
    Add(TokenKind::kString, close + 1);
    Token& token = tokens_.back();
    token.text = token.text.substr(1, token.text.size() - 2);
    return true;
  }

  bool Name() {
    size_t end = at_;
    while (end < text_.size() &&
           (IsLetter(text_[end]) || IsDigit(text_[end]) || text_[end] == '-')) {
      ++end;
    }
    if (end < text_.size() && text_[end] == '?') ++end;
    return Add(TokenKind::kName, end);
  }

  bool Number() {
    size_t end = at_ + 1;
    while (end < text_.size() && IsDigit(text_[end])) ++end;
    if (end + 1 < text_.size() && text_[end] == '.' && IsDigit(text_[end + 1])) {
      ++end;
      while (end < text_.size() && IsDigit(text_[end])) ++end;
    }
    return Add(TokenKind::kNumber, end);
  }

  bool Symbol() {
    const std::string_view two = text_.substr(at_, 2);
    if (two == "..") return Add(TokenKind::kRangeDots, at_ + 2);
    if (two == "==" || two == "!=" || two == "<>" || two == "<=" || two == ">=") {
      return Add(TokenKind::kComparison, at_ + 2);
    }
    switch (text_[at_]) {
      case '.':
        return Add(TokenKind::kDot, at_ + 1);
      case '[':
        return Add(TokenKind::kOpenBracket, at_ + 1);
      case ']':
        return Add(TokenKind::kCloseBracket, at_ + 1);
      case '(':
        return Add(TokenKind::kOpenParenthesis, at_ + 1);
      case ')':
        return Add(TokenKind::kCloseParenthesis, at_ + 1);
      case '|':
        return Add(TokenKind::kPipe, at_ + 1);
      case ':':
        return Add(TokenKind::kColon, at_ + 1);
      case ',':
        return Add(TokenKind::kComma, at_ + 1);
      case '=':
        return Add(TokenKind::kAssign, at_ + 1);
      case '<':
      case '>':
        return Add(TokenKind::kComparison, at_ + 1);
      default:
        return Add(TokenKind::kUnknown, at_ + CharacterSize(text_, at_));
    }
  }

  bool Add(TokenKind kind, size_t end) {
    tokens_.push_back({kind,
                       {static_cast<uint32_t>(at_), static_cast<uint32_t>(end)},
                       text_.substr(at_, end - at_)});
    at_ = end;
    return true;
  }

  const std::string_view text_;
  size_t at_;
  std::vector<Token> tokens_;
  std::vector<Issue>* const issues_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view text, Span span, std::vector<Issue>* issues) {
  return Tokenizer(text, span, issues).Run();
}

uint32_t PieceReader::FindOpening(uint32_t from) const {
  for (uint32_t i = from; i + 1 < end_; ++i) {
    if (text_[i] == '{' && (text_[i + 1] == '{' || text_[i + 1] == '%')) return i;
  }
  return end_;
}

Span PieceReader::Inside(uint32_t begin, uint32_t end) {
  if (begin < end && text_[begin] == '-') ++begin;
  trim_next_ = end > begin && text_[end - 1] == '-';
  if (trim_next_) --end;
  return {begin, end};
}

Piece PieceReader::Text(uint32_t begin, uint32_t end) {
  std::string_view text = text_.substr(begin, end - begin);
  if (trim_next_) text = TrimLeft(text);
  begin = end - static_cast<uint32_t>(text.size());
  const bool trim_end = end + 2 < end_ && text_[end + 2] == '-';
  if (trim_end) text = TrimRight(text);
  trim_next_ = false;
  Piece piece;
  piece.kind = PieceKind::kText;
  piece.all = {begin, begin + static_cast<uint32_t>(text.size())};
  return piece;
}

Piece PieceReader::Tag(uint32_t begin, uint32_t end, uint32_t inside_begin,
                       uint32_t inside_end) const {
  while (inside_begin < inside_end && IsSpace(text_[inside_begin])) ++inside_begin;
  uint32_t name_end = inside_begin;
  if (name_end < inside_end && text_[name_end] == '#') {
    ++name_end;
  } else {
    while (name_end < inside_end && (IsLetter(text_[name_end]) || IsDigit(text_[name_end]))) {
      ++name_end;
    }
  }
  Piece piece;
  piece.kind = PieceKind::kTag;
  piece.all = {begin, end};
  piece.name = {inside_begin, name_end};
  piece.markup = {name_end, inside_end};
  return piece;
}

bool PieceReader::OpensAgain(size_t begin, size_t end) const {
  const size_t first = text_.find_first_not_of("- \t\r\n", begin);
  if (first < end && text_[first] == '#') return false;  // an inline comment
  char quote = '\0';
  for (size_t at = begin; at + 1 < end; ++at) {
    const char c = text_[at];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '{' && (text_[at + 1] == '%' || text_[at + 1] == '{')) {
      return true;
    }
  }
  return false;
}

Piece PieceReader::Next(std::vector<Issue>* issues) {
  if (mode_ == Mode::kLines) return NextLine();
  if (at_ >= end_) return Piece();
  const uint32_t open = FindOpening(at_);
  if (open > at_) {
    const uint32_t begin = std::exchange(at_, open);
    return Text(begin, open);
  }
  const bool is_tag = text_[open + 1] == '%';
  const size_t close = text_.substr(0, end_).find(is_tag ? "%}" : "}}", open + 2);
  if (close == std::string_view::npos || OpensAgain(open + 2, close)) {
    issues->push_back({open, open + 2, std::string(text_.substr(open, 2)) + " is never closed",
                       std::string("write ") + (is_tag ? "%}" : "}}") + " behind it"});
    at_ = end_;
    return Piece();
  }
  at_ = static_cast<uint32_t>(close) + 2;
  const Span inside = Inside(open + 2, static_cast<uint32_t>(close));
  if (is_tag) return Tag(open, at_, inside.begin, inside.end);
  Piece piece;
  piece.kind = PieceKind::kOutput;
  piece.all = {open, at_};
  piece.markup = inside;
  return piece;
}

Piece PieceReader::NextLine() {
  while (at_ < end_ && IsSpace(text_[at_])) ++at_;
  if (at_ >= end_) return Piece();
  const uint32_t begin = at_;
  while (at_ < end_ && text_[at_] != '\n') ++at_;
  uint32_t end = at_;
  while (end > begin && IsSpace(text_[end - 1])) --end;
  return Tag(begin, end, begin, end);
}

Span PieceReader::SkipRaw(std::string_view closing, bool* found) {
  const uint32_t begin = at_;
  *found = false;
  if (mode_ == Mode::kLines) return {begin, begin};
  for (uint32_t open = begin; open + 1 < end_; ++open) {
    if (text_[open] != '{' || text_[open + 1] != '%') continue;
    uint32_t at = open + 2;
    if (at < end_ && text_[at] == '-') ++at;
    while (at < end_ && IsSpace(text_[at])) ++at;
    if (text_.substr(at, closing.size()) != closing) continue;
    at += static_cast<uint32_t>(closing.size());
    while (at < end_ && IsSpace(text_[at])) ++at;
    const bool trim_after = at < end_ && text_[at] == '-';
    if (trim_after) ++at;
    if (at + 1 >= end_ || text_[at] != '%' || text_[at + 1] != '}') continue;
    const Span inside = Text(begin, open).all;
    at_ = at + 2;
    trim_next_ = trim_after;
    *found = true;
    return inside;
  }
  at_ = end_;
  return {begin, end_};
}

void PieceReader::SkipComment(bool* found) {
  if (mode_ == Mode::kLines) return SkipCommentLines(found);
  int depth = 1;
  *found = false;
  while (at_ + 1 < end_) {
    if (text_[at_] != '{' || text_[at_ + 1] != '%') {
      ++at_;
      continue;
    }
    const size_t close = text_.substr(0, end_).find("%}", at_ + 2);
    if (close == std::string_view::npos) break;
    const uint32_t open = std::exchange(at_, static_cast<uint32_t>(close) + 2);
    const Span inside = Inside(open + 2, static_cast<uint32_t>(close));
    const Span span = Tag(open, at_, inside.begin, inside.end).name;
    const std::string_view name = text_.substr(span.begin, span.end - span.begin);
    if (name == "comment") ++depth;
    if (name == "raw") SkipRaw("endraw", found);
    if (name == "endcomment" && --depth == 0) {
      *found = true;
      return;
    }
  }
  *found = false;
  at_ = end_;
}

void PieceReader::SkipCommentLines(bool* found) {
  int depth = 1;
  for (Piece piece = NextLine(); piece.kind != PieceKind::kEnd; piece = NextLine()) {
    const auto name = text_.substr(piece.name.begin, piece.name.end - piece.name.begin);
    if (name == "comment") ++depth;
    if (name == "endcomment" && --depth == 0) {
      *found = true;
      return;
    }
  }
  *found = false;
}

}  // namespace sojourn::liquid
