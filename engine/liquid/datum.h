// What a Liquid expression evaluates to, and Liquid's own rules of text, truth and equality.
//
// Pure functions. A Datum is a view like the model::Value in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/model/value.h"

namespace sojourn::liquid {

// Where a text is from; decides whether auto-escape touches it.
enum class Origin : uint8_t {
  kData,     // escaped
  kLiteral,  // the template author's own
  kHtml,     // escaped already, or declared to be HTML
};

// `forloop` and `tablerowloop`.
struct Loop {
  std::string_view name;
  int64_t length = 0;
  int64_t index = 0;        // from 0
  int64_t columns = 0;      // 0: no table
  bool is_partial = false;  // of `render ... for`; no loop in the partial has it as parent
  const Loop* parent = nullptr;
};

enum class DatumKind : uint8_t { kValue, kRange, kEmpty, kBlank, kLoop };

struct Datum {
  DatumKind kind = DatumKind::kValue;
  Origin origin = Origin::kData;
  model::Value value;  // kValue
  int64_t first = 0;   // kRange, both ends included
  int64_t last = -1;
  const Loop* loop = nullptr;  // kLoop

  Datum() = default;
  Datum(model::Value v, Origin o = Origin::kData) : origin(o), value(v) {}  // NOLINT: implicit
  static Datum Range(int64_t first, int64_t last);
  static Datum Special(DatumKind kind);
  static Datum OfLoop(const Loop* loop);

  bool is(model::ValueKind wanted) const {
    return kind == DatumKind::kValue && value.kind() == wanted;
  }
  bool is_nil() const { return is(model::ValueKind::kNull); }
  bool is_string() const { return is(model::ValueKind::kString); }
  bool is_list() const { return is(model::ValueKind::kList); }
  bool is_map() const { return is(model::ValueKind::kMap); }
  bool is_number() const { return kind == DatumKind::kValue && value.is_number(); }
};

// The kinds that Liquid does not know turned into those it does: bytes become text, an unsigned
// number an int or a double, an error or a type null.
model::Value Normal(const model::Value& value);

// All but nil and false.
bool IsTruthy(const Datum& datum);

// As {{ }} prints it: nil as nothing, a list's items without anything between them, a map as Ruby
// writes it, times as RFC 3339.
void AppendText(const model::Value& value, std::string* out);
void AppendText(const Datum& datum, std::string* out);
// Shortest text that reads back as the same number; always with '.' or an exponent: "5.0".
std::string DoubleText(double number);

// An int or a double; what is no number counts as 0, a text by the number it begins with.
model::Value ToNumber(const Datum& datum);
// A whole number or a text of one; nullopt for everything else.
std::optional<int64_t> ToInteger(const Datum& datum);

// What == says: numbers by value, `empty` and `blank` by what they mean.
bool AreEqual(const Datum& a, const Datum& b);
// -1, 0, 1; nullopt where the two have no order.
std::optional<int> Compare(const model::Value& a, const model::Value& b);
// What `contains` says.
bool Contains(const Datum& container, const Datum& item);

// Items of a range; 0 for an empty one.
int64_t RangeSize(const Datum& range);

// Bytes that reading all of a value touches, at least 1; what work is charged by.
size_t WeightOf(const model::Value& value);

}  // namespace sojourn::liquid
