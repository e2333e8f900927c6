// Fourth stage's product: a flat list of instructions for a stack machine.
//
// Every instruction pops its operands from the stack and pushes one value. Errors are values: an
// operation on an error pushes that error; && and || absorb them as CEL says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/expr/check.h"
#include "engine/expr/expr.h"
#include "engine/expr/function.h"

namespace sojourn::expr {

enum class Opcode : uint8_t {
  kConstant,       // constants[b]
  kVariable,       // constants[b] = name
  kLocal,          // locals[a]
  kEventMap,       // a = 1: of trigger, here and in the next four
  kEventProperty,  // constants[b] = name, constants[b + 1] = error where absent; flag = TypeKind
  kEventName,      // constants[b] = error; flag = 1: a property `name` wins
  kEventTime,
  kEventSegment,
  kPersonMap,
  kTrait,  // like kEventProperty
  kPersonId,
  kFirstSeenAt,
  kLastSeenAt,
  kConsentMap,
  kConsent,  // constants[b] = topic
  kSuppressed,
  kNow,
  kAbTestMap,
  kAbTest,  // constants[b] = test, constants[b + 1] = error
  kCouponMap,
  kCouponCode,       // constants[b] = error
  kCouponExpiresAt,  // constants[b] = error
  kCompanyMap,
  kCompanyField,  // constants[b] = name, constants[b + 1] = error
  kCounter,       // counter_reads[b]; constants[a] = error of nothing
  kInSegment,     // segment_hashes[b]
  kLocalTime,     // flag = LocalField, of the timestamp on the stack
  kIsPresent,     // an error becomes false, anything else true
  kToOptional,    // an error becomes none, anything else an optional of it
  kNeedOptional,  // what is no optional becomes an error
  kSelect,        // constants[b] = name, constants[b + 1] = error; flag = 1: to an optional
  kHasField,      // constants[b] = name
  kIndex,         // flag = 1: to an optional
  kMakeList,      // b items; a > 0: some are optional, as optional_items[a - 1] says
  kMakeMap,       // b entries, likewise by key, value, key, value
  kNot,
  kNegate,
  kArithmetic,  // flag = Operator
  kEqual,       // flag = Operator (kEqual, kNotEqual), a = NowSide
  kCompare,     // flag = Operator, a = NowSide
  kIn,
  kJump,         // to b
  kJumpIfFalse,  // to b with the false left on the stack; else goes on, the value left
  kJumpIfTrue,   // likewise for true
  kAnd,          // of the two on the stack
  kOr,
  kChoose,  // pops a condition: true goes on, false jumps to b, an error stays and jumps to a
  kOrElse,  // pops a none and goes on; else to b with the optional (flag = 1: with its value)
  kCall,    // functions [b, b + flag) with a arguments
  kMatchConstant,  // patterns[b] against the text on the stack
  kMatch,          // a pattern against a text
  kStore,          // pops into locals[a]
  kLoopBegin,   // pops the range into locals[a...]; flag = Macro; no range: pushes an error, to b
  kLoopNext,    // next item into its variables, or to b at the end; flag = 1: two variables
  kLoopFilter,  // pops a condition: false jumps to b; an error ends the loop at its kLoopNext's b
  kLoopStep,    // pops the body's value, folds it; flag = Macro; jumps to b or goes on at the end
  kLoopEnd,     // pushes what was gathered; flag = Macro
};

// Offsets from a loop's first local.
enum LoopLocal : uint16_t { kRange, kPosition, kGathered, kFirst, kSecond, kLoopLocals };

// Flag of kEventProperty: the type is looked up by the event's name, in the constant behind the
// name and the error of absence.
inline constexpr uint8_t kTypedByEvent = 0xFF;

struct Instruction {
  Opcode op;
  uint8_t flag = 0;
  uint16_t a = 0;
  uint32_t b = 0;
};

// An instruction that reads something from the activation, with its text, for explanations.
struct Read {
  std::string text;
  uint32_t instruction = 0;
};

class CompiledProgram final : public Program {
 public:
  const std::string& text() const override { return text_; }
  std::string Dump() const override;
  Type type() const override { return type_; }
  const std::vector<Equality>& equalities() const override { return equalities_; }
  const std::vector<std::string>& event_properties() const override {
    return analysis_.event_properties;
  }
  const std::vector<std::string>& trigger_properties() const override {
    return analysis_.trigger_properties;
  }
  const std::vector<std::string>& traits() const override { return analysis_.traits; }
  const std::vector<std::string>& segments() const override { return analysis_.segments; }
  const std::vector<uint64_t>& counters() const override { return counters_; }
  bool reads_now() const override { return analysis_.reads_now; }
  bool reads_consent() const override { return analysis_.reads_consent; }
  bool reads_seen() const override { return analysis_.reads_seen; }
  bool reads_run() const override { return analysis_.reads_run; }

  // What the compiler fills in and the evaluator reads; constant afterwards.
  std::string text_;
  Type type_;
  Analysis analysis_;
  std::vector<Instruction> instructions_;
  std::vector<model::Value> constants_;
  std::vector<uint64_t> segment_hashes_;
  std::vector<uint64_t> counters_;
  std::vector<std::shared_ptr<const re2::RE2>> patterns_;
  std::vector<std::vector<bool>> optional_items_;
  std::vector<Read> reads_;
  std::vector<Equality> equalities_;
  uint32_t locals_ = 0;     // slots before the stack
  uint32_t max_stack_ = 0;  // values on the stack at most
  Arena arena_;             // constants' texts
};

std::string_view OpcodeName(Opcode op);

}  // namespace sojourn::expr
