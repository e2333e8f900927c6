#include "connectors/http/hidden_key.h"

#include <algorithm>
#include <string_view>

namespace sojourn::http {
namespace {

constexpr std::string_view kName = "\"writeKey\"";
constexpr std::string_view kBlanks = " \t\r\n";

// Where the text that begins at `begin`, behind its quote, ends.
size_t EndOfText(std::string_view json, size_t begin) {
  size_t at = begin;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return std::min(at, json.size());
}

}  // namespace

void HideWriteKeys(std::string* json) {
  for (size_t at = json->find(kName); at != std::string::npos; at = json->find(kName, at)) {
    at += kName.size();
    size_t value = json->find_first_not_of(kBlanks, at);
    if (value == std::string::npos || (*json)[value] != ':') continue;
    value = json->find_first_not_of(kBlanks, value + 1);
    if (value == std::string::npos || (*json)[value] != '"') continue;
    json->erase(value + 1, EndOfText(*json, value + 1) - value - 1);
    at = value + 1;
  }
}

}  // namespace sojourn::http
