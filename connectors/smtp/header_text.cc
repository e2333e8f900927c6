#include "connectors/smtp/header_text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "connectors/smtp/transfer_encoding.h"
#include "engine/base/utf8.h"

namespace sojourn::smtp {
namespace {

constexpr uint32_t kReplacement = 0xfffd;
constexpr std::string_view kEllipsis = "\u2026";
constexpr std::string_view kWordEnd = "?=";
constexpr size_t kMaxLineBytes = 76;
constexpr size_t kMaxEncodedWordBytes = 75;
constexpr size_t kMaxPlainWordBytes = 60;  // fits behind the name of each of our headers

// Calls `use` with every code point; U+FFFD for each byte that is no UTF-8.
template <typename Use>
void ForEachCodePoint(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const size_t valid = FirstInvalidUtf8(text).value_or(text.size());
    for (size_t position = 0; position < valid;) {
      use(NextCodePoint(text.substr(0, valid), &position));
    }
    if (valid == text.size()) return;
    use(kReplacement);
    text.remove_prefix(valid + 1);
  }
}

bool IsControl(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

bool EndsLine(uint32_t code_point) {
  return IsControl(code_point) || code_point == 0x2028 || code_point == 0x2029;
}

bool IsVisibleAscii(char c) { return c > 0x20 && c < 0x7f; }
bool IsPrintableAscii(char c) { return c >= 0x20 && c < 0x7f; }
bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), IsPrintableAscii);
}

// What an encoded-word in a phrase may hold as it is (RFC 2047, section 5, rule 3).
bool IsPlainInQ(char c) {
  return IsAlphanumeric(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

size_t QLength(std::string_view text) {
  size_t length = 0;
  for (const char c : text) length += c == ' ' || IsPlainInQ(c) ? 1 : 3;
  return length;
}

std::string EncodeQ(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (c == ' ') {
      encoded += '_';
    } else if (IsPlainInQ(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("={:02X}", static_cast<uint8_t>(c));
    }
  }
  return encoded;
}

size_t BLength(size_t bytes) { return (bytes + 2) / 3 * 4; }

// The encoded-words of `text`, each with whole characters only; the first fits behind `name`.
std::vector<std::string> EncodedWords(std::string_view name, std::string_view text) {
  const bool q = QLength(text) <= BLength(text.size());
  const std::string_view begin = q ? "=?utf-8?Q?" : "=?utf-8?B?";
  size_t room = kMaxEncodedWordBytes - begin.size() - kWordEnd.size() - name.size() - 1;
  const auto fits = [&](std::string_view part) {
    return (q ? QLength(part) : BLength(part.size())) <= room;
  };
  std::vector<std::string> words;
  for (size_t start = 0; start < text.size();) {
    size_t end = start;
    for (size_t next = start; next < text.size();) {
      NextCodePoint(text, &next);
      if (!fits(text.substr(start, next - start))) break;
      end = next;
    }
    const std::string_view part = text.substr(start, end - start);
    words.push_back(fmt::format("{}{}{}", begin, q ? EncodeQ(part) : Base64(part), kWordEnd));
    start = end;
    room = kMaxEncodedWordBytes - begin.size() - kWordEnd.size();
  }
  return words;
}

std::vector<std::string> SplitAtSpaces(std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// "Name: word word\r\n word\r\n": a line breaks before the word that it has no room for.
std::string Fold(std::string_view name, const std::vector<std::string>& words) {
  std::string field = fmt::format("{}:", name);
  size_t line = field.size();
  for (const std::string& word : words) {
    if (line + 1 + word.size() > kMaxLineBytes) {
      field += "\r\n";
      line = 0;
    }
    field += ' ';
    field += word;
    line += 1 + word.size();
  }
  return field += "\r\n";
}

// Whether `words` stand for themselves: printable, nothing that reads as an encoded-word, no run of
// spaces that folding could change, and no word too long for a line.
bool ArePlain(const std::vector<std::string>& words) {
  return std::all_of(words.begin(), words.end(), [](const std::string& word) {
    return !word.empty() && word.size() <= kMaxPlainWordBytes && IsPrintable(word) &&
           word.find("=?") == std::string::npos;
  });
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  bool after_return = false;
  ForEachCodePoint(text, [&](uint32_t c) {
    if (c == '\r' || (c == '\n' && !after_return)) {
      clean += '\n';
    } else if (c != '\n') {
      AppendUtf8(IsControl(c) && c != '\t' ? kReplacement : c, &clean);
    }
    after_return = c == '\r';
  });
  return clean;
}

std::string OneLine(std::string_view text, size_t max_bytes) {
  // A code point that is not cut off has at most four bytes, and a broken byte becomes three.
  const bool long_text = text.size() > 4 * max_bytes;
  std::string line;
  bool gap = false;
  ForEachCodePoint(text.substr(0, long_text ? 4 * max_bytes : text.size()), [&](uint32_t c) {
    if (EndsLine(c)) {
      gap = true;
      return;
    }
    if (gap && !line.empty() && line.back() != ' ' && c != ' ') line += ' ';
    gap = false;
    AppendUtf8(c, &line);
  });
  if (line.size() > max_bytes || long_text) {
    size_t end = std::min(line.size(), max_bytes - std::min(max_bytes, kEllipsis.size()));
    while (end > 0 && (static_cast<uint8_t>(line[end]) & 0xc0) == 0x80) --end;
    line.resize(end);
    line += kEllipsis;
  }
  const size_t begin = std::min(line.find_first_not_of(' '), line.size());
  return line.substr(begin, line.find_last_not_of(' ') + 1 - begin);
}

std::string UnstructuredField(std::string_view name, std::string_view text) {
  const std::string line = OneLine(text, kMaxHeaderTextBytes);
  if (line.empty()) return fmt::format("{}:\r\n", name);
  std::vector<std::string> words = SplitAtSpaces(line);
  return Fold(name, ArePlain(words) ? words : EncodedWords(name, line));
}

std::string MailboxField(std::string_view name, std::string_view display_name,
                         std::string_view address) {
  const std::string line = OneLine(display_name, kMaxHeaderTextBytes);
  std::vector<std::string> words;
  if (line.size() > kMaxPlainWordBytes || !IsPrintable(line) ||
      line.find("=?") != std::string::npos) {
    words = EncodedWords(name, line);
  } else if (!line.empty()) {
    words.push_back(Quoted(line));
  }
  words.push_back(fmt::format("<{}>", address));
  return Fold(name, words);
}

std::string Token(std::string_view text, std::string_view also, size_t max_bytes) {
  std::string token(text.substr(0, max_bytes));
  for (char& c : token) {
    if (!IsAlphanumeric(c) && also.find(c) == std::string_view::npos) c = '_';
  }
  return token;
}

std::string AsciiUrl(std::string_view url) {
  std::string ascii;
  ascii.reserve(url.size());
  for (const char c : url) {
    if (IsVisibleAscii(c) && c != '<' && c != '>') {
      ascii += c;
    } else {
      ascii += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return ascii;
}

}  // namespace sojourn::smtp
