// Where the items of an array stand in a JSON text that may be broken in places, so that an item
// that cannot be read costs none of the others.
//
// Only strings and brackets are looked at; whether an item is JSON is for JsonReader to say. Where
// a string or a bracket stays open, everything from there on is the last item. Threads: any. The
// items point into the text. One pass, no recursion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sojourn::model {

struct JsonItems {
  bool found = false;                   // there is such an array
  std::vector<std::string_view> items;  // without blanks around them
  size_t begin = 0;                     // where the array's '[' stands ...
  size_t end = 0;                       // ... and behind its ']', or the text's end
};

// Of the array that is the text's outermost value.
JsonItems SplitArray(std::string_view text);

// Of the array under `key` in the text's outermost object, the first of that name, written without
// escapes.
JsonItems SplitMember(std::string_view text, std::string_view key);

// `text` with "[]" in the place of that array: what stands around the items.
std::string WithoutItems(std::string_view text, const JsonItems& items);

}  // namespace sojourn::model
