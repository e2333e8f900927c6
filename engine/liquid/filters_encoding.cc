// Filters between text and HTML, URLs and base64.
#include <array>

#include "engine/liquid/filters.h"
#include "engine/liquid/html.h"

namespace sojourn::liquid {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

std::string_view Input(const Call& call) { return call.work.TextOf(call.input); }

Datum Escape(const Call& call) { return call.work.Keep(EscapeHtml(Input(call)), Origin::kHtml); }

Datum EscapeOnce(const Call& call) {
  return call.work.Keep(EscapeHtmlOnce(Input(call)), Origin::kHtml);
}

Datum Raw(const Call& call) { return call.work.Keep(Input(call), Origin::kHtml); }

Datum NewlineToBr(const Call& call) {
  const bool escapes = call.work.options().auto_escape && call.input.origin == Origin::kData;
  const std::string text = escapes ? EscapeHtml(Input(call)) : std::string(Input(call));
  return call.work.Keep(ReplaceNewlines(text, "<br />\n"), Origin::kHtml);
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

Datum UrlEncode(const Call& call) {
  if (call.input.is_nil()) return {};
  std::string encoded;
  for (const char c : Input(call)) {
    if (IsUnreserved(c)) {
      encoded.push_back(c);
    } else if (c == ' ') {
      encoded.push_back('+');
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
  }
  return call.work.Keep(encoded, Origin::kData);
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

Datum UrlDecode(const Call& call) {
  if (call.input.is_nil()) return {};
  const std::string_view text = Input(call);
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
                         HexValue(text[i + 2]) >= 0;
    if (escaped) {
      decoded.push_back(static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return call.work.Keep(decoded, Origin::kData);
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

template <const std::string_view& Alphabet>
Datum Base64Encode(const Call& call) {
  std::string encoded;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : Input(call)) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffffff;
    for (count += 8; count >= 6; count -= 6) encoded.push_back(Alphabet[bits >> (count - 6) & 63]);
  }
  if (count > 0) encoded.push_back(Alphabet[bits << (6 - count) & 63]);
  while (encoded.size() % 4 != 0) encoded.push_back('=');
  return call.work.Keep(encoded, Origin::kData);
}

template <const std::string_view& Alphabet>
Datum Base64Decode(const Call& call) {
  std::string_view text = Input(call);
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
  std::string decoded;
  uint32_t bits = 0;
  int count = 0;
  bool valid = text.size() % 4 != 1;
  for (const char c : text) {
    const size_t digit = Alphabet.find(c);
    valid = valid && digit != std::string_view::npos;
    if (!valid) break;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded.push_back(static_cast<char>(bits >> count & 0xff));
  }
  if (!valid) call.work.Fail("this is no base64");
  return call.work.Keep(decoded, Origin::kData);
}

}  // namespace

const std::vector<Filter>& EncodingFilters() {
  static const auto* const kFilters = new std::vector<Filter>{
      {"escape", 0, 0, Escape},
      {"h", 0, 0, Escape},
      {"escape_once", 0, 0, EscapeOnce},
      {"raw", 0, 0, Raw},
      {"newline_to_br", 0, 0, NewlineToBr},
      {"url_encode", 0, 0, UrlEncode},
      {"url_decode", 0, 0, UrlDecode},
      {"base64_encode", 0, 0, Base64Encode<kBase64>},
      {"base64_decode", 0, 0, Base64Decode<kBase64>},
      {"base64_url_safe_encode", 0, 0, Base64Encode<kBase64Url>},
      {"base64_url_safe_decode", 0, 0, Base64Decode<kBase64Url>},
  };
  return *kFilters;
}

}  // namespace sojourn::liquid
