#include "engine/expr/machine.h"

#include "engine/expr/operators.h"
#include "engine/expr/pattern.h"
#include "engine/expr/read.h"
#include "engine/expr/watch.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

bool IsBool(const Value& value, bool wanted) {
  return value.kind() == ValueKind::kBool && value.bool_value() == wanted;
}

Value NotACondition() { return Value::Error("a condition is neither true nor false"); }

Value Not(const Value& value) {
  return value.kind() == ValueKind::kBool ? Value::Bool(!value.bool_value()) : NoOverload();
}

}  // namespace

Value Machine::Run(uint32_t begin, uint32_t end) {
  const Instruction* instructions = program_.instructions_.data();
  for (uint32_t i = begin; i < end;) {
    const Instruction& instruction = instructions[i];
    if (instruction.op == Opcode::kConstant) {
      Push(program_.constants_[instruction.b]);
      ++i;
    } else if (instruction.op >= Opcode::kArithmetic && instruction.op <= Opcode::kIn) {
      Binary(instruction);
      ++i;
    } else {
      i = Step(instruction, i + 1);
    }
  }
  return Top();
}

uint32_t Machine::Step(const Instruction& instruction, uint32_t next) {
  if (instruction.op <= Opcode::kInSegment && instruction.op != Opcode::kLocal) {
    ReadLeafValue(instruction);
    return next;
  }
  if (instruction.op >= Opcode::kLoopBegin) return Loop(instruction, next);
  switch (instruction.op) {
    case Opcode::kLocal:
      Push(locals_[instruction.a]);
      break;
    case Opcode::kLocalTime:
      LocalTime(instruction);
      break;
    case Opcode::kIsPresent:
      Top() = Value::Bool(!Top().is_error());
      break;
    case Opcode::kToOptional:
      ToOptional();
      break;
    case Opcode::kNeedOptional:
      if (Top().kind() != ValueKind::kOptional && !Top().is_error()) Top() = NoOverload();
      break;
    case Opcode::kSelect:
      Select(instruction);
      break;
    case Opcode::kHasField:
      HasField(instruction);
      break;
    case Opcode::kIndex:
      Subscript(instruction.flag == 1);
      break;
    case Opcode::kMakeList:
      MakeList(instruction);
      break;
    case Opcode::kMakeMap:
      MakeMap(instruction);
      break;
    case Opcode::kNot:
      if (!Top().is_error()) Top() = Not(Top());
      break;
    case Opcode::kNegate:
      if (!Top().is_error()) Top() = Negate(Top());
      break;
    case Opcode::kAnd:
      Join(false);
      break;
    case Opcode::kOr:
      Join(true);
      break;
    case Opcode::kCall:
      Call(instruction);
      break;
    case Opcode::kMatchConstant:
      MatchConstant(instruction);
      break;
    case Opcode::kMatch:
      Match();
      break;
    case Opcode::kStore:
      locals_[instruction.a] = Pop();
      break;
    default:
      return Jump(instruction, next);
  }
  return next;
}

uint32_t Machine::Jump(const Instruction& instruction, uint32_t next) {
  switch (instruction.op) {
    case Opcode::kJump:
      return instruction.b;
    case Opcode::kJumpIfFalse:
      return IsBool(Top(), false) ? instruction.b : next;
    case Opcode::kJumpIfTrue:
      return IsBool(Top(), true) ? instruction.b : next;
    case Opcode::kOrElse:
      return OrElse(instruction, next);
    default:
      break;  // kChoose
  }
  if (Top().kind() == ValueKind::kBool) return Pop().bool_value() ? next : instruction.b;
  if (!Top().is_error()) Top() = NotACondition();
  return instruction.a;
}

uint32_t Machine::OrElse(const Instruction& instruction, uint32_t next) {
  Value& value = Top();
  if (value.kind() != ValueKind::kOptional) {
    if (!value.is_error()) value = NoOverload();
    return instruction.b;
  }
  if (value.size() == 0) {
    Pop();
    return next;
  }
  if (instruction.flag == 1) value = value.items()[0];
  return instruction.b;
}

// Looking a name up takes a look at its neighbours; a map of all traits or topics is made anew.
void Machine::ReadLeafValue(const Instruction& instruction) {
  Push(ReadLeaf(program_, instruction, activation_, arena_, watch_));
  int64_t work = 0;
  switch (instruction.op) {
    case Opcode::kEventProperty: {
      const EventView* event = instruction.a == 1 ? activation_.trigger : activation_.event;
      if (event != nullptr) work = event->properties.size();
      break;
    }
    case Opcode::kTrait:
      if (activation_.person != nullptr) work = activation_.person->traits.size();
      break;
    case Opcode::kPersonMap:
    case Opcode::kConsentMap:
    case Opcode::kAbTestMap:
      work = ShallowWork(Top());
      break;
    default:
      return;
  }
  if (!Charge(work)) Top() = TooMuchWork();
}

