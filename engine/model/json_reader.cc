#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "engine/base/utf8.h"
#include "engine/model/json_reader.h"

namespace sojourn::model {
namespace {

namespace ondemand = simdjson::ondemand;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t SkipDigits(std::string_view text, size_t position) {
  while (position < text.size() && IsDigit(text[position])) ++position;
  return position;
}

// The grammar of RFC 8259; `*is_int` tells whether there is neither '.' nor exponent.
bool IsJsonNumber(std::string_view text, bool* is_int) {
  size_t position = text.starts_with('-') ? 1 : 0;
  const size_t integer = position;
  position = SkipDigits(text, position);
  if (position == integer || (text[integer] == '0' && position > integer + 1)) return false;
  *is_int = position == text.size();
  if (position < text.size() && text[position] == '.') {
    const size_t fraction = position + 1;
    position = SkipDigits(text, fraction);
    if (position == fraction) return false;
  }
  if (position < text.size() && (text[position] == 'e' || text[position] == 'E')) {
    ++position;
    if (position < text.size() && (text[position] == '+' || text[position] == '-')) ++position;
    const size_t exponent = position;
    position = SkipDigits(text, exponent);
    if (position == exponent) return false;
  }
  return position == text.size();
}

// False where the number is beyond a double.
bool ReadNumber(std::string_view text, bool is_int, Value* value) {
  const char* end = text.data() + text.size();
  if (is_int) {
    int64_t number = 0;
    if (std::from_chars(text.data(), end, number).ec == std::errc()) {
      *value = Value::Int(number);
      return true;
    }
  }
  double number = 0;
  if (std::from_chars(text.data(), end, number).ec != std::errc()) {
    number = std::strtod(std::string(text).c_str(), nullptr);  // tells too small from too large
  }
  *value = Value::Double(number);
  return std::isfinite(number);
}

}  // namespace

struct JsonReader::Buffers {
  ondemand::parser parser;
  std::vector<char> padded;     // the text with the padding that simdjson reads beyond it
  std::vector<MapEntry> stack;  // items and entries of the containers that are open
};

// One text's way to a value. Each method is false after it has set `error`.
class JsonReader::Walk {
 public:
  Walk(int max_nesting, Arena* arena, std::vector<MapEntry>* stack)
      : max_nesting_(max_nesting), arena_(arena), stack_(stack) {}

  // `container` is a document or a value.
  template <typename Container>
  bool ReadContainer(Container& container, ondemand::json_type type, int depth, Value* value) {
    if (depth > max_nesting_) return Fail(fmt::format("nested more than {} deep", max_nesting_));
    const size_t begin = stack_->size();
    const bool is_object = type == ondemand::json_type::object;
    if (!(is_object ? ReadObject(container, depth) : ReadArray(container, depth))) return false;
    const size_t count = stack_->size() - begin;
    const MapEntry* read = stack_->data() + begin;
    if (is_object) {
      MapEntry* entries = arena_->AllocateArray<MapEntry>(count);
      std::copy(read, read + count, entries);
      *value = Value::SortedMap(entries, static_cast<uint32_t>(count));
    } else {
      Value* items = arena_->AllocateArray<Value>(count);
      for (size_t i = 0; i < count; ++i) items[i] = read[i].value;
      *value = Value::List(items, static_cast<uint32_t>(count));
    }
    stack_->resize(begin);
    return true;
  }

  std::string error;

 private:
  bool Fail(std::string reason) {
    error = std::move(reason);
    return false;
  }
  bool Fail(simdjson::error_code code) {
    switch (code) {
      case simdjson::STRING_ERROR:
        return Fail("malformed JSON: a broken string");
      case simdjson::UTF8_ERROR:
        return Fail("invalid UTF-8");
      default:
        return Fail("malformed JSON");
    }
  }

