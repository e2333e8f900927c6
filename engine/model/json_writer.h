// Writes JSON text, small and without a tree in between.
//
// The caller opens and closes objects and arrays in order; commas are the writer's business. Times
// are written as RFC 3339 text, durations as "3600s", bytes as hexadecimal text; what JSON cannot
// say (not a number, infinity, errors) becomes null. Threads: one owner.
#pragma once

#include <string>
#include <string_view>

#include "engine/model/value.h"

namespace sojourn::model {

class JsonWriter {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  // Names the member whose value is written next.
  void Key(std::string_view name);
  void Write(const Value& value);
  void Write(std::string_view text) { Write(Value::String(text)); }
  void Write(Timestamp time) { Write(Value::Time(time)); }
  // `json` is one value, already JSON.
  void WriteJson(std::string_view json) {
    Separate();
    text_ += json;
  }
  void Member(std::string_view name, const Value& value) {
    Key(name);
    Write(value);
  }

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  void Separate();
  void Open(char bracket);
  void Close(char bracket);
  void Quoted(std::string_view text);
  void Number(double number);
  void Map(const Value& map);

  std::string text_;
  bool comma_ = false;  // the next value or key needs one before it
};

}  // namespace sojourn::model
