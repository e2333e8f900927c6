// One rendering. Internal to this folder.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/liquid/ast.h"
#include "engine/liquid/filters.h"
#include "engine/liquid/work.h"

namespace sojourn::liquid {

enum class Flow : uint8_t { kNext, kBreak, kContinue, kStop };

// A variable of a loop or of a partial; hides those below it.
struct Frame {
  std::string_view name;
  Datum value;
};

// What templates change. `render` gives a partial one of its own.
struct Scope {
  std::vector<Frame> frames;
  std::map<std::string_view, Datum> variables;
  std::map<std::string_view, int64_t> counters;
  std::map<std::string, size_t> cycles;
  std::map<std::string_view, int64_t> offsets;  // where loops of a name stopped
  std::string last_changed;
};

// Threads: one owner, used once.
class Renderer {
 public:
  Renderer(const Template& parsed, const model::Value& data, const RenderOptions& options)
      : template_(&parsed), data_(data), work_(options) {}

  // Appends to `out` where all went well.
  Status Run(std::string* out);

 private:
  // ---- nodes (render.cc); after a failure of work_ what they return does not count
  Flow RenderBlock(const Block& block);
  Flow RenderNode(const TextNode& node);
  Flow RenderNode(const OutputNode& node);
  Flow RenderNode(const IfNode& node);
  Flow RenderNode(const CaseNode& node);
  Flow RenderNode(const AssignNode& node);
  Flow RenderNode(const CaptureNode& node);
  Flow RenderNode(const CounterNode& node);
  Flow RenderNode(const CycleNode& node);
  Flow RenderNode(const IfChangedNode& node);
  Flow RenderNode(const PartialNode& node);
  Flow RenderNode(const InterruptNode& node);
  Flow RenderPartialBody(const PartialNode& node);
  void Bind(const PartialNode& node, std::string_view name, const Datum& value);
  std::string Captured(const Block& body, Flow* flow);
  void Write(std::string_view text);
  void WriteDatum(const Datum& datum);
  // Notes where the failure happened, once.
  void Locate(Span span);

  // ---- loops (render_loop.cc)
  struct Slice {
    int64_t first = 0;
    int64_t count = 0;
  };
  Flow RenderNode(const ForNode& node);
  Flow RenderRounds(const ForNode& node, const Datum& items, Slice slice);
  Flow RenderTable(const ForNode& node, const Datum& items, Slice slice);
  Slice SliceOf(const ForNode& node, const Datum& items);
  int64_t Option(const ExpressionPointer& expression, int64_t absent);
  Loop* NewLoop(const ForNode& node, int64_t length);
  // Items of what a loop can go over; 0 for everything else.
  int64_t SizeOf(const Datum& items) const;
  Datum ItemOf(const Datum& items, int64_t index);

  // ---- values (evaluate.cc)
  Datum Evaluate(const Expression& expression);
  Datum Evaluate(const Filtered& filtered);
  Datum ApplyFilter(const FilterCall& call, const Datum& input);
  Datum Lookup(std::string_view name);
  Datum EvaluatePath(const Expression& path);
  Datum EvaluateRange(const Expression& range);
  const model::Value* Find(const model::Value& map, std::string_view key);
  Datum Member(const Datum& of, std::string_view name);
  Datum LoopMember(const Loop& loop, std::string_view name);
  Datum Indexed(const Datum& of, const Datum& index);
  bool Holds(const Condition& condition);
  bool Holds(const Comparison& comparison);
  bool IsOrdered(const Datum& left, Operator op, const Datum& right);
  bool IsEqual(const Datum& a, const Datum& b);

  const Template* template_;  // the partial while one is rendered
  const model::Value& data_;
  Work work_;
  Scope outermost_;
  Scope* scope_ = &outermost_;
  std::string* out_ = nullptr;
  int captures_ = 0;      // out_ is the innermost of so many
  std::string location_;  // of the failure
};

}  // namespace sojourn::liquid
