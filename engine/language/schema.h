// The shape of every rules file, as one table: which keys a mapping may have and what stands under
// them. Loading, the errors about unknown and missing keys, and the JSON Schema are made from it.
//
// Threads: immutable, shared. A Shape describes one value; mappings name their fields, and where a
// mapping comes in several forms (steps, triggers) each form has one naming key of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/language/source.h"
#include "engine/language/yaml.h"

namespace sojourn::language {

enum class ShapeKind : uint8_t {
  kAnything,     // a value of any kind, null included
  kText,         // any scalar but null
  kKebabName,    // "win-back"
  kSnakeName,    // "first_name"
  kEventName,    // up to kMaxEventNameCharacters characters
  kExpression,   // a scalar whose text is the expression
  kConditions,   // an expression, or a list of them
  kDuration,     // "2 days"
  kTimeOfDay,    // "09:00", quoted
  kTimestamp,    // RFC 3339
  kTimeZone,     // IANA name
  kDayOffset,    // "-3 days"
  kScheduleDay,  // monday or 1..31
  kCivilDate,    // 12-24 or 2026-12-01
  kInteger,
  kPercent,  // 0 to 100, at most 2 decimals
  kBoolean,
  kChoice,
  kReentry,      // always, never, after DURATION
  kJourneyZone,  // company, person, IANA name
  kTypeName,     // of a catalogue: "string?"
  kUrl,          // of a webhook
  kMailbox,      // a mail address, also as Name <address>
  kObject,
  kList,
  kMap,        // keys of the marketer's own
  kScalarOr,   // a scalar of one shape, or something else of another
  kOneOrMany,  // a value, or a list of such
};

struct Shape;
using ShapeFunction = const Shape& (*)();  // a function, so that shapes can contain themselves

struct Field {
  std::string_view key;
  ShapeFunction shape = nullptr;
  bool required = false;
  std::string_view description;
};

// One form of a mapping: known by its naming key, which only this form has.
struct Form {
  Field naming;
  std::vector<Field> fields;  // beside the naming key
};

struct Shape {
  ShapeKind kind = ShapeKind::kText;
  std::string_view noun;  // what a message calls it: "step", "trigger"
  std::vector<std::string_view> choices;
  int64_t minimum = 0;
  int64_t maximum = 0;
  std::vector<Field> fields;       // of every form
  std::vector<Form> forms;         // exactly one of them; empty: no forms
  ShapeFunction item = nullptr;    // kList, kMap, kOneOrMany; kScalarOr: the other shape
  ShapeFunction scalar = nullptr;  // kScalarOr
  ShapeFunction key = nullptr;     // kMap
  bool may_be_empty = false;       // kList, kMap
};

// Checks `node` and all below it. Reports every mistake once, marks the nodes it concerns as
// broken, and returns whether there was none.
bool CheckShape(const Node& node, const Shape& shape, Reporter* reporter);

// The same for one scalar of a leaf shape; the message of what is wrong, "" where nothing is.
struct ScalarProblem {
  Code code = Code::kWrongKindOfValue;
  std::string message;
  std::string hint;
  // Bytes of the scalar's text: the word that is wrong. Empty: the whole value.
  uint32_t begin = 0;
  uint32_t end = 0;
};
std::string_view ShapeNoun(const Shape& shape);
bool CheckScalar(const Node& node, const Shape& shape, ScalarProblem* problem);

// ---- the table -------------------------------------------------------------------------------

const Shape& CompanyShape();
const Shape& CatalogShape();
const Shape& SegmentShape();
const Shape& CouponPoolShape();
const Shape& TemplateShape();  // front matter
const Shape& JourneyShape();
const Shape& StepShape();
const Shape& TriggerShape();

// The kinds of rules files by their first key.
struct FileKind {
  std::string_view first_key;
  ShapeFunction shape = nullptr;
};
const std::vector<FileKind>& FileKinds();

// Leaf shapes that several tables use.
const Shape& TextShape();
const Shape& KebabShape();
const Shape& SnakeShape();
const Shape& EventNameShape();
const Shape& ExpressionShape();
const Shape& ConditionsShape();
const Shape& DurationShape();
const Shape& TimeOfDayShape();
const Shape& TimestampShape();
const Shape& PercentShape();
const Shape& BooleanShape();
const Shape& QuietHoursShape();
const Shape& NamedExpressionsShape();

// The table as text, for tests.
std::string DumpSchema();

}  // namespace sojourn::language
