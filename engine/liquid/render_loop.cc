// for and tablerow.
#include <fmt/format.h>

#include <algorithm>

#include "engine/liquid/renderer.h"

namespace sojourn::liquid {

using model::Value;

int64_t Renderer::SizeOf(const Datum& items) const {
  if (items.kind == DatumKind::kRange) return RangeSize(items);
  if (items.is_list() || items.is_map()) return items.value.size();
  return items.is_string() && !items.value.text().empty() ? 1 : 0;
}

Datum Renderer::ItemOf(const Datum& items, int64_t index) {
  if (items.kind == DatumKind::kRange) return Value::Int(items.first + index);
  if (items.is_list()) return Normal(items.value.items()[index]);
  if (!items.is_map()) return items;
  const model::MapEntry& entry = items.value.entries()[index];
  return work_.KeepList({entry.key, entry.value});
}

int64_t Renderer::Option(const ExpressionPointer& expression, int64_t absent) {
  if (expression == nullptr) return absent;
  const Datum value = Evaluate(*expression);
  if (value.is_nil()) return absent;
  const auto number = ToInteger(value);
  if (!number) work_.Fail("a whole number is expected for limit and offset");
  return std::max<int64_t>(number.value_or(0), 0);
}

Renderer::Slice Renderer::SliceOf(const ForNode& node, const Datum& items) {
  const int64_t size = SizeOf(items);
  const int64_t first = node.goes_on ? scope_->offsets[node.name] : Option(node.offset, 0);
  const int64_t rest = std::max<int64_t>(size - first, 0);
  const Slice slice{first, std::min(Option(node.limit, rest), rest)};
  if (!node.is_table) scope_->offsets[node.name] = first + slice.count;
  return slice;
}

Loop* Renderer::NewLoop(const ForNode& node, int64_t length) {
  Loop* const loop = work_.arena()->AllocateArray<Loop>(1);
  loop->name = node.name;
  loop->length = length;
  const Datum outer = Lookup("forloop");
  if (outer.kind == DatumKind::kLoop && !node.is_table && !outer.loop->is_partial) {
    loop->parent = outer.loop;
  }
  return loop;
}

Flow Renderer::RenderNode(const ForNode& node) {
  const Datum items = Evaluate(node.items);
  const Slice slice = SliceOf(node, items);
  if (work_.failed()) return Flow::kStop;
  if (node.is_table) return items.is_nil() ? Flow::kNext : RenderTable(node, items, slice);
  if (slice.count == 0) return RenderBlock(node.otherwise);
  return RenderRounds(node, items, slice);
}

Flow Renderer::RenderRounds(const ForNode& node, const Datum& items, Slice slice) {
  Loop* const loop = NewLoop(node, slice.count);
  const size_t height = scope_->frames.size();
  scope_->frames.push_back({"forloop", Datum::OfLoop(loop)});
  scope_->frames.push_back({node.variable, {}});
  Flow flow = Flow::kNext;
  for (; loop->index < slice.count && flow != Flow::kBreak && flow != Flow::kStop; ++loop->index) {
    if (!work_.Step()) break;
    const int64_t place = node.reversed ? slice.count - 1 - loop->index : loop->index;
    scope_->frames[height + 1].value = ItemOf(items, slice.first + place);
    flow = RenderBlock(node.body);
  }
  scope_->frames.resize(height);
  return flow == Flow::kStop ? flow : Flow::kNext;
}

Flow Renderer::RenderTable(const ForNode& node, const Datum& items, Slice slice) {
  Loop* const loop = NewLoop(node, slice.count);
  loop->columns = slice.count;
  if (node.columns != nullptr) {
    const Datum wanted = Evaluate(*node.columns);
    const Value columns = ToNumber(wanted);
    const bool is_int = columns.kind() == model::ValueKind::kInt;
    const double number =
        is_int ? static_cast<double>(columns.int_value()) : columns.double_value();
    // Not-a-number and numbers below 1 leave all in one row.
    if (number >= 1 && number < static_cast<double>(slice.count)) {
      loop->columns = static_cast<int64_t>(number);
    }
  }
  loop->columns = std::max<int64_t>(loop->columns, 1);
  const size_t height = scope_->frames.size();
  scope_->frames.push_back({"tablerowloop", Datum::OfLoop(loop)});
  scope_->frames.push_back({node.variable, {}});
  Write("<tr class=\"row1\">\n");
  Flow flow = Flow::kNext;
  for (; loop->index < slice.count && flow != Flow::kBreak && flow != Flow::kStop; ++loop->index) {
    if (!work_.Step()) break;
    scope_->frames[height + 1].value = ItemOf(items, slice.first + loop->index);
    const int64_t column = loop->index % loop->columns;
    if (column == 0 && loop->index > 0) {
      Write(fmt::format("</tr>\n<tr class=\"row{}\">", loop->index / loop->columns + 1));
    }
    Write(fmt::format("<td class=\"col{}\">", column + 1));
    flow = RenderBlock(node.body);
    Write("</td>");
  }
  Write("</tr>\n");
  scope_->frames.resize(height);
  return flow == Flow::kStop ? flow : Flow::kNext;
}

}  // namespace sojourn::liquid
