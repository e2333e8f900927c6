#include "engine/expr/program.h"

#include <array>

#include <fmt/format.h>

namespace sojourn::expr {
namespace {

// In the order of Opcode.
constexpr std::array<std::string_view, 57> kOpcodeNames = {"constant",
                                                           "variable",
                                                           "local",
                                                           "event_map",
                                                           "event_property",
                                                           "event_name",
                                                           "event_time",
                                                           "event_segment",
                                                           "person_map",
                                                           "trait",
                                                           "person_id",
                                                           "first_seen_at",
                                                           "last_seen_at",
                                                           "consent_map",
                                                           "consent",
                                                           "suppressed",
                                                           "now",
                                                           "ab_test_map",
                                                           "ab_test",
                                                           "coupon_map",
                                                           "coupon_code",
                                                           "coupon_expires_at",
                                                           "company_map",
                                                           "company_field",
                                                           "counter",
                                                           "in_segment",
                                                           "local_time",
                                                           "is_present",
                                                           "to_optional",
                                                           "need_optional",
                                                           "select",
                                                           "has_field",
                                                           "index",
                                                           "make_list",
                                                           "make_map",
                                                           "not",
                                                           "negate",
                                                           "arithmetic",
                                                           "equal",
                                                           "compare",
                                                           "in",
                                                           "jump",
                                                           "jump_if_false",
                                                           "jump_if_true",
                                                           "and",
                                                           "or",
                                                           "choose",
                                                           "or_else",
                                                           "call",
                                                           "match_constant",
                                                           "match",
                                                           "store",
                                                           "loop_begin",
                                                           "loop_next",
                                                           "loop_filter",
                                                           "loop_step",
                                                           "loop_end"};
static_assert(kOpcodeNames.size() == static_cast<size_t>(Opcode::kLoopEnd) + 1);

bool HasConstant(Opcode op) {
  return op == Opcode::kConstant || op == Opcode::kVariable || op == Opcode::kEventProperty ||
         op == Opcode::kTrait || op == Opcode::kConsent || op == Opcode::kAbTest ||
         op == Opcode::kCompanyField || op == Opcode::kSelect || op == Opcode::kHasField;
}

bool HasOperator(Opcode op) {
  return op == Opcode::kArithmetic || op == Opcode::kEqual || op == Opcode::kCompare;
}

std::string Operands(const CompiledProgram& program, const Instruction& instruction) {
  const Opcode op = instruction.op;
  if (HasConstant(op)) {
    std::string text = " " + model::DebugString(program.constants_[instruction.b]);
    const bool typed = op == Opcode::kEventProperty || op == Opcode::kTrait;
    if (typed && instruction.flag == kTypedByEvent) {
      text += " by event " + model::DebugString(program.constants_[instruction.b + 2]);
    } else if (typed) {
      text += fmt::format(" {}", TypeKindName(static_cast<TypeKind>(instruction.flag)));
    }
    return instruction.a == 1 && op == Opcode::kEventProperty ? text + " of trigger" : text;
  }
  if (HasOperator(op)) {
    const auto side = static_cast<NowSide>(instruction.a);
    const std::string_view moves = op == Opcode::kArithmetic || side == NowSide::kNeither ? ""
                                   : side == NowSide::kLeft ? " now left"
                                                            : " now right";
    return fmt::format(" {}{}", OperatorText(static_cast<Operator>(instruction.flag)), moves);
  }
  if (op == Opcode::kCall)
    return fmt::format(" {}/{}", Functions()[instruction.b].name, instruction.a);
  if (op == Opcode::kCounter) {
    const CounterRead& read = program.analysis_.counter_reads[instruction.b];
    return fmt::format(" {} {:016x}{}", read.event, read.counter,
                       read.ever ? "" : fmt::format(" {}ms", read.window.milliseconds()));
  }
  if (op == Opcode::kAnd || op == Opcode::kOr) return "";
  if (op >= Opcode::kJump || op == Opcode::kLocal) {
    return fmt::format(" {} {} {}", instruction.flag, instruction.a, instruction.b);
  }
  if (op == Opcode::kMakeList || op == Opcode::kMakeMap) return fmt::format(" {}", instruction.b);
  return instruction.a == 1 && op <= Opcode::kEventSegment ? " of trigger" : "";
}

}  // namespace

std::string_view OpcodeName(Opcode op) { return kOpcodeNames[static_cast<size_t>(op)]; }

std::string CompiledProgram::Dump() const {
  std::string dump;
  for (size_t i = 0; i < instructions_.size(); ++i) {
    dump += fmt::format("{} {}{}\n", i, OpcodeName(instructions_[i].op),
                        Operands(*this, instructions_[i]));
  }
  return dump;
}

}  // namespace sojourn::expr
