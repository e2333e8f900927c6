#include "engine/expr/machine.h"

#include "engine/base/limits.h"
#include "engine/expr/operators.h"
#include "engine/expr/read.h"
#include "engine/expr/watch.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
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
    Push(ReadLeaf(program_, instruction, activation_, arena_, watch_));
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
    case Opcode::kSelect:
      Select(instruction);
      break;
    case Opcode::kHasField:
      HasField(instruction);
      break;
    case Opcode::kIndex:
      Subscript();
      break;
    case Opcode::kMakeList:
      MakeList(instruction.b);
      break;
    case Opcode::kMakeMap:
      MakeMap(instruction.b);
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
    default:
      break;  // kChoose
  }
  if (Top().kind() == ValueKind::kBool) return Pop().bool_value() ? next : instruction.b;
  if (!Top().is_error()) Top() = NotACondition();
  return instruction.a;
}

void Machine::Binary(const Instruction& instruction) {
  const Value right = Pop();
  Value& left = Top();
  if (left.is_error()) return;
  if (right.is_error()) {
    left = right;
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

void Machine::Select(const Instruction& instruction) {
  Value& operand = Top();
  if (operand.is_error()) return;
  const Value* constants = &program_.constants_[instruction.b];
  const Value* found = operand.Find(constants[0].text());
  operand = found != nullptr ? *found : constants[1];
}

void Machine::Subscript() {
  const Value index = Pop();
  Value& container = Top();
  if (container.is_error()) return;
  container = index.is_error() ? index : Index(container, index);
}

void Machine::HasField(const Instruction& instruction) {
  Value& operand = Top();
  if (operand.is_error()) return;
  if (operand.kind() != ValueKind::kMap) {
    operand = NoOverload();
    return;
  }
  const std::string_view name = program_.constants_[instruction.b].text();
  operand = Value::Bool(operand.Find(name) != nullptr);
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

void Machine::MakeList(uint32_t count) {
  top_ -= count;
  Value* items = arena_->AllocateArray<Value>(count);
  Value result = Value::List(items, count);
  for (uint32_t i = 0; i < count; ++i) {
    if (top_[i].is_error() && !result.is_error()) result = top_[i];
    items[i] = top_[i];
  }
  Push(result);
}

void Machine::MakeMap(uint32_t count) {
  top_ -= 2 * count;
  MapEntry* entries = arena_->AllocateArray<MapEntry>(count);
  Value result = Value::Map(entries, count);
  for (uint32_t i = 0; i < count && !result.is_error(); ++i) {
    const Value& key = top_[2 * i];
    const Value& value = top_[2 * i + 1];
    const bool may_be_key = key.kind() == ValueKind::kString || key.kind() == ValueKind::kBool ||
                            key.kind() == ValueKind::kInt || key.kind() == ValueKind::kUint;
    if (key.is_error() || value.is_error()) {
      result = key.is_error() ? key : value;
    } else if (!may_be_key) {
      result = Value::Error("keys of a map are strings, whole numbers, true or false");
    } else if (FindKey(Value::Map(entries, i), key) != nullptr) {
      result = Value::Error("a map has the same key twice");
    }
    entries[i] = {key, value};
  }
  Push(result);
}

void Machine::Call(const Instruction& instruction) {
  const uint16_t count = instruction.a;
  top_ -= count;
  const Value* arguments = top_;
  for (uint16_t i = 0; i < count; ++i) {
    if (arguments[i].is_error()) return Push(arguments[i]);
  }
  for (uint32_t row = 0; row < instruction.flag; ++row) {
    const Function& function = Functions()[instruction.b + row];
    bool matches = true;
    for (uint16_t i = 0; i < count; ++i) {
      matches = matches && Matches(function.signature[i], arguments[i].kind());
    }
    if (matches) return Push(function.native(arguments, arena_));
  }
  Push(NoOverload());
}

void Machine::MatchConstant(const Instruction& instruction) {
  Value& text = Top();
  if (text.is_error()) return;
  if (text.kind() != ValueKind::kString) {
    text = NoOverload();
    return;
  }
  const std::string_view subject = text.text();
  text = Value::Bool(re2::RE2::PartialMatch(re2::StringPiece(subject.data(), subject.size()),
                                            *program_.patterns_[instruction.b]));
}

}  // namespace sojourn::expr
