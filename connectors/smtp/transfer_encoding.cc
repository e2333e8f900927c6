#include "connectors/smtp/transfer_encoding.h"

#include <algorithm>
#include <cstdint>

#include <openssl/evp.h>

namespace sojourn::smtp {
namespace {

constexpr size_t kMaxLineBytes = 76;
constexpr char kHexDigits[] = "0123456789ABCDEF";

bool IsPlain(char c) { return (c > 0x20 && c < 0x7f && c != '=') || c == ' ' || c == '\t'; }

size_t QuotedPrintableLength(std::string_view text) {
  size_t length = 0;
  for (const char c : text) length += IsPlain(c) ? 1 : c == '\n' ? 2 : 3;
  return length + length / kMaxLineBytes * 3;
}

// One line of the text, as one or more lines of the mail.
void AppendQuotedPrintable(std::string_view line, std::string* lines) {
  size_t column = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool last = i + 1 == line.size();
    const bool plain = IsPlain(c) && !(last && (c == ' ' || c == '\t'));
    const size_t width = plain ? 1 : 3;
    // The last place of a line is kept for the "=" that continues it.
    if (column + width > (last ? kMaxLineBytes : kMaxLineBytes - 1)) {
      *lines += "=\r\n";
      column = 0;
    }
    if (plain) {
      *lines += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      *lines += '=';
      *lines += kHexDigits[byte >> 4];
      *lines += kHexDigits[byte & 15];
    }
    column += width;
  }
  *lines += "\r\n";
}

// Calls `use` with every line of `text`; a text that ends in LF has no empty line behind it.
template <typename Use>
void ForEachLine(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string Base64Lines(std::string_view text) {
  std::string canonical;
  ForEachLine(text, [&](std::string_view line) {
    canonical += line;
    canonical += "\r\n";
  });
  const std::string encoded = Base64(canonical);
  std::string lines;
  lines.reserve(encoded.size() + encoded.size() / kMaxLineBytes * 2 + 2);
  for (size_t begin = 0; begin < encoded.size(); begin += kMaxLineBytes) {
    lines.append(encoded, begin, kMaxLineBytes);
    lines += "\r\n";
  }
  return lines;
}

}  // namespace

std::string Base64(std::string_view bytes) {
  std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL appends a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(encoded.data()),
                                     reinterpret_cast<const uint8_t*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  encoded.resize(static_cast<size_t>(length));
  return encoded;
}

EncodedBody EncodeBody(std::string_view text) {
  const size_t base64_length = text.size() / 3 * 4 + text.size() / 57 * 2;
  if (QuotedPrintableLength(text) > std::max<size_t>(base64_length, kMaxLineBytes)) {
    return {"base64", Base64Lines(text)};
  }
  std::string lines;
  lines.reserve(text.size() + text.size() / 8);
  ForEachLine(text, [&](std::string_view line) { AppendQuotedPrintable(line, &lines); });
  return {"quoted-printable", std::move(lines)};
}

}  // namespace sojourn::smtp
