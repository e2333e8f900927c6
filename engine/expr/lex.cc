#include "engine/expr/lex.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "engine/base/utf8.h"
#include "engine/expr/literal.h"

namespace sojourn::expr {
namespace {

using model::Value;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class Lexer {
 public:
  Lexer(std::string_view text, Arena* arena, IssueList* issues)
      : text_(text), arena_(arena), issues_(issues) {}

  std::vector<Token> Run() {
    for (SkipSpace(); position_ < text_.size(); SkipSpace()) {
      if (!Next()) break;
    }
    const auto end = static_cast<uint32_t>(text_.size());
    tokens_.push_back({TokenKind::kEnd, {end, end}, "", Value()});
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }

  void SkipSpace() {
    while (position_ < text_.size()) {
      const char c = text_[position_];
      if (c == '/' && Peek(1) == '/') {
        while (position_ < text_.size() && text_[position_] != '\n') ++position_;
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        ++position_;
      } else {
        break;
      }
    }
  }

  bool Next() {
    const char c = Peek();
    if (const std::optional<bool> quoted = TryQuotes()) return *quoted;
    if (IsLetter(c)) return Name();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (c == '`') return QuotedName();
    return Symbol();
  }

  bool Push(TokenKind kind, size_t begin, Value value = Value()) {
    tokens_.push_back({kind,
                       {static_cast<uint32_t>(begin), static_cast<uint32_t>(position_)},
                       text_.substr(begin, position_ - begin),
                       value});
    return true;
  }

  bool Fail(size_t begin, std::string message, std::string hint = "") {
    issues_->Error(code::kSyntax, {static_cast<uint32_t>(begin), static_cast<uint32_t>(position_)},
                   std::move(message), std::move(hint));
    return false;
  }

  bool Name() {
    const size_t begin = position_;
    while (IsLetter(Peek()) || IsDigit(Peek())) ++position_;
    return Push(TokenKind::kName, begin);
  }

  bool QuotedName() {
    const size_t begin = position_++;
    while (Peek() != '`' && Peek() != '\n' && position_ < text_.size()) ++position_;
    if (Peek() != '`' || position_ == begin + 1) return Fail(begin, "the closing ` is missing");
    ++position_;
    Push(TokenKind::kQuoted, begin);
    tokens_.back().text = text_.substr(begin + 1, position_ - begin - 2);
    return true;
  }

  bool Number() {
    const size_t begin = position_;
    if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X') && IsHexDigit(Peek(2))) {
      position_ += 2;
      while (IsHexDigit(Peek())) ++position_;
      return WholeNumber(begin, begin + 2, 16);
    }
    while (IsDigit(Peek())) ++position_;
    bool fraction = false;
    if (Peek() == '.' && IsDigit(Peek(1))) {
      fraction = true;
      ++position_;
      while (IsDigit(Peek())) ++position_;
    }
    const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 1 : 0;
    if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(1 + sign))) {
      fraction = true;
      position_ += 1 + sign;
      while (IsDigit(Peek())) ++position_;
    }
    return fraction ? Fraction(begin) : WholeNumber(begin, begin, 10);
  }

  bool Fraction(size_t begin) {
    double number = 0;
    const auto parsed = std::from_chars(text_.data() + begin, text_.data() + position_, number);
    if (parsed.ec == std::errc::result_out_of_range) {
      // from_chars leaves `number` alone; strtod tells too small (zero) from too large (infinite).
      number = std::strtod(std::string(text_.substr(begin, position_ - begin)).c_str(), nullptr);
      if (std::isinf(number)) return Fail(begin, "the number is too large");
    }
    return EndNumber(TokenKind::kDouble, begin, Value::Double(number));
  }

  bool WholeNumber(size_t begin, size_t digits, int base) {
    uint64_t number = 0;
    const auto parsed =
        std::from_chars(text_.data() + digits, text_.data() + position_, number, base);
    if (parsed.ec != std::errc()) return Fail(begin, "the number is too large");
    const bool is_unsigned = Peek() == 'u' || Peek() == 'U';
    if (is_unsigned) ++position_;
    return EndNumber(is_unsigned ? TokenKind::kUint : TokenKind::kInt, begin, Value::Uint(number));
  }

  bool EndNumber(TokenKind kind, size_t begin, Value value) {
    if (!IsLetter(Peek())) return Push(kind, begin, value);
    while (IsLetter(Peek()) || IsDigit(Peek())) ++position_;
    return Fail(begin, "a number and letters stand together",
                "durations are written days(90); text needs quotes");
  }

  // nullopt: no string begins here.
  std::optional<bool> TryQuotes() {
    bool raw = false;
    bool bytes = false;
    size_t ahead = 0;
    for (; ahead < 2; ++ahead) {
      const char c = Peek(ahead);
      if (!raw && (c == 'r' || c == 'R'))
        raw = true;
      else if (!bytes && (c == 'b' || c == 'B'))
        bytes = true;
      else
        break;
    }
    if (Peek(ahead) != '"' && Peek(ahead) != '\'') return std::nullopt;
    const size_t begin = position_;
    position_ += ahead;
    return Quotes(begin, raw, bytes);
  }

  bool Quotes(size_t begin, bool raw, bool bytes) {
    const char quote = Peek();
    const bool triple = Peek(1) == quote && Peek(2) == quote;
    const std::string closing(triple ? 3 : 1, quote);
    position_ += closing.size();
    const size_t body = position_;
    while (text_.substr(position_, closing.size()) != closing) {
      const bool line_end = !triple && (Peek() == '\n' || Peek() == '\r');
      if (position_ >= text_.size() || line_end) {
        return Fail(begin, fmt::format("the closing {} of this text is missing", closing));
      }
      position_ += !raw && Peek() == '\\' && position_ + 1 < text_.size() ? 2 : 1;
    }
    const std::string_view inside = text_.substr(body, position_ - body);
    position_ += closing.size();
    std::string content;
    if (raw) {
      content = inside;
    } else if (!Unescape(inside, bytes, static_cast<uint32_t>(body), &content, issues_)) {
      return false;
    }
    const std::string_view kept = arena_->Copy(content);
    return Push(bytes ? TokenKind::kBytes : TokenKind::kString, begin,
                bytes ? Value::Bytes(kept) : Value::String(kept));
  }

  // Comparisons as other languages write them, told whole.
  bool ForeignComparison() {
    struct Foreign {
      std::string_view symbol;
      std::string_view hint;
    };
    static constexpr std::array<Foreign, 4> kForeign = {{{"<>", "write != for \"is not\""},
                                                         {":=", "write == to compare"},
                                                         {"=<", "write <= for \"at most\""},
                                                         {"=>", "write >= for \"at least\""}}};
    for (const Foreign& foreign : kForeign) {
      if (text_.substr(position_, foreign.symbol.size()) != foreign.symbol) continue;
      const size_t begin = position_;
      position_ += foreign.symbol.size();
      Fail(begin, fmt::format("{} is no comparison", foreign.symbol), std::string(foreign.hint));
      return true;
    }
    return false;
  }

  bool Symbol() {
    static constexpr std::array<std::string_view, 26> kSymbols = {
        "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ".",
        ",",  ":",  "?",  "+",  "-",  "*",  "/", "%", "<", ">", "!", "=", "&"};
    const size_t begin = position_;
    if (ForeignComparison()) return false;
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(position_, symbol.size()) != symbol) continue;
      position_ += symbol.size();
      if (symbol == "=") return Fail(begin, "= is no comparison", "write == to compare");
      if (symbol == "&") return Fail(begin, "& is no operator", "write && for \"and\"");
      return Push(TokenKind::kSymbol, begin);
    }
    NextCodePoint(text_, &position_);
    const std::string_view character = text_.substr(begin, position_ - begin);
    if (character == "|") return Fail(begin, "| is no operator", "write || for \"or\"");
    return Fail(begin, fmt::format("unexpected character {}", character));
  }

  std::string_view text_;
  Arena* arena_;
  IssueList* issues_;
  size_t position_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Lex(std::string_view text, Arena* arena, IssueList* issues) {
  return Lexer(text, arena, issues).Run();
}

std::string DumpTokens(const std::vector<Token>& tokens) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "end", "name", "quoted", "int", "uint", "double", "string", "bytes", "symbol"};
  std::string dump;
  for (const Token& token : tokens) {
    dump += fmt::format("{}-{} {} {}\n", token.span.begin, token.span.end,
                        kNames[static_cast<size_t>(token.kind)], token.text);
  }
  return dump;
}

}  // namespace sojourn::expr
