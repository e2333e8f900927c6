// JSON text to values.
//
// A number without '.' and exponent is an int; one that no int64 can hold becomes a double. Maps
// come out in canonical form (Value::SortedMap): of equal keys the last counts. Refused, with a
// reason: malformed text, invalid UTF-8, lone surrogates, numbers beyond a double, NaN, nesting
// deeper than the caller allows, trailing bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/model/value.h"

namespace sojourn::model {

// Threads: one owner; keeps its buffers between calls, so hold one for many texts.
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  // `text` is one object or array, at most `max_nesting` deep, the outermost counted. The value
  // lives in `arena` alone. An error's message is one line without the text's content.
  Result<Value> Read(std::string_view text, int max_nesting, Arena* arena);

 private:
  class Walk;
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace sojourn::model
