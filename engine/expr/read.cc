#include "engine/expr/read.h"

#include <algorithm>

#include "engine/expr/counter.h"
#include "engine/model/suppression.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;

// A property or trait as its type says; absent, null and of a wrong type are all `absent`.
Value Typed(const Value* value, uint8_t type, const Value& absent) {
  if (value == nullptr || value->is_null()) return absent;
  const auto kind = static_cast<TypeKind>(type);
  if (kind == TypeKind::kDynamic) return *value;
  const std::optional<Value> coerced = Coerce(*value, kind);
  return coerced ? *coerced : absent;
}

// Of a property that the catalogue types differently in different events.
uint8_t TypeOf(const EventView& event, const Value& types_by_event) {
  const Value* type = types_by_event.Find(event.name);
  return static_cast<uint8_t>(type == nullptr ? static_cast<int64_t>(TypeKind::kDynamic)
                                              : type->int_value());
}

Value EventField(const Instruction& instruction, const EventView& event, const Value& absent) {
  if (instruction.flag == 1) {
    constexpr std::string_view kNames[] = {"name", "time", "segment"};
    const int field = static_cast<int>(instruction.op) - static_cast<int>(Opcode::kEventName);
    const Value* property = event.properties.Find(kNames[field]);
    if (property != nullptr && !property->is_null()) return *property;
  }
  switch (instruction.op) {
    case Opcode::kEventName:
      return Value::String(event.name);
    case Opcode::kEventTime:
      return Value::Time(event.time);
    default:
      return event.segment.empty() ? absent : Value::String(event.segment);
  }
}

Value ReadEvent(const CompiledProgram& program, const Instruction& instruction,
                const Activation& activation) {
  const EventView* event = instruction.a == 1 ? activation.trigger : activation.event;
  if (event == nullptr) return Value::Error("there is no event");
  switch (instruction.op) {
    case Opcode::kEventMap:
      return event->properties.is_null() ? Value::Map(nullptr, 0) : event->properties;
    case Opcode::kEventProperty: {
      const Value* constants = &program.constants_[instruction.b];
      uint8_t type = instruction.flag;
      if (type == kTypedByEvent) type = TypeOf(*event, constants[2]);
      return Typed(event->properties.Find(constants[0].text()), type, constants[1]);
    }
    default:
      return EventField(instruction, *event, program.constants_[instruction.b]);
  }
}

Value TraitsAsMap(const model::Person& person, Arena* arena) {
  MapEntry* entries = arena->AllocateArray<MapEntry>(person.traits.size());
  for (uint32_t i = 0; i < person.traits.size(); ++i) {
    entries[i] = {Value::String(person.traits[i].name), person.traits[i].value};
  }
  return Value::Map(entries, person.traits.size());
}

bool OptedIn(const Activation& activation, std::string_view topic, bool otherwise) {
  for (const model::ConsentChoice& choice : activation.person->consent) {
    if (choice.topic == topic) return choice.opted_in;
  }
  return otherwise;
}

Value Consent(const Activation& activation, std::string_view topic) {
  if (activation.consent_defaults != nullptr) {
    for (const ConsentDefault& known : *activation.consent_defaults) {
      if (known.topic == topic) return Value::Bool(OptedIn(activation, topic, known.opted_in));
    }
  }
  return Value::Error("there is no such consent topic");
}

Value ConsentAsMap(const Activation& activation, Arena* arena) {
  if (activation.consent_defaults == nullptr) return Value::Map(nullptr, 0);
  const std::vector<ConsentDefault>& topics = *activation.consent_defaults;
  MapEntry* entries = arena->AllocateArray<MapEntry>(topics.size());
  for (size_t i = 0; i < topics.size(); ++i) {
    entries[i] = {Value::String(topics[i].topic),
                  Value::Bool(OptedIn(activation, topics[i].topic, topics[i].opted_in))};
  }
  return Value::Map(entries, static_cast<uint32_t>(topics.size()));
}

bool Suppressed(const model::Person& person) {
  if (person.complained) return true;
  const Value* email = person.FindTrait("email");
  if (email == nullptr || email->kind() != model::ValueKind::kString) return false;
  return model::HasAddress(person.bounced, email->text());
}

Value Seen(Timestamp at) {
  if (at == Timestamp::Min()) return Value::Error("the person has not been seen yet");
  return Value::Time(at);
}

