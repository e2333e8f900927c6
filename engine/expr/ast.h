// The syntax tree, as the parser builds it and the checker completes it.
//
// Ownership: an Ast owns its nodes and the texts of its literals; names point into the source text,
// which must outlive the Ast. Height is at most kMaxExpressionNesting, so that recursion is safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/expr/expr.h"
#include "engine/expr/issue.h"
#include "engine/model/value.h"

namespace re2 {
class RE2;
}

namespace sojourn::expr {

enum class NodeKind : uint8_t {
  kLiteral,      // value
  kName,         // name
  kSelect,       // children[0].name
  kHas,          // has(children[0].name)
  kIndex,        // children[0][children[1]]
  kMaybe,        // children[0], a kSelect or kIndex, written .? or [?: an optional value
  kCall,         // name(children...); with method: children[0].name(children[1]...)
  kList,         // [children...]
  kMap,          // {children[0]: children[1], ...}
  kConditional,  // children[0] ? children[1] : children[2]
  kAnd,          // children[0] && children[1] && ...
  kOr,
  kNot,
  kNegate,
  kBinary,  // children[0] OPERATOR children[1]
  kLoop,    // macro over children[0]; then condition and/or transform
};

enum class Operator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
};
std::string_view OperatorText(Operator op);
inline bool IsOrdering(Operator op) {
  return op >= Operator::kLess && op <= Operator::kGreaterEqual;
}
inline bool IsComparison(Operator op) {
  return op >= Operator::kEqual && op <= Operator::kGreaterEqual;
}

enum class Macro : uint8_t {
  kAll,            // children: range, condition
  kExists,         // range, condition
  kExistsOne,      // range, condition
  kFilter,         // range, condition
  kMap,            // range, transform, or range, condition, transform
  kTransformList,  // like kMap over two variables
  kTransformMap,   // likewise; the keys stay
  kOptMap,         // optional, transform
  kOptFlatMap,     // optional, transform to an optional
  kBind,           // value, body: cel.bind(name, value, body)
};
std::string_view MacroName(Macro macro);

// What a name, a selection or a call turned out to read; set by the checker.
enum class Access : uint8_t {
  kNone,  // an ordinary operation on its children
  kVariable,
  kLoopVariable,
  kTypeName,  // int, string, ... as values
  kEventMap,
  kEventProperty,
  kEventName,     // the built-in, or a property of that name
  kEventTime,     // likewise
  kEventSegment,  // likewise
  kPersonMap,
  kTrait,
  kPersonId,
  kFirstSeenAt,
  kLastSeenAt,
  kConsentMap,
  kConsent,
  kSuppressed,
  kNow,
  kAbTestMap,
  kAbTest,
  kCouponMap,
  kCouponCode,
  kCouponExpiresAt,
  kCompanyMap,
  kCompanyField,
  kCounter,
  kInSegment,
  kLocalField,
  kFunction,
};

// The side of a comparison that moves with `now`.
enum class NowSide : uint8_t { kNeither, kLeft, kRight };

struct Node {
  NodeKind kind = NodeKind::kLiteral;
  Operator op = Operator::kAdd;
  Macro macro = Macro::kAll;
  bool method = false;
  bool optional_item = false;  // of a list, or the value of a map's entry: left out where none
  Span span;
  std::string_view name;  // kName, kSelect, kHas, kCall; kLoop: the variable
  Span name_span;
  std::string_view second_name;  // kLoop over two variables
  model::Value value;
  std::vector<Node*> children;
  int height = 1;

  // Completed by the checker.
  Type type;
  Access access = Access::kNone;
  NowSide now_side = NowSide::kNeither;
  bool of_trigger = false;                      // kEvent...: of `trigger` instead of `event`
  TypeKind property_type = TypeKind::kDynamic;  // kEventProperty, kTrait: as the catalogue says
  model::Value types_by_event;  // kEventProperty: map of names to TypeKinds, where events disagree
  bool property_first = false;  // kEventName, ...: a property of that name wins
  std::string_view key;  // the property, trait, topic, test, segment, function or loop variable
  uint32_t index = 0;    // kCounter: into Analysis::counters; kLocalField: LocalField
  std::shared_ptr<const re2::RE2> pattern;  // kCall of matches() with a constant pattern
};

struct Ast {
  std::string text;  // of which all names are views
  Arena arena;
  std::deque<Node> nodes;
  Node* root = nullptr;  // null: it did not parse
};

// Canonical text: one spelling for equal trees, readable as an expression.
std::string CanonicalText(const Node& node);

// The tree in prefix form: (>= (select value event) 20.0).
std::string DumpTree(const Node& node);

}  // namespace sojourn::expr
