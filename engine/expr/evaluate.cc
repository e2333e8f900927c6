#include <new>

#include "engine/base/limits.h"
#include "engine/expr/machine.h"

namespace sojourn::expr {
namespace {

using model::Value;

// Most expressions fit here; a larger one takes its stack from the arena.
constexpr uint32_t kInlineSlots = 48;

}  // namespace

Value Evaluate(const Program& program, const Activation& activation, Arena* arena,
               TimeWatch* watch) {
  const auto& compiled = static_cast<const CompiledProgram&>(program);
  return EvaluateRange(compiled, 0, static_cast<uint32_t>(compiled.instructions_.size()),
                       activation, arena, watch);
}

Value EvaluateRange(const CompiledProgram& program, uint32_t begin, uint32_t end,
                    const Activation& activation, Arena* arena, TimeWatch* watch,
                    int64_t most_work) {
  const uint32_t slots = program.locals_ + program.max_stack_;
  alignas(Value) char inline_slots[kInlineSlots * sizeof(Value)];  // left uninitialised on purpose
  Value* memory = reinterpret_cast<Value*>(inline_slots);
  if (slots > kInlineSlots) {
    memory = reinterpret_cast<Value*>(arena->Allocate(slots * sizeof(Value), alignof(Value)));
  }
  return Machine(program, activation, arena, watch, memory, most_work).Run(begin, end);
}

bool EvaluateCondition(const Program& program, const Activation& activation, Arena* arena,
                       TimeWatch* watch, std::string_view* error) {
  const Value value = Evaluate(program, activation, arena, watch);
  if (error != nullptr) *error = value.is_error() ? value.text() : std::string_view();
  return value.kind() == model::ValueKind::kBool && value.bool_value();
}

}  // namespace sojourn::expr