Value ReadPerson(const CompiledProgram& program, const Instruction& instruction,
                 const Activation& activation, Arena* arena, TimeWatch* watch) {
  if (activation.person == nullptr) return Value::Error("there is no person");
  const model::Person& person = *activation.person;
  switch (instruction.op) {
    case Opcode::kPersonMap:
      return TraitsAsMap(person, arena);
    case Opcode::kTrait: {
      const Value* constants = &program.constants_[instruction.b];
      return Typed(person.FindTrait(constants[0].text()), instruction.flag, constants[1]);
    }
    case Opcode::kPersonId:
      return Value::String(person.id);
    case Opcode::kFirstSeenAt:
      return Seen(person.first_seen_at);
    case Opcode::kLastSeenAt:
      return Seen(person.last_seen_at);
    case Opcode::kConsentMap:
      return ConsentAsMap(activation, arena);
    case Opcode::kConsent:
      return Consent(activation, program.constants_[instruction.b].text());
    case Opcode::kSuppressed:
      return Value::Bool(Suppressed(person));
    case Opcode::kCounter:
      return ReadCounter(program.analysis_.counter_reads[instruction.b], person, activation.now,
                         watch);
    default:
      return Value::Bool(person.InSegment(program.segment_hashes_[instruction.b]));
  }
}

Value PathsAsMap(const model::Run& run, Arena* arena) {
  MapEntry* entries = arena->AllocateArray<MapEntry>(run.paths.size());
  for (uint32_t i = 0; i < run.paths.size(); ++i) {
    entries[i] = {Value::String(run.paths[i].test), Value::String(run.paths[i].path)};
  }
  return Value::Map(entries, run.paths.size());
}

Value CouponAsMap(const model::Run& run, Arena* arena) {
  if (run.coupon_code.empty()) return Value::Map(nullptr, 0);
  MapEntry* entries = arena->AllocateArray<MapEntry>(2);
  entries[0] = {Value::String("code"), Value::String(run.coupon_code)};
  const bool expires = run.coupon_expires_at != Timestamp::Max();
  if (expires) entries[1] = {Value::String("expires_at"), Value::Time(run.coupon_expires_at)};
  return Value::Map(entries, expires ? 2 : 1);
}

Value ReadRun(const CompiledProgram& program, const Instruction& instruction,
              const Activation& activation, Arena* arena) {
  if (activation.run == nullptr) return Value::Error("there is no run");
  const model::Run& run = *activation.run;
  switch (instruction.op) {
    case Opcode::kAbTestMap:
      return PathsAsMap(run, arena);
    case Opcode::kCouponMap:
      return CouponAsMap(run, arena);
    case Opcode::kAbTest: {
      const Value* constants = &program.constants_[instruction.b];
      for (const model::PathTaken& taken : run.paths) {
        if (taken.test == constants[0].text()) return Value::String(taken.path);
      }
      return constants[1];
    }
    case Opcode::kCouponCode:
      if (run.coupon_code.empty()) break;
      return Value::String(run.coupon_code);
    default:
      if (run.coupon_code.empty() || run.coupon_expires_at == Timestamp::Max()) break;
      return Value::Time(run.coupon_expires_at);
  }
  return program.constants_[instruction.b];
}

Value ReadVariable(const Value& variables, std::string_view name) {
  const Value* value = variables.Find(name);
  return value == nullptr ? Value::Error("there is no such variable") : *value;
}

}  // namespace

Value ReadLeaf(const CompiledProgram& program, const Instruction& instruction,
               const Activation& activation, Arena* arena, TimeWatch* watch) {
  switch (instruction.op) {
    case Opcode::kVariable:
      return ReadVariable(activation.variables, program.constants_[instruction.b].text());
    case Opcode::kEventMap:
    case Opcode::kEventProperty:
    case Opcode::kEventName:
    case Opcode::kEventTime:
    case Opcode::kEventSegment:
      return ReadEvent(program, instruction, activation);
    case Opcode::kNow:
      return Value::Time(activation.now);
    case Opcode::kAbTestMap:
    case Opcode::kAbTest:
    case Opcode::kCouponMap:
    case Opcode::kCouponCode:
    case Opcode::kCouponExpiresAt:
      return ReadRun(program, instruction, activation, arena);
    case Opcode::kCompanyMap:
      return activation.company.is_null() ? Value::Map(nullptr, 0) : activation.company;
    case Opcode::kCompanyField: {
      const Value* constants = &program.constants_[instruction.b];
      return Typed(activation.company.Find(constants[0].text()), 0, constants[1]);
    }
    default:
      return ReadPerson(program, instruction, activation, arena, watch);
  }
}

}  // namespace sojourn::expr
