// The stack machine that runs a CompiledProgram.
#pragma once

#include <memory>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/expr/program.h"
#include "engine/expr/work.h"

namespace sojourn::expr {

// Runs the instructions [begin, end), which leave one value, within `most_work` (see work.h).
model::Value EvaluateRange(const CompiledProgram& program, uint32_t begin, uint32_t end,
                           const Activation& activation, Arena* arena, TimeWatch* watch,
                           int64_t most_work = kMaxExpressionWork);

class Machine {
 public:
  // `memory`: room for the program's locals and its largest stack, of any content.
  Machine(const CompiledProgram& program, const Activation& activation, Arena* arena,
          TimeWatch* watch, model::Value* memory, int64_t most_work)
      : program_(program),
        activation_(activation),
        arena_(arena),
        watch_(watch),
        locals_(memory),
        top_(memory + program.locals_),
        work_left_(most_work) {}

  model::Value Run(uint32_t begin, uint32_t end);

 private:
  void Push(const model::Value& value) { *top_++ = value; }
  model::Value Pop() { return *--top_; }
  model::Value& Top() { return top_[-1]; }

  // Spends work; false: there is not so much left, and the operation ends in TooMuchWork().
  bool Charge(int64_t work) {
    work_left_ -= work;
    return work_left_ >= 0;
  }
  bool ChargeDeep(const model::Value& value) { return Charge(DeepWork(value, work_left_)); }

  // Where to go on: the next instruction unless said otherwise.
  uint32_t Step(const Instruction& instruction, uint32_t next);
  uint32_t Jump(const Instruction& instruction, uint32_t next);
  uint32_t Loop(const Instruction& instruction, uint32_t next);

  uint32_t OrElse(const Instruction& instruction, uint32_t next);
  void ReadLeafValue(const Instruction& instruction);
  void Binary(const Instruction& instruction);
  bool ChargeBinary(const Instruction& instruction, const model::Value& a, const model::Value& b);
  void Join(bool deciding);
  void LocalTime(const Instruction& instruction);
  void Call(const Instruction& instruction);
  bool ChargeArguments(const model::Value* arguments, uint16_t count);
  void MatchConstant(const Instruction& instruction);
  void Match();
  model::Value Matched(const re2::RE2& pattern, std::string_view text);

  // machine_values.cc: fields, items, lists, maps, optionals.
  void Select(const Instruction& instruction);
  void Subscript(bool to_optional);
  void HasField(const Instruction& instruction);
  void ToOptional();
  model::Value Wrap(const model::Value& item);
  void MakeList(const Instruction& instruction);
  void MakeMap(const Instruction& instruction);
  bool IsOptionalItem(const Instruction& instruction, uint32_t index) const;

  uint32_t LoopBegin(const Instruction& instruction, uint32_t next);
  uint32_t LoopNext(const Instruction& instruction, uint32_t next);
  uint32_t LoopFilter(const Instruction& instruction, uint32_t next);
  uint32_t LoopStep(const Instruction& instruction, uint32_t next);
  uint32_t GatherStep(const Instruction& instruction, uint32_t next, const model::Value& value);
  void LoopEnd(const Instruction& instruction);
  void Gather(model::Value* list, const model::Value& item);
  void GatherEntry(model::Value* map, const model::Value& key, const model::Value& value);

  const CompiledProgram& program_;
  const Activation& activation_;
  Arena* arena_;
  TimeWatch* watch_;
  model::Value* locals_;
  model::Value* top_;
  int64_t work_left_;
  int64_t loop_steps_ = 0;
  // The pattern that Match() compiled last: a loop asks for the same one again and again.
  std::shared_ptr<const re2::RE2> pattern_;
  std::string_view pattern_text_;
};

}  // namespace sojourn::expr