bool Machine::ChargeBinary(const Instruction& instruction, const Value& a, const Value& b) {
  if (a.kind() < ValueKind::kString && b.kind() < ValueKind::kString) return true;
  if (instruction.op == Opcode::kIn) {
    if (b.kind() == ValueKind::kMap) return Charge(b.size());
    return Charge(WorkOfComparing(b, work_left_));
  }
  if (instruction.op == Opcode::kArithmetic) return ChargeDeep(a) && ChargeDeep(b);
  return Charge(WorkOfComparing(a, work_left_)) && Charge(WorkOfComparing(b, work_left_));
}

void Machine::Binary(const Instruction& instruction) {
  const Value right = Pop();
  Value& left = Top();
  if (left.is_error()) return;
  if (right.is_error()) {
    left = right;
    return;
  }
  if (!ChargeBinary(instruction, left, right)) {
    left = TooMuchWork();
    return;
  }
  const auto op = static_cast<Operator>(instruction.flag);
  const auto side = static_cast<NowSide>(instruction.a);
  if (watch_ != nullptr && side != NowSide::kNeither) {
    NoteFlip(op, side, left, right, activation_.now, watch_);
  }
  switch (instruction.op) {
    case Opcode::kArithmetic:
      left = Arithmetic(op, left, right, arena_);
      break;
    case Opcode::kEqual:
      left = Value::Bool(Equal(left, right) == (op == Operator::kEqual));
      break;
    case Opcode::kCompare:
      left = Compare(op, left, right);
      break;
    default:
      left = Contains(left, right);
      break;
  }
}

// && (deciding: false) and || (deciding: true): a deciding side wins over an error on the other.
void Machine::Join(bool deciding) {
  const Value right = Pop();
  Value& left = Top();
  if (IsBool(left, deciding) || IsBool(right, deciding)) {
    left = Value::Bool(deciding);
  } else if (left.is_error()) {
    return;
  } else if (right.is_error()) {
    left = right;
  } else {
    const bool both = left.kind() == ValueKind::kBool && right.kind() == ValueKind::kBool;
    left = both ? Value::Bool(!deciding) : NotACondition();
  }
}

void Machine::LocalTime(const Instruction& instruction) {
  Value& operand = Top();
  if (operand.is_error()) return;
  if (operand.kind() != ValueKind::kTimestamp || activation_.zone == nullptr) {
    operand = Value::Error("local() needs a timestamp");
    return;
  }
  const cctz::civil_second civil = ToCivil(operand.time(), *activation_.zone);
  switch (static_cast<LocalField>(instruction.flag)) {
    case LocalField::kHour:
      operand = Value::Int(civil.hour());
      break;
    case LocalField::kMinute:
      operand = Value::Int(civil.minute());
      break;
    case LocalField::kDay:
      operand = Value::Int(civil.day());
      break;
    case LocalField::kMonth:
      operand = Value::Int(civil.month());
      break;
    case LocalField::kYear:
      operand = Value::Int(civil.year());
      break;
    case LocalField::kWeekday:
      operand = Value::Int(WeekdayNumber(cctz::civil_day(civil)));
      break;
  }
}

bool Machine::ChargeArguments(const Value* arguments, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    if (!Charge(ShallowWork(arguments[i]))) return false;
  }
  return true;
}

void Machine::Call(const Instruction& instruction) {
  const uint16_t count = instruction.a;
  top_ -= count;
  const Value* arguments = top_;
  for (uint16_t i = 0; i < count; ++i) {
    if (arguments[i].is_error()) return Push(arguments[i]);
  }
  if (!ChargeArguments(arguments, count)) return Push(TooMuchWork());
  for (uint32_t row = 0; row < instruction.flag; ++row) {
    const Function& function = Functions()[instruction.b + row];
    bool matches = true;
    for (uint16_t i = 0; i < count; ++i) {
      matches = matches && Matches(function.signature[i], arguments[i].kind());
    }
    if (!matches) continue;
    const Value result = function.native(arguments, arena_);
    return Push(Charge(ShallowWork(result)) ? result : TooMuchWork());
  }
  Push(NoOverload());
}

void Machine::MatchConstant(const Instruction& instruction) {
  Value& text = Top();
  if (text.is_error()) return;
  text = text.kind() == ValueKind::kString
             ? Matched(*program_.patterns_[instruction.b], text.text())
             : NoOverload();
}

void Machine::Match() {
  const Value pattern = Pop();
  Value& text = Top();
  if (text.is_error()) return;
  if (pattern.is_error() || text.kind() != ValueKind::kString ||
      pattern.kind() != ValueKind::kString) {
    text = pattern.is_error() ? pattern : NoOverload();
    return;
  }
  if (pattern_ == nullptr || pattern_text_ != pattern.text()) {
    std::string problem;
    pattern_ = CompilePattern(pattern.text(), &problem);
    pattern_text_ = pattern.text();
    const bool paid = Charge(WorkOfCompiling(pattern_.get()));
    if (pattern_ == nullptr || !paid) {
      text = paid ? Value::Error("not a regular expression") : TooMuchWork();
      return;
    }
  }
  text = Matched(*pattern_, text.text());
}

Value Machine::Matched(const re2::RE2& pattern, std::string_view text) {
  if (!Charge(WorkOfMatching(pattern, text))) return TooMuchWork();
  return Value::Bool(MatchesPattern(pattern, text));
}

}  // namespace sojourn::expr
