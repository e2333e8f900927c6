// CEL's extension for encodings: base64.
#include <array>
#include <string>

#include "engine/base/limits.h"
#include "engine/expr/function.h"
#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using model::Value;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Value Encode(const Value* a, Arena* arena) {
  const std::string_view bytes = a[0].text();
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0);
    }
    for (size_t i = 0; i < 4; ++i) {
      out += i <= group.size() ? kAlphabet[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  if (out.size() > kMaxExpressionTextBytes) return TextTooLong();
  return Value::String(arena->Copy(out));
}

// With or without the padding of its end.
Value Decode(const Value* a, Arena* arena) {
  std::string_view text = a[0].text();
  const int padding = text.size() % 4 == 0 ? 2 : 0;
  for (int i = 0; i < padding && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return Value::Error("the text is no base64");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  if (text.size() % 4 == 1) return Value::Error("the text is no base64");
  return Value::Bytes(arena->Copy(out));
}

}  // namespace

std::vector<Function> EncodersFunctions() {
  return {
      {"base64.encode", false, "y>s", Encode},
      {"base64.decode", false, "s>y", Decode},
  };
}

}  // namespace sojourn::expr
