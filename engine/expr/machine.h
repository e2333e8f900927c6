// The stack machine that runs a CompiledProgram.
#pragma once

#include "engine/expr/program.h"

namespace sojourn::expr {

// Runs the instructions [begin, end), which leave one value.
model::Value EvaluateRange(const CompiledProgram& program, uint32_t begin, uint32_t end,
                           const Activation& activation, Arena* arena, TimeWatch* watch);

class Machine {
 public:
  // `memory`: room for the program's locals and its largest stack, of any content.
  Machine(const CompiledProgram& program, const Activation& activation, Arena* arena,
          TimeWatch* watch, model::Value* memory)
      : program_(program),
        activation_(activation),
        arena_(arena),
        watch_(watch),
        locals_(memory),
        top_(memory + program.locals_) {}

  model::Value Run(uint32_t begin, uint32_t end);

 private:
  void Push(const model::Value& value) { *top_++ = value; }
  model::Value Pop() { return *--top_; }
  model::Value& Top() { return top_[-1]; }

  // Where to go on: the next instruction unless said otherwise.
  uint32_t Step(const Instruction& instruction, uint32_t next);
  uint32_t Jump(const Instruction& instruction, uint32_t next);
  uint32_t Loop(const Instruction& instruction, uint32_t next);

  void Binary(const Instruction& instruction);
  void Join(bool deciding);
  void Select(const Instruction& instruction);
  void Subscript();
  void HasField(const Instruction& instruction);
  void LocalTime(const Instruction& instruction);
  void MakeList(uint32_t count);
  void MakeMap(uint32_t count);
  void Call(const Instruction& instruction);
  void MatchConstant(const Instruction& instruction);

  uint32_t LoopBegin(const Instruction& instruction, uint32_t next);
  uint32_t LoopNext(const Instruction& instruction, uint32_t next);
  uint32_t LoopFilter(const Instruction& instruction, uint32_t next);
  uint32_t LoopStep(const Instruction& instruction, uint32_t next);
  void LoopEnd(const Instruction& instruction);
  void Gather(model::Value* list, const model::Value& item);

  const CompiledProgram& program_;
  const Activation& activation_;
  Arena* arena_;
  TimeWatch* watch_;
  model::Value* locals_;
  model::Value* top_;
  int64_t loop_steps_ = 0;
};

}  // namespace sojourn::expr
