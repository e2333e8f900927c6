// What parsing makes of a text. Internal to this folder; users hold a Template and nothing else.
//
// All string_views point into Template::text, which stays where it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/liquid/datum.h"
#include "engine/liquid/lex.h"
#include "engine/liquid/liquid.h"

namespace sojourn::liquid {

struct Filter;  // filters.h
struct Expression;
using ExpressionPointer = std::unique_ptr<Expression>;

// `.name` or `[index]`.
struct Segment {
  std::string_view name;
  ExpressionPointer index;  // null: by name
};

enum class ExpressionKind : uint8_t { kLiteral, kPath, kRange };

struct Expression {
  ExpressionKind kind = ExpressionKind::kLiteral;
  Span span;
  Datum literal;
  std::vector<Segment> path;  // kPath: the root first
  ExpressionPointer first;    // kRange
  ExpressionPointer last;
};

using NamedExpressions = std::vector<std::pair<std::string_view, Expression>>;

struct FilterCall {
  const Filter* filter = nullptr;
  Span span;  // of its name
  std::vector<Expression> arguments;
  NamedExpressions named;
};

struct Filtered {
  Expression value;
  std::vector<FilterCall> filters;
};

enum class Operator : uint8_t {
  kNone,  // the left side alone
  kEqual,
  kUnequal,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kContains,
};

struct Comparison {
  Expression left;
  Operator op = Operator::kNone;
  Expression right;
  bool and_next = false;  // how it is joined to the one behind it; `or` otherwise
};

// Right-associative, as in Ruby: `a and b or c` is `a and (b or c)`.
using Condition = std::vector<Comparison>;

struct Node;

struct Block {
  std::vector<Node> nodes;
  bool is_blank = true;  // nothing in it can print more than whitespace
};

struct TextNode {
  std::string_view text;
};
struct OutputNode {
  Filtered value;
};
struct IfNode {
  struct Branch {
    Condition condition;  // empty: else
    Block body;
  };
  std::vector<Branch> branches;
  bool is_unless = false;  // negates the first condition
};
struct CaseNode {
  struct When {
    std::vector<Expression> values;
    bool is_else = false;
    Block body;
  };
  Expression subject;
  std::vector<When> whens;
};
struct ForNode {  // for and tablerow
  std::string_view variable;
  Expression items;
  std::string name;  // "variable-items", which `offset: continue` goes by
  bool is_table = false;
  bool reversed = false;
  bool goes_on = false;  // offset: continue
  ExpressionPointer limit;
  ExpressionPointer offset;
  ExpressionPointer columns;
  Block body;
  Block otherwise;
};
struct AssignNode {
  std::string_view name;
  Filtered value;
};
struct CaptureNode {
  std::string_view name;
  Block body;
};
struct CounterNode {
  std::string_view name;
  int step = 1;
};
struct CycleNode {
  std::optional<Expression> name;
  std::string_view key;  // of one without a name: its markup
  std::vector<Expression> items;
};
struct IfChangedNode {
  Block body;
};
struct PartialNode {  // include and render
  std::shared_ptr<const Template> partial;
  bool is_isolated = false;   // render
  bool is_for_each = false;   // for
  std::string_view variable;  // what `with` and `for` bind
  ExpressionPointer bound;    // null: nothing
  NamedExpressions arguments;
};
struct InterruptNode {
  bool is_break = false;
};

struct Node {
  Span span;
  std::variant<TextNode, OutputNode, IfNode, CaseNode, ForNode, AssignNode, CaptureNode,
               CounterNode, CycleNode, IfChangedNode, PartialNode, InterruptNode>
      content;
};

class Template {
 public:
  std::string text;
  std::string name;  // of a partial
  int first_line = 1;
  Block body;
  size_t placed_partials = 0;  // counting those in partials each time they are placed
  int depth = 0;               // how deep its tags are nested, those of partials included
};

}  // namespace sojourn::liquid