  template <typename Container>
  bool ReadObject(Container& container, int depth) {
    ondemand::object object;
    if (const auto code = container.get_object().get(object)) return Fail(code);
    for (auto next : object) {
      ondemand::field field;
      if (const auto code = std::move(next).get(field)) return Fail(code);
      std::string_view key;
      if (const auto code = field.unescaped_key().get(key)) return Fail(code);
      MapEntry entry;
      if (!ReadText(key, &entry.key) || !ReadValue(field.value(), depth, &entry.value))
        return false;
      stack_->push_back(entry);
    }
    return true;
  }

  template <typename Container>
  bool ReadArray(Container& container, int depth) {
    ondemand::array array;
    if (const auto code = container.get_array().get(array)) return Fail(code);
    for (auto next : array) {
      ondemand::value item;
      if (const auto code = next.get(item)) return Fail(code);
      MapEntry entry;
      if (!ReadValue(item, depth, &entry.value)) return false;
      stack_->push_back(entry);
    }
    return true;
  }

  bool ReadValue(ondemand::value value, int depth, Value* out) {
    ondemand::json_type type;
    if (const auto code = value.type().get(type)) return Fail(code);
    switch (type) {
      case ondemand::json_type::object:
      case ondemand::json_type::array:
        return ReadContainer(value, type, depth + 1, out);
      case ondemand::json_type::string: {
        std::string_view text;
        if (const auto code = value.get_string().get(text)) return Fail(code);
        return ReadText(text, out);
      }
      case ondemand::json_type::number:
      case ondemand::json_type::boolean:
      case ondemand::json_type::null:
        return ReadWord(value.raw_json_token(), out);
    }
    return Fail("malformed JSON");
  }

  // Numbers and the three literals; the token may end with blanks.
  bool ReadWord(std::string_view token, Value* out) {
    token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
    bool is_int = false;
    if (token == "true" || token == "false") {
      *out = Value::Bool(token == "true");
    } else if (token == "null") {
      *out = Value::Null();
    } else if (!IsJsonNumber(token, &is_int)) {
      return Fail("malformed JSON");
    } else if (!ReadNumber(token, is_int, out)) {
      return Fail("a number is out of range");
    }
    return true;
  }

  bool ReadText(std::string_view text, Value* out) {
    if (!IsValidUtf8(text)) return Fail("a text has a lone surrogate");
    *out = Value::String(arena_->Copy(text));
    return true;
  }

  const int max_nesting_;
  Arena* const arena_;
  std::vector<MapEntry>* const stack_;
};

JsonReader::JsonReader() : buffers_(std::make_unique<Buffers>()) {}
JsonReader::~JsonReader() = default;

Result<Value> JsonReader::Read(std::string_view text, int max_nesting, Arena* arena) {
  Buffers& buffers = *buffers_;
  buffers.stack.clear();
  if (buffers.padded.size() < text.size() + simdjson::SIMDJSON_PADDING) {
    buffers.padded.resize(text.size() + simdjson::SIMDJSON_PADDING);
  }
  if (!text.empty()) std::memcpy(buffers.padded.data(), text.data(), text.size());
  std::memset(buffers.padded.data() + text.size(), 0, simdjson::SIMDJSON_PADDING);

  ondemand::document document;
  const auto code =
      buffers.parser.iterate(buffers.padded.data(), text.size(), buffers.padded.size())
          .get(document);
  if (code == simdjson::UTF8_ERROR) return InvalidArgument("invalid UTF-8");
  if (code != simdjson::SUCCESS) return InvalidArgument("malformed JSON");
  ondemand::json_type type;
  if (document.type().get(type) != simdjson::SUCCESS) return InvalidArgument("malformed JSON");
  if (type != ondemand::json_type::object && type != ondemand::json_type::array) {
    return InvalidArgument("neither a JSON object nor an array");
  }
  Value value;
  Walk walk(max_nesting, arena, &buffers.stack);
  if (!walk.ReadContainer(document, type, 1, &value)) return InvalidArgument(walk.error);
  const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  if (!at_end) return InvalidArgument("malformed JSON: more than one value");
  return value;
}

}  // namespace sojourn::model
