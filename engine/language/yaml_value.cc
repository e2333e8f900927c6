#include "engine/language/yaml_value.h"

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

namespace sojourn::language {
namespace {

using model::MapEntry;
using model::Value;

// Decimal, 0x and 0o as in the core schema; nullopt where it does not fit.
std::optional<int64_t> ParseInt(const std::string& text) {
  const bool octal = text.size() > 2 && text[0] == '0' && text[1] == 'o';
  const bool hexadecimal = text.size() > 2 && text[0] == '0' && text[1] == 'x';
  const char* digits = text.c_str() + (octal || hexadecimal ? 2 : 0);
  errno = 0;
  char* end = nullptr;
  const int64_t number = std::strtoll(digits, &end, octal ? 8 : hexadecimal ? 16 : 10);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return number;
}

Value ScalarValue(const Node& node, Arena* arena) {
  switch (TypeOfScalar(node)) {
    case ScalarType::kNull:
      return Value::Null();
    case ScalarType::kBool:
      return Value::Bool(node.text[0] == 't' || node.text[0] == 'T');
    case ScalarType::kInt:
      if (const auto number = ParseInt(node.text)) return Value::Int(*number);
      break;
    case ScalarType::kDouble:
      return Value::Double(std::strtod(node.text.c_str(), nullptr));
    case ScalarType::kText:
      break;
  }
  return Value::String(arena->Copy(node.text));
}

}  // namespace

Value ValueOf(const Node& node, Arena* arena) {
  if (node.is_scalar()) return ScalarValue(node, arena);
  if (node.is_sequence()) {
    auto* items = arena->AllocateArray<Value>(node.items.size());
    for (size_t i = 0; i < node.items.size(); ++i) items[i] = ValueOf(*node.items[i], arena);
    return Value::List(items, static_cast<uint32_t>(node.items.size()));
  }
  auto* entries = arena->AllocateArray<MapEntry>(node.entries.size());
  for (size_t i = 0; i < node.entries.size(); ++i) {
    entries[i] = {Value::String(arena->Copy(node.entries[i].key->text)),
                  ValueOf(*node.entries[i].value, arena)};
  }
  return Value::Map(entries, static_cast<uint32_t>(node.entries.size()));
}

}  // namespace sojourn::language
