// A deliberately plain evaluator for tests: it walks the syntax tree and copies every value, so
// that it can be read and believed. Small numbers only; it knows the functions that oracle_test.cc
// uses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/expr/ast.h"

namespace sojourn::expr {

enum class DatumKind {
  kError,
  kNull,
  kBool,
  kInt,
  kDouble,
  kText,
  kTime,
  kSpan,
  kList,
  kMap,
  kMaybe
};

struct Datum {
  DatumKind kind = DatumKind::kError;
  int64_t number = 0;  // kBool, kInt; milliseconds of kTime, kSpan
  double real = 0;
  std::string text;
  std::vector<Datum> items;  // kMap: key, value, key, value; kMaybe: none or one
};

// Numbers by value, maps whatever the order of their entries.
bool Same(const Datum& a, const Datum& b);

// The value under a key of a map; null where there is none.
const Datum* FindEntry(const Datum& map, const Datum& key);

// a OPERATOR b.
Datum Operate(Operator op, const Datum& a, const Datum& b);

// container[key]; with `maybe`, or of a kMaybe, as a kMaybe.
Datum Under(const Datum& container, const Datum& key, bool maybe);

inline Datum MakeTruth(bool truth) { return {DatumKind::kBool, truth ? 1 : 0}; }
inline Datum MakeMaybe(std::vector<Datum> items) {
  return {DatumKind::kMaybe, 0, 0, "", std::move(items)};
}
inline bool IsNumber(const Datum& d) {
  return d.kind == DatumKind::kInt || d.kind == DatumKind::kDouble;
}
inline double Real(const Datum& d) {
  return d.kind == DatumKind::kInt ? static_cast<double>(d.number) : d.real;
}

using Bindings = std::vector<std::pair<std::string_view, Datum>>;

Datum WalkTree(const Node& node, const Bindings& bindings);

// As model::DebugString writes the value; "error" for every error.
std::string DatumText(const Datum& datum);

}  // namespace sojourn::expr
