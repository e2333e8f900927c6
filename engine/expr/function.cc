#include "engine/expr/function.h"

#include <algorithm>

namespace sojourn::expr {
namespace {

using model::ValueKind;

std::vector<Function> AllFunctions() {
  std::vector<Function> all;
  for (auto* make : {ConversionFunctions, TextFunctions, TimeFunctions, MathFunctions,
                     StringsFunctions, FormatFunctions, EncodersFunctions, OptionalFunctions}) {
    const std::vector<Function> rows = make();
    all.insert(all.end(), rows.begin(), rows.end());
  }
  std::stable_sort(all.begin(), all.end(), [](const Function& a, const Function& b) {
    if (a.name != b.name) return a.name < b.name;
    if (a.method != b.method) return b.method;
    return a.signature.size() < b.signature.size();
  });
  return all;
}

size_t ArgumentCount(const Function& function) { return function.signature.find('>'); }

}  // namespace

const std::vector<Function>& Functions() {
  static const std::vector<Function> functions = AllFunctions();
  return functions;
}

Overloads FindOverloads(std::string_view name, bool method, size_t arguments) {
  const std::vector<Function>& all = Functions();
  Overloads found;
  for (uint32_t i = 0; i < all.size(); ++i) {
    const bool matches =
        all[i].name == name && all[i].method == method && ArgumentCount(all[i]) == arguments;
    if (!matches) continue;
    if (found.count == 0) found.first = i;
    ++found.count;
  }
  return found;
}

bool HasFunction(std::string_view name, bool method) {
  const std::vector<Function>& all = Functions();
  return std::any_of(all.begin(), all.end(), [&](const Function& function) {
    return function.name == name && function.method == method;
  });
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names;
  for (const Function& function : Functions()) names.emplace_back(function.name);
  return names;
}

TypeKind TypeOfLetter(char letter) {
  switch (letter) {
    case 'b':
      return TypeKind::kBool;
    case 'i':
      return TypeKind::kInt;
    case 'u':
      return TypeKind::kUint;
    case 'd':
      return TypeKind::kDouble;
    case 's':
      return TypeKind::kString;
    case 'y':
      return TypeKind::kBytes;
    case 't':
      return TypeKind::kTimestamp;
    case 'p':
      return TypeKind::kDuration;
    case 'l':
      return TypeKind::kList;
    case 'm':
      return TypeKind::kMap;
    case 'T':
      return TypeKind::kType;
    case 'o':
      return TypeKind::kOptional;
    case 'n':
      return TypeKind::kNull;
    default:
      return TypeKind::kDynamic;
  }
}

bool MayMatch(char letter, TypeKind type) {
  if (letter == '*' || type == TypeKind::kDynamic) return true;
  if (type == TypeKind::kDate) type = TypeKind::kTimestamp;
  return TypeOfLetter(letter) == type;
}

bool Matches(char letter, ValueKind kind) {
  switch (letter) {
    case '*':
      return true;
    case 'b':
      return kind == ValueKind::kBool;
    case 'i':
      return kind == ValueKind::kInt;
    case 'u':
      return kind == ValueKind::kUint;
    case 'd':
      return kind == ValueKind::kDouble;
    case 's':
      return kind == ValueKind::kString;
    case 'y':
      return kind == ValueKind::kBytes;
    case 't':
      return kind == ValueKind::kTimestamp;
    case 'p':
      return kind == ValueKind::kDuration;
    case 'l':
      return kind == ValueKind::kList;
    case 'm':
      return kind == ValueKind::kMap;
    case 'T':
      return kind == ValueKind::kType;
    case 'o':
      return kind == ValueKind::kOptional;
    default:
      return kind == ValueKind::kNull;
  }
}

}  // namespace sojourn::expr
