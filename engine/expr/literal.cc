#include "engine/expr/literal.h"

#include <fmt/format.h>

#include "engine/base/utf8.h"

namespace sojourn::expr {
namespace {

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

class Unescaper {
 public:
  Unescaper(std::string_view body, bool bytes, uint32_t offset, std::string* out, IssueList* issues)
      : body_(body), bytes_(bytes), offset_(offset), out_(out), issues_(issues) {}

  bool Run() {
    while (position_ < body_.size()) {
      if (body_[position_] != '\\') {
        out_->push_back(body_[position_++]);
      } else if (!Escape()) {
        return false;
      }
    }
    return true;
  }

 private:
  bool Escape() {
    const size_t begin = position_++;
    if (position_ == body_.size()) return Wrong(begin);
    const char c = body_[position_++];
    constexpr std::string_view kLetters = "abfnrtv\\?\"'`";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\?\"'`";
    if (const size_t at = kLetters.find(c); at != std::string_view::npos) {
      out_->push_back(kMeanings[at]);
      return true;
    }
    switch (c) {
      case 'x':
      case 'X':
        return Number(begin, 2, 16);
      case 'u':
        return !bytes_ ? Number(begin, 4, 16) : Wrong(begin);
      case 'U':
        return !bytes_ ? Number(begin, 8, 16) : Wrong(begin);
      default:
        break;
    }
    if (c < '0' || c > '3') return Wrong(begin);
    --position_;
    return Number(begin, 3, 8);
  }

  bool Number(size_t begin, size_t digits, int base) {
    uint32_t number = 0;
    for (size_t i = 0; i < digits; ++i, ++position_) {
      if (position_ == body_.size() || DigitValue(body_[position_]) >= base) return Wrong(begin);
      number = number * base + DigitValue(body_[position_]);
    }
    if (bytes_) {
      out_->push_back(static_cast<char>(number));
      return true;
    }
    if (number > 0x10FFFF || (number >= 0xD800 && number <= 0xDFFF)) return Wrong(begin);
    AppendUtf8(number, out_);
    return true;
  }

  bool Wrong(size_t begin) {
    const size_t end = std::max(position_, begin + 1);
    issues_->Error(code::kSyntax,
                   {offset_ + static_cast<uint32_t>(begin), offset_ + static_cast<uint32_t>(end)},
                   fmt::format("\"{}\" is no escape sequence", body_.substr(begin, end - begin)),
                   "write \\\\ for a backslash, or r\"...\" for text without escapes");
    return false;
  }

  std::string_view body_;
  bool bytes_;
  uint32_t offset_;
  std::string* out_;
  IssueList* issues_;
  size_t position_ = 0;
};

std::string Quote(std::string_view text, bool bytes) {
  std::string quoted = bytes ? "b\"" : "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f || (bytes && byte >= 0x80)) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

bool Unescape(std::string_view body, bool bytes, uint32_t offset, std::string* out,
              IssueList* issues) {
  return Unescaper(body, bytes, offset, out, issues).Run();
}

std::string QuoteString(std::string_view text) { return Quote(text, false); }
std::string QuoteBytes(std::string_view bytes) { return Quote(bytes, true); }

}  // namespace sojourn::expr
