// Fields and items of values, and making lists, maps and optionals.
#include "engine/expr/machine.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;
using model::ValueKind;

bool MayBeKey(ValueKind kind) {
  return kind == ValueKind::kString || kind == ValueKind::kBool || kind == ValueKind::kInt ||
         kind == ValueKind::kUint;
}

}  // namespace

Value Machine::Wrap(const Value& item) {
  Value* kept = arena_->AllocateArray<Value>(1);
  *kept = item;
  return Value::Optional(kept);
}

void Machine::ToOptional() { Top() = Top().is_error() ? Value::Optional(nullptr) : Wrap(Top()); }

// Of an optional, the field is optional, too.
void Machine::Select(const Instruction& instruction) {
  Value& operand = Top();
  if (operand.is_error()) return;
  const bool chained = operand.kind() == ValueKind::kOptional;
  if (chained && operand.size() == 0) return;
  const Value container = chained ? operand.items()[0] : operand;
  const bool to_optional = chained || instruction.flag == 1;
  if (!Charge(container.kind() == ValueKind::kMap ? container.size() : 0)) {
    operand = TooMuchWork();
    return;
  }
  const Value* constants = &program_.constants_[instruction.b];
  const Value* found = container.Find(constants[0].text());
  if (!to_optional) {
    operand = found != nullptr ? *found : constants[1];
  } else if (container.kind() != ValueKind::kMap) {
    operand = NoOverload();
  } else {
    operand = found != nullptr ? Wrap(*found) : Value::Optional(nullptr);
  }
}

void Machine::Subscript(bool to_optional) {
  const Value index = Pop();
  Value& operand = Top();
  if (operand.is_error()) return;
  if (index.is_error()) {
    operand = index;
    return;
  }
  const bool chained = operand.kind() == ValueKind::kOptional;
  if (chained && operand.size() == 0) return;
  const Value container = chained ? operand.items()[0] : operand;
  if (!Charge(container.kind() == ValueKind::kMap ? container.size() : 0)) {
    operand = TooMuchWork();
  } else if (!chained && !to_optional) {
    operand = Index(container, index);
  } else if (!MayIndex(container, index)) {
    operand = NoOverload();
  } else {
    const Value found = Index(container, index);
    operand = found.is_error() ? Value::Optional(nullptr) : Wrap(found);
  }
}

void Machine::HasField(const Instruction& instruction) {
  Value& operand = Top();
  if (operand.is_error()) return;
  if (operand.kind() == ValueKind::kOptional) {
    if (operand.size() == 0) {
      operand = Value::Bool(false);
      return;
    }
    operand = operand.items()[0];
  }
  if (operand.kind() != ValueKind::kMap) {
    operand = NoOverload();
    return;
  }
  const std::string_view name = program_.constants_[instruction.b].text();
  operand = Charge(operand.size()) ? Value::Bool(operand.Find(name) != nullptr) : TooMuchWork();
}

bool Machine::IsOptionalItem(const Instruction& instruction, uint32_t index) const {
  return instruction.a > 0 && program_.optional_items_[instruction.a - 1][index];
}

void Machine::MakeList(const Instruction& instruction) {
  const uint32_t count = instruction.b;
  top_ -= count;
  Value* items = arena_->AllocateArray<Value>(count);
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Value& item = top_[i];
    if (item.is_error()) return Push(item);
    if (!IsOptionalItem(instruction, i)) {
      items[size++] = item;
    } else if (item.kind() != ValueKind::kOptional) {
      return Push(NoOverload());
    } else if (item.size() > 0) {
      items[size++] = item.items()[0];
    }
  }
  const Value list = Value::List(items, size);
  Push(ChargeDeep(list) ? list : TooMuchWork());
}

void Machine::MakeMap(const Instruction& instruction) {
  const uint32_t count = instruction.b;
  top_ -= 2 * static_cast<size_t>(count);
  // Each key is compared with those before it.
  if (!Charge(static_cast<int64_t>(count) * count / 8)) return Push(TooMuchWork());
  MapEntry* entries = arena_->AllocateArray<MapEntry>(count);
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Value& key = top_[2 * i];
    Value value = top_[2 * i + 1];
    if (key.is_error() || value.is_error()) return Push(key.is_error() ? key : value);
    if (!MayBeKey(key.kind())) {
      return Push(Value::Error("keys of a map are strings, whole numbers, true or false"));
    }
    if (IsOptionalItem(instruction, 2 * i + 1)) {
      if (value.kind() != ValueKind::kOptional) return Push(NoOverload());
      if (value.size() == 0) continue;
      value = value.items()[0];
    }
    if (FindKey(Value::Map(entries, size), key) != nullptr) {
      return Push(Value::Error("a map has the same key twice"));
    }
    entries[size++] = {key, value};
  }
  const Value map = Value::Map(entries, size);
  Push(ChargeDeep(map) ? map : TooMuchWork());
}

}  // namespace sojourn::expr
