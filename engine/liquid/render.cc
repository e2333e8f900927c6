// Last stage: the tree and the data into text.
#include <fmt/format.h>

#include <algorithm>

#include "engine/liquid/html.h"
#include "engine/liquid/line_column.h"
#include "engine/liquid/renderer.h"

namespace sojourn::liquid {

using model::Value;

Flow Renderer::RenderBlock(const Block& block) {
  for (const Node& node : block.nodes) {
    if (!work_.Step()) {
      Locate(node.span);
      return Flow::kStop;
    }
    const Flow flow =
        std::visit([&](const auto& content) { return RenderNode(content); }, node.content);
    if (work_.failed()) {
      Locate(node.span);
      return Flow::kStop;
    }
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

void Renderer::Locate(Span span) {
  if (!location_.empty()) return;
  location_ = LineColumn(template_->text, span.begin, template_->first_line);
  if (!template_->name.empty()) {
    location_ = fmt::format("partial \"{}\" {}", template_->name, location_);
  }
}

void Renderer::Write(std::string_view text) {
  const size_t limit = work_.options().max_output_bytes;
  if (text.size() > limit - std::min(out_->size(), limit)) {
    return work_.Exhaust(fmt::format("the output is longer than {} bytes", limit));
  }
  // What is captured is not bounded by the output alone.
  if (captures_ > 0 && !work_.Charge(text.size())) return;
  out_->append(text);
}

void Renderer::WriteDatum(const Datum& datum) {
  if (work_.options().auto_escape && datum.origin == Origin::kData) {
    if (!work_.Charge(WeightOf(datum.value))) return;
    std::string text;
    AppendText(datum, &text);
    return Write(EscapeHtml(text));
  }
  if (datum.is_string()) return Write(datum.value.text());
  if (!work_.Charge(WeightOf(datum.value))) return;
  std::string text;
  AppendText(datum, &text);
  Write(text);
}

Flow Renderer::RenderNode(const TextNode& node) {
  Write(node.text);
  return Flow::kNext;
}

Flow Renderer::RenderNode(const OutputNode& node) {
  const Datum datum = Evaluate(node.value);
  if (!work_.failed()) WriteDatum(datum);
  return Flow::kNext;
}

Flow Renderer::RenderNode(const IfNode& node) {
  bool negated = node.is_unless;
  for (const IfNode::Branch& branch : node.branches) {
    const bool holds = branch.condition.empty() || Holds(branch.condition) != negated;
    if (work_.failed()) return Flow::kStop;
    if (holds) return RenderBlock(branch.body);
    negated = false;
  }
  return Flow::kNext;
}

Flow Renderer::RenderNode(const CaseNode& node) {
  const Datum subject = Evaluate(node.subject);
  bool matched = false;
  for (const CaseNode::When& when : node.whens) {
    if (when.is_else && !matched) {
      if (const Flow flow = RenderBlock(when.body); flow != Flow::kNext) return flow;
    }
    for (const Expression& value : when.values) {
      if (!IsEqual(subject, Evaluate(value))) continue;
      matched = true;
      if (const Flow flow = RenderBlock(when.body); flow != Flow::kNext) return flow;
    }
    if (work_.failed()) return Flow::kStop;
  }
  return Flow::kNext;
}

Flow Renderer::RenderNode(const AssignNode& node) {
  scope_->variables[node.name] = Evaluate(node.value);
  return Flow::kNext;
}

std::string Renderer::Captured(const Block& body, Flow* flow) {
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  ++captures_;
  *flow = RenderBlock(body);
  --captures_;
  out_ = outer;
  return text;
}

Flow Renderer::RenderNode(const CaptureNode& node) {
  Flow flow = Flow::kNext;
  const std::string text = Captured(node.body, &flow);
  // What was printed has been escaped already.
  scope_->variables[node.name] = work_.Keep(text, Origin::kHtml);
  return flow;
}

Flow Renderer::RenderNode(const CounterNode& node) {
  int64_t& counter = scope_->counters[node.name];
  if (node.step < 0) --counter;
  Write(std::to_string(counter));
  if (node.step > 0) ++counter;
  return Flow::kNext;
}

Flow Renderer::RenderNode(const CycleNode& node) {
  std::string key = "markup " + std::string(node.key);
  if (node.name) {
    const Datum name = Evaluate(*node.name);
    key = "name " + std::string(work_.TextOf(name));
  }
  size_t& place = scope_->cycles[key];
  const size_t count = node.items.size();
  const Datum item = place < count ? Evaluate(node.items[place]) : Datum();
  place = place + 1 >= count ? 0 : place + 1;
  if (!work_.failed()) WriteDatum(item);
  return Flow::kNext;
}

Flow Renderer::RenderNode(const IfChangedNode& node) {
  Flow flow = Flow::kNext;
  std::string text = Captured(node.body, &flow);
  if (text == scope_->last_changed || work_.failed()) return flow;
  Write(text);
  scope_->last_changed = std::move(text);
  return flow;
}

Flow Renderer::RenderNode(const InterruptNode& node) {
  return node.is_break ? Flow::kBreak : Flow::kContinue;
}

Flow Renderer::RenderPartialBody(const PartialNode& node) {
  const Template* const outer = std::exchange(template_, node.partial.get());
  const Flow flow = RenderBlock(node.partial->body);
  template_ = outer;
  return flow;
}

// A variable of a partial: what `render` gives, the partial can assign to.
void Renderer::Bind(const PartialNode& node, std::string_view name, const Datum& value) {
  if (node.is_isolated) {
    scope_->variables[name] = value;
  } else {
    scope_->frames.push_back({name, value});
  }
}

Flow Renderer::RenderNode(const PartialNode& node) {
  const Datum bound = node.bound == nullptr ? Datum() : Evaluate(*node.bound);
  std::vector<Frame> arguments;
  for (const auto& [name, value] : node.arguments) {
    if (!work_.Step()) return Flow::kStop;
    arguments.push_back({name, Evaluate(value)});
  }
  if (work_.failed()) return Flow::kStop;
  const bool is_list = bound.is_list() || bound.kind == DatumKind::kRange;
  const bool each = is_list && (node.is_for_each || !node.is_isolated);
  const int64_t count = each ? SizeOf(bound) : 1;
  Scope isolated;
  Scope* const outer = scope_;
  Flow flow = Flow::kNext;
  Loop* const loop = work_.arena()->AllocateArray<Loop>(1);
  loop->name = node.partial->name;
  loop->length = count;
  loop->is_partial = true;
  for (; loop->index < count && flow == Flow::kNext && work_.Step(); ++loop->index) {
    if (node.is_isolated) {
      isolated = Scope();
      scope_ = &isolated;
    }
    const size_t height = scope_->frames.size();
    if (node.bound) Bind(node, node.variable, each ? ItemOf(bound, loop->index) : bound);
    if (each && node.is_isolated) Bind(node, "forloop", Datum::OfLoop(loop));
    for (const Frame& argument : arguments) Bind(node, argument.name, argument.value);
    flow = RenderPartialBody(node);
    scope_->frames.resize(height);
    scope_ = outer;
    // A break or continue in `render` ends the partial alone.
    if (node.is_isolated && flow != Flow::kStop) flow = Flow::kNext;
  }
  return flow;
}

Status Render(const Template& parsed, const Value& data, const RenderOptions& options,
              std::string* out) {
  return Renderer(parsed, data, options).Run(out);
}

Status Renderer::Run(std::string* out) {
  std::string text;
  out_ = &text;
  RenderBlock(template_->body);
  if (work_.failed())
    return Status(work_.code(), fmt::format("{}: {}", location_, work_.message()));
  *out += text;
  return Status::Ok();
}

}  // namespace sojourn::liquid
