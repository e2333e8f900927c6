#include "engine/liquid/reads.h"

#include <set>
#include <utility>

#include "engine/liquid/ast.h"

namespace sojourn::liquid {
namespace {

using Names = std::set<std::string_view>;

class Reader {
 public:
  std::vector<Read> Run(const Template& parsed) {
    Names locals;
    locals_ = &locals;
    OfBlock(parsed.body);
    return std::move(reads_);
  }

 private:
  void OfBlock(const Block& block) {
    for (const Node& node : block.nodes) {
      const Span outer = node_;
      if (partial_.empty()) node_ = node.span;
      std::visit([this](const auto& content) { Of(content); }, node.content);
      node_ = outer;
    }
  }

  void Of(const TextNode&) {}
  void Of(const InterruptNode&) {}
  void Of(const OutputNode& node) { OfFiltered(node.value); }
  void Of(const IfChangedNode& node) { OfBlock(node.body); }
  void Of(const CounterNode& node) { locals_->insert(node.name); }

  void Of(const AssignNode& node) {
    OfFiltered(node.value);
    locals_->insert(node.name);
  }

  void Of(const CaptureNode& node) {
    OfBlock(node.body);
    locals_->insert(node.name);
  }

  void Of(const IfNode& node) {
    for (const IfNode::Branch& branch : node.branches) {
      for (const Comparison& comparison : branch.condition) {
        OfExpression(comparison.left);
        OfExpression(comparison.right);
      }
      OfBlock(branch.body);
    }
  }

  void Of(const CaseNode& node) {
    OfExpression(node.subject);
    for (const CaseNode::When& when : node.whens) {
      for (const Expression& value : when.values) OfExpression(value);
      OfBlock(when.body);
    }
  }

  void Of(const ForNode& node) {
    OfExpression(node.items);
    OfPointer(node.limit);
    OfPointer(node.offset);
    OfPointer(node.columns);
    const Names added = Hide({node.variable, node.is_table ? "tablerowloop" : "forloop"});
    OfBlock(node.body);
    Show(added);
    OfBlock(node.otherwise);
  }

  void Of(const CycleNode& node) {
    if (node.name) OfExpression(*node.name);
    for (const Expression& item : node.items) OfExpression(item);
  }

  void Of(const PartialNode& node) {
    OfPointer(node.bound);
    Names hidden;
    if (node.bound != nullptr) hidden.insert(node.variable);
    if (node.is_for_each) hidden.insert("forloop");
    for (const auto& [name, value] : node.arguments) {
      OfExpression(value);
      hidden.insert(name);
    }
    const std::string outer_partial = std::exchange(partial_, node.partial->name);
    Names* const outer_locals = locals_;
    if (node.is_isolated) {
      locals_ = &hidden;
      OfBlock(node.partial->body);
    } else {
      const Names added = Hide(hidden);
      OfBlock(node.partial->body);
      Show(added);
    }
    locals_ = outer_locals;
    partial_ = outer_partial;
  }

  // Makes names local for a while; returns those that were not yet.
  Names Hide(const Names& names) {
    Names added;
    for (const std::string_view name : names) {
      if (locals_->insert(name).second) added.insert(name);
    }
    return added;
  }

  void Show(const Names& names) {
    for (const std::string_view name : names) locals_->erase(name);
  }

  void OfFiltered(const Filtered& filtered) {
    OfExpression(filtered.value);
    for (const FilterCall& call : filtered.filters) {
      for (const Expression& argument : call.arguments) OfExpression(argument);
      for (const auto& [name, value] : call.named) OfExpression(value);
    }
  }

  void OfPointer(const ExpressionPointer& expression) {
    if (expression != nullptr) OfExpression(*expression);
  }

  void OfExpression(const Expression& expression) {
    if (expression.kind == ExpressionKind::kRange) {
      OfExpression(*expression.first);
      OfExpression(*expression.last);
    } else if (expression.kind == ExpressionKind::kPath) {
      OfPath(expression);
    }
  }

  // A text in brackets is a name like any other.
  static bool IsName(const Segment& segment, std::string_view* name) {
    *name = segment.name;
    if (segment.index == nullptr) return true;
    const Expression& index = *segment.index;
    if (index.kind != ExpressionKind::kLiteral || !index.literal.is_string()) return false;
    *name = index.literal.value.text();
    return true;
  }

  void OfPath(const Expression& expression) {
    std::string path;
    bool exact = true;  // false: behind a computed index
    std::string_view root;
    const bool has_root = IsName(expression.path.front(), &root);
    for (const Segment& segment : expression.path) {
      std::string_view name;
      if (!IsName(segment, &name)) {
        exact = false;
        OfExpression(*segment.index);
      } else if (exact) {
        if (!path.empty()) path += '.';
        path += name;
      }
    }
    if (!has_root || locals_->count(root) != 0) return;
    const Span here = expression.span;
    if (partial_.empty()) {
      reads_.push_back({std::move(path), here.begin, here.end, "", 0, 0});
    } else {
      reads_.push_back({std::move(path), node_.begin, node_.end, partial_, here.begin, here.end});
    }
  }

  std::vector<Read> reads_;
  Names* locals_ = nullptr;
  std::string partial_;
  Span node_;  // of the text itself, while a partial is read
};

}  // namespace

std::vector<Read> ReadsOf(const Template& parsed) { return Reader().Run(parsed); }

}  // namespace sojourn::liquid
