// Loops of the stack machine: all, exists, filter, map, transformMap, optMap and the like.
#include <algorithm>

#include "engine/base/limits.h"
#include "engine/expr/machine.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;
using model::ValueKind;

Value Initial(Macro macro) {
  switch (macro) {
    case Macro::kAll:
      return Value::Bool(true);
    case Macro::kExists:
      return Value::Bool(false);
    case Macro::kExistsOne:
      return Value::Int(0);
    case Macro::kTransformMap:
      return Value::Map(nullptr, 0);
    case Macro::kOptMap:
    case Macro::kOptFlatMap:
      return Value::Optional(nullptr);
    default:
      return Value::List(nullptr, 0);
  }
}

Value NotACondition() { return Value::Error("a condition is neither true nor false"); }

bool IsBool(const Value& value) { return value.kind() == ValueKind::kBool; }

bool MayLoop(Macro macro, ValueKind range) {
  const bool optional = macro == Macro::kOptMap || macro == Macro::kOptFlatMap;
  return optional ? range == ValueKind::kOptional
                  : range == ValueKind::kList || range == ValueKind::kMap;
}

// Items with one more; the room behind them doubles whenever their number is a power of two.
template <typename Item>
const Item* Append(const Item* items, uint32_t size, const Item& item, Arena* arena) {
  Item* grown = const_cast<Item*>(items);
  if ((size & (size - 1)) == 0) {
    grown = arena->AllocateArray<Item>(size == 0 ? 1 : static_cast<size_t>(size) * 2);
    std::copy(items, items + size, grown);
  }
  grown[size] = item;
  return grown;
}

}  // namespace

uint32_t Machine::Loop(const Instruction& instruction, uint32_t next) {
  switch (instruction.op) {
    case Opcode::kLoopBegin:
      return LoopBegin(instruction, next);
    case Opcode::kLoopNext:
      return LoopNext(instruction, next);
    case Opcode::kLoopFilter:
      return LoopFilter(instruction, next);
    case Opcode::kLoopStep:
      return LoopStep(instruction, next);
    default:
      LoopEnd(instruction);
      return next;
  }
}

uint32_t Machine::LoopBegin(const Instruction& instruction, uint32_t next) {
  const Value range = Pop();
  if (!MayLoop(static_cast<Macro>(instruction.flag), range.kind())) {
    Push(range.is_error() ? range : NoOverload());
    return instruction.b;
  }
  Value* locals = locals_ + instruction.a;
  locals[kRange] = range;
  locals[kPosition] = Value::Int(0);
  locals[kGathered] = Initial(static_cast<Macro>(instruction.flag));
  return next;
}

uint32_t Machine::LoopNext(const Instruction& instruction, uint32_t next) {
  Value* locals = locals_ + instruction.a;
  const Value& range = locals[kRange];
  const int64_t position = locals[kPosition].int_value();
  if (position >= range.size()) return instruction.b;
  if (++loop_steps_ > kMaxExpressionLoopSteps) {
    locals[kGathered] = Value::Error("the expression takes too many steps");
    return instruction.b;
  }
  if (!Charge(kWorkPerInstruction * (instruction.b - next))) {
    locals[kGathered] = TooMuchWork();
    return instruction.b;
  }
  locals[kPosition] = Value::Int(position + 1);
  const bool two = instruction.flag == 1;
  if (range.kind() == ValueKind::kMap) {
    locals[kFirst] = range.entries()[position].key;
    if (two) locals[kSecond] = range.entries()[position].value;
  } else {
    locals[two ? kSecond : kFirst] = range.items()[position];
    if (two) locals[kFirst] = Value::Int(position);
  }
  return next;
}

// A condition that is no bool ends the loop with an error.
uint32_t Machine::LoopFilter(const Instruction& instruction, uint32_t next) {
  const Value condition = Pop();
  if (IsBool(condition)) return condition.bool_value() ? next : instruction.b;
  locals_[instruction.a + kGathered] = condition.is_error() ? condition : NotACondition();
  return program_.instructions_[instruction.b].b;
}

// Goes on behind itself, to the kLoopEnd, where the result is decided.
uint32_t Machine::LoopStep(const Instruction& instruction, uint32_t next) {
  const Value value = Pop();
  Value& gathered = locals_[instruction.a + kGathered];
  const auto macro = static_cast<Macro>(instruction.flag);
  switch (macro) {
    case Macro::kAll:
    case Macro::kExists: {
      const bool deciding = macro == Macro::kExists;
      if (IsBool(value) && value.bool_value() == deciding) {
        gathered = value;
        return next;
      }
      if (!IsBool(value) && !gathered.is_error()) {
        gathered = value.is_error() ? value : NotACondition();
      }
      return instruction.b;
    }
    case Macro::kExistsOne:
      if (IsBool(value)) {
        if (value.bool_value()) gathered = Value::Int(gathered.int_value() + 1);
        return instruction.b;
      }
      gathered = value.is_error() ? value : NotACondition();
      return next;
    default:
      break;
  }
  if (!value.is_error() && ChargeDeep(value)) return GatherStep(instruction, next, value);
  gathered = value.is_error() ? value : TooMuchWork();
  return next;
}

uint32_t Machine::GatherStep(const Instruction& instruction, uint32_t next, const Value& value) {
  Value* locals = locals_ + instruction.a;
  switch (static_cast<Macro>(instruction.flag)) {
    case Macro::kTransformMap:
      GatherEntry(&locals[kGathered], locals[kFirst], value);
      return instruction.b;
    case Macro::kOptMap:
      locals[kGathered] = Wrap(value);
      return next;
    case Macro::kOptFlatMap:
      locals[kGathered] = value.kind() == ValueKind::kOptional ? value : NoOverload();
      return next;
    default:
      Gather(&locals[kGathered], value);
      return instruction.b;
  }
}

void Machine::Gather(Value* list, const Value& item) {
  const uint32_t size = list->size();
  *list = Value::List(Append(list->items(), size, item, arena_), size + 1);
  Charge(kWorkPerItem);
}

// The keys of a loop's range differ from each other, so they do here.
void Machine::GatherEntry(Value* map, const Value& key, const Value& value) {
  const uint32_t size = map->size();
  *map = Value::Map(Append(map->entries(), size, {key, value}, arena_), size + 1);
  Charge(2 * kWorkPerItem);
}

void Machine::LoopEnd(const Instruction& instruction) {
  const Value& gathered = locals_[instruction.a + kGathered];
  const bool one = static_cast<Macro>(instruction.flag) == Macro::kExistsOne;
  Push(one && !gathered.is_error() ? Value::Bool(gathered.int_value() == 1) : gathered);
}

}  // namespace sojourn::expr
