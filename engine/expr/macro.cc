#include "engine/expr/macro.h"

#include <array>

#include <fmt/format.h>

namespace sojourn::expr {
namespace {

// How many variables and expressions a macro takes behind its range.
struct Shape {
  Macro macro;
  size_t least_variables;
  size_t most_variables;
  size_t most_bodies;
};

constexpr std::array<Shape, 9> kShapes = {{{Macro::kAll, 1, 2, 1},
                                           {Macro::kExists, 1, 2, 1},
                                           {Macro::kExistsOne, 1, 2, 1},
                                           {Macro::kFilter, 1, 1, 1},
                                           {Macro::kMap, 1, 1, 2},
                                           {Macro::kTransformList, 2, 2, 2},
                                           {Macro::kTransformMap, 2, 2, 2},
                                           {Macro::kOptMap, 1, 1, 1},
                                           {Macro::kOptFlatMap, 1, 1, 1}}};

std::string Example(const Shape& shape, std::string_view name) {
  if (shape.macro == Macro::kOptMap || shape.macro == Macro::kOptFlatMap) {
    return fmt::format("for example event.?coupon.{}(coupon, {})", name,
                       shape.macro == Macro::kOptMap ? "coupon.upperAscii()" : "coupon.?code");
  }
  return shape.least_variables == 2
             ? fmt::format("for example event.items.{}(index, item, item.price)", name)
             : fmt::format("for example event.items.{}(item, item.price > 10.0)", name);
}

}  // namespace

std::optional<Macro> FindMacro(std::string_view method) {
  for (const Shape& shape : kShapes) {
    if (method == MacroName(shape.macro)) return shape.macro;
  }
  return method == "existsOne" ? std::optional(Macro::kExistsOne) : std::nullopt;
}

bool ShapeLoop(Macro macro, std::string_view name, Span name_span, uint32_t end,
               const std::vector<Node*>& children, LoopParts* parts, IssueList* issues) {
  const Shape& shape = kShapes[static_cast<size_t>(macro)];
  const size_t given = children.size() - 1;
  const size_t least = shape.least_variables + 1;
  const size_t most = shape.most_variables + shape.most_bodies;
  if (given < least || given > most) {
    const std::string_view variables = shape.least_variables == 2 ? "two variables" : "a variable";
    issues->Error(code::kSyntax, {name_span.begin, end},
                  fmt::format("{}() needs {} and an expression", name, variables),
                  Example(shape, name));
    return false;
  }
  const size_t variables =
      shape.most_bodies == 2 ? shape.least_variables : given - shape.most_bodies;
  for (size_t i = 1; i <= variables; ++i) {
    if (children[i]->kind == NodeKind::kName) continue;
    issues->Error(code::kSyntax, children[i]->span,
                  fmt::format("{}() needs a plain name here", name));
    return false;
  }
  parts->first = children[1]->name;
  if (variables == 2) parts->second = children[2]->name;
  if (parts->first == parts->second) {
    issues->Error(code::kSyntax, children[2]->span, "the two variables need different names");
    return false;
  }
  parts->children = children;
  const auto first = parts->children.begin() + 1;
  parts->children.erase(first, first + static_cast<ptrdiff_t>(variables));
  return true;
}

bool IsBind(const Node* receiver, std::string_view method) {
  return method == "bind" && receiver != nullptr && receiver->kind == NodeKind::kName &&
         receiver->name == "cel";
}

bool ShapeBind(Span call, const std::vector<Node*>& children, LoopParts* parts, IssueList* issues) {
  if (children.size() != 4 || children[1]->kind != NodeKind::kName) {
    issues->Error(code::kSyntax, call, "cel.bind() needs a plain name, its value and an expression",
                  "for example cel.bind(total, event.total, total > 5.0 && total < 9.0)");
    return false;
  }
  parts->first = children[1]->name;
  parts->children = {children[2], children[3]};
  return true;
}

}  // namespace sojourn::expr
