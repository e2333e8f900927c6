#include "engine/language/schema_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/suggest.h"
#include "engine/language/values.h"

namespace sojourn::language {

std::string Found(const Node& node) {
  if (node.is_mapping()) return "this is a mapping";
  if (node.is_sequence()) return "this is a list";
  const ScalarType type = TypeOfScalar(node);
  if (type == ScalarType::kInt || type == ScalarType::kDouble) {
    return fmt::format("{} is a number", node.text);
  }
  return fmt::format("{} is text", QuotedText(node.text));
}

std::string FirstWord(const std::string& text) { return text.substr(0, text.find(' ')); }

std::string Meant(const std::string& key, const std::vector<std::string>& absent) {
  const bool first = std::find(absent.begin(), absent.end(), FirstWord(key)) != absent.end();
  return first ? FirstWord(key) : NearestName(key, absent);
}

}  // namespace sojourn::language
