#include "engine/model/json_writer.h"

#include <charconv>
#include <cmath>

#include "engine/base/hash.h"

namespace sojourn::model {

void JsonWriter::Separate() {
  if (comma_) text_ += ',';
  comma_ = true;
}

void JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  comma_ = false;
}

void JsonWriter::Close(char bracket) {
  text_ += bracket;
  comma_ = true;
}

void JsonWriter::Key(std::string_view name) {
  Separate();
  Quoted(name);
  text_ += ':';
  comma_ = false;
}

void JsonWriter::Quoted(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  text_ += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (c == '\n') {
      text_ += "\\n";
    } else if (byte < 0x20) {
      text_ += "\\u00";
      text_ += kDigits[byte >> 4];
      text_ += kDigits[byte & 15];
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

// The shortest text that reads back as the same double, and never as an int.
void JsonWriter::Number(double number) {
  if (!std::isfinite(number)) {
    text_ += "null";
    return;
  }
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof(digits), number);
  const std::string_view text(digits, static_cast<size_t>(result.ptr - digits));
  text_ += text;
  if (text.find_first_of(".e") == std::string_view::npos) text_ += ".0";
}

void JsonWriter::Map(const Value& map) {
  BeginObject();
  for (uint32_t i = 0; i < map.size(); ++i) {
    const MapEntry& entry = map.entries()[i];
    Key(entry.key.kind() == ValueKind::kString ? std::string(entry.key.text())
                                               : DebugString(entry.key));
    Write(entry.value);
  }
  EndObject();
}

void JsonWriter::Write(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kMap:
      return Map(value);
    case ValueKind::kList:
    case ValueKind::kOptional:
      BeginArray();
      for (uint32_t i = 0; i < value.size(); ++i) Write(value.items()[i]);
      return EndArray();
    default:
      break;
  }
  Separate();
  switch (value.kind()) {
    case ValueKind::kBool:
      text_ += value.bool_value() ? "true" : "false";
      break;
    case ValueKind::kInt:
      text_ += std::to_string(value.int_value());
      break;
    case ValueKind::kUint:
      text_ += std::to_string(value.uint_value());
      break;
    case ValueKind::kDouble:
      Number(value.double_value());
      break;
    case ValueKind::kString:
    case ValueKind::kType:
      Quoted(value.text());
      break;
    case ValueKind::kBytes:
      Quoted(Hex(value.text()));
      break;
    case ValueKind::kTimestamp:
      Quoted(FormatRfc3339(value.precise()));
      break;
    case ValueKind::kDuration:
      Quoted(std::to_string(value.precise().seconds) + "s");
      break;
    default:
      text_ += "null";
  }
}

}  // namespace sojourn::model
