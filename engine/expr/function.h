// The table of functions: signatures and what they do. New functions are new rows.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/expr/expr.h"
#include "engine/model/value.h"

namespace sojourn::expr {

// `arguments` have the kinds that the signature names and are no errors; a method's receiver comes
// first. The result may point into the arguments' memory or the arena.
using Native = model::Value (*)(const model::Value* arguments, Arena* arena);

struct Function {
  std::string_view name;       // "size", "math.abs"
  bool method = false;         // called receiver.name(...)
  std::string_view signature;  // a letter per argument, then '>' and the result's letter; see below
  Native native = nullptr;     // null: an instruction of its own, see emit.cc
};
// Letters: b bool, i int, u uint, d double, s string, y bytes, t timestamp, p duration, l list,
// m map, T type, o optional, n null, * anything.

// Rows of one name stand together.
const std::vector<Function>& Functions();

// Rows [first, first + count) that carry this name, call form and number of arguments.
struct Overloads {
  uint32_t first = 0;
  uint32_t count = 0;
};
Overloads FindOverloads(std::string_view name, bool method, size_t arguments);

// Whether any row carries the name in that form.
bool HasFunction(std::string_view name, bool method);
std::vector<std::string> FunctionNames();

// Whether values of static type `type` can be what `letter` asks for.
bool MayMatch(char letter, TypeKind type);
bool Matches(char letter, model::ValueKind kind);
TypeKind TypeOfLetter(char letter);

// The rows by subject, each in its own file.
std::vector<Function> ConversionFunctions();
std::vector<Function> TextFunctions();
std::vector<Function> StringsFunctions();
std::vector<Function> FormatFunctions();
std::vector<Function> EncodersFunctions();
std::vector<Function> OptionalFunctions();
std::vector<Function> TimeFunctions();
std::vector<Function> MathFunctions();

}  // namespace sojourn::expr
