#include "engine/model/json_split.h"

namespace sojourn::model {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return position_ >= text_.size(); }
  size_t position() const { return position_; }
  bool Is(char c) const { return !at_end() && text_[position_] == c; }
  void Step() { ++position_; }

  void SkipBlanks() {
    while (!at_end() && IsBlank(text_[position_])) ++position_;
  }

  // From its opening quote to behind its closing one.
  void SkipString() {
    for (Step(); !at_end(); Step()) {
      if (Is('\\')) {
        Step();
      } else if (Is('"')) {
        return Step();
      }
    }
    position_ = text_.size();
  }

  // To the comma or the bracket that ends the value.
  void SkipValue() {
    size_t depth = 0;
    while (!at_end()) {
      const char c = text_[position_];
      if (c == '"') {
        SkipString();
        continue;
      }
      const bool closes = c == ']' || c == '}';
      if (depth == 0 && (closes || c == ',')) return;
      if (c == '[' || c == '{') ++depth;
      if (closes) --depth;
      Step();
    }
  }

  std::string_view Since(size_t begin) const { return text_.substr(begin, position_ - begin); }

 private:
  const std::string_view text_;
  size_t position_ = 0;
};

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// `scanner` stands at the array's '['.
JsonItems ReadItems(Scanner* scanner) {
  JsonItems read;
  read.found = true;
  read.begin = scanner->position();
  scanner->Step();
  scanner->SkipBlanks();
  const bool empty = scanner->Is(']') || scanner->at_end();
  while (!empty) {
    scanner->SkipBlanks();
    const size_t begin = scanner->position();
    scanner->SkipValue();
    read.items.push_back(Trimmed(scanner->Since(begin)));
    // '}' ends no item of an array; what follows it cannot be told apart.
    if (scanner->Is('}')) {
      while (!scanner->at_end()) scanner->Step();
      read.items.back() = Trimmed(scanner->Since(begin));
    }
    if (!scanner->Is(',')) break;
    scanner->Step();
  }
  if (scanner->Is(']')) scanner->Step();
  read.end = scanner->position();
  return read;
}

}  // namespace

JsonItems SplitArray(std::string_view text) {
  Scanner scanner(text);
  scanner.SkipBlanks();
  if (!scanner.Is('[')) return {};
  return ReadItems(&scanner);
}

JsonItems SplitMember(std::string_view text, std::string_view key) {
  Scanner scanner(text);
  scanner.SkipBlanks();
  if (!scanner.Is('{')) return {};
  do {
    scanner.Step();
    scanner.SkipBlanks();
    if (!scanner.Is('"')) return {};
    const size_t begin = scanner.position();
    scanner.SkipString();
    const std::string_view quoted = scanner.Since(begin);
    scanner.SkipBlanks();
    if (!scanner.Is(':')) return {};
    scanner.Step();
    scanner.SkipBlanks();
    const bool wanted = quoted.size() == key.size() + 2 && quoted.substr(1, key.size()) == key;
    if (wanted && scanner.Is('[')) return ReadItems(&scanner);
    scanner.SkipValue();
  } while (scanner.Is(','));
  return {};
}

std::string WithoutItems(std::string_view text, const JsonItems& items) {
  std::string rest(text.substr(0, items.begin));
  rest += "[]";
  rest += text.substr(items.end);
  return rest;
}

}  // namespace sojourn::model
