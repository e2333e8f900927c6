#include <fmt/format.h>

#include "engine/expr/machine.h"

namespace sojourn::expr {

std::string Explain(const Program& program, const Activation& activation, Arena* arena) {
  const auto& compiled = static_cast<const CompiledProgram&>(program);
  std::string text = model::DebugString(Evaluate(program, activation, arena));
  std::string reads;
  for (const Read& read : compiled.reads_) {
    const model::Value value =
        EvaluateRange(compiled, read.instruction, read.instruction + 1, activation, arena, nullptr);
    if (!reads.empty()) reads += ", ";
    reads += value.is_error() ? fmt::format("{} is absent", read.text)
                              : fmt::format("{} = {}", read.text, model::DebugString(value));
  }
  return reads.empty() ? text : fmt::format("{} ({})", text, reads);
}

}  // namespace sojourn::expr
