#include "connectors/http/hidden_key.h"

#include <algorithm>
#include <string_view>
#include <utility>

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
  std::string hidden;
  size_t copied = 0;  // what stands before it is in `hidden`, or is a key
  for (size_t at = json->find(kName); at != std::string::npos; at = json->find(kName, at)) {
    at += kName.size();
    size_t value = json->find_first_not_of(kBlanks, at);
    if (value == std::string::npos || (*json)[value] != ':') continue;
    value = json->find_first_not_of(kBlanks, value + 1);
    if (value == std::string::npos || (*json)[value] != '"') continue;
    hidden.append(*json, copied, value + 1 - copied);
    copied = EndOfText(*json, value + 1);
    at = copied;
  }
  if (copied == 0) return;
  hidden.append(*json, copied);
  *json = std::move(hidden);
}

}  // namespace sojourn::http
