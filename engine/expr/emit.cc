#include "engine/expr/emit.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/expr/constant.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

// The instruction of a read that has no others of its kind.
Opcode SimpleOpcode(Access access) {
  constexpr std::array<std::pair<Access, Opcode>, 16> kOpcodes = {
      {{Access::kEventMap, Opcode::kEventMap},
       {Access::kEventName, Opcode::kEventName},
       {Access::kEventTime, Opcode::kEventTime},
       {Access::kEventSegment, Opcode::kEventSegment},
       {Access::kPersonMap, Opcode::kPersonMap},
       {Access::kPersonId, Opcode::kPersonId},
       {Access::kFirstSeenAt, Opcode::kFirstSeenAt},
       {Access::kLastSeenAt, Opcode::kLastSeenAt},
       {Access::kConsentMap, Opcode::kConsentMap},
       {Access::kSuppressed, Opcode::kSuppressed},
       {Access::kNow, Opcode::kNow},
       {Access::kAbTestMap, Opcode::kAbTestMap},
       {Access::kCouponMap, Opcode::kCouponMap},
       {Access::kCouponCode, Opcode::kCouponCode},
       {Access::kCouponExpiresAt, Opcode::kCouponExpiresAt},
       {Access::kCompanyMap, Opcode::kCompanyMap}}};
  for (const auto& [known, op] : kOpcodes) {
    if (known == access) return op;
  }
  SOJOURN_CHECK(false);
  return Opcode::kNow;
}

class Emitter {
 public:
  Emitter(bool fold, CompiledProgram* program) : out_(*program), folding_(fold) {}

  void Run(const Node& root) {
    Emit(root);
    SOJOURN_CHECK(depth_ == 1);
  }

 private:
  // ---- Building blocks

  // `grows`: how many values the stack gains.
  uint32_t Add(Opcode op, int grows, uint32_t b = 0, uint16_t a = 0, uint8_t flag = 0) {
    out_.instructions_.push_back({op, flag, a, b});
    depth_ += grows;
    out_.max_stack_ = std::max(out_.max_stack_, static_cast<uint32_t>(depth_));
    return Position() - 1;
  }
  uint32_t Position() const { return static_cast<uint32_t>(out_.instructions_.size()); }
  void Land(uint32_t jump) { out_.instructions_[jump].b = Position(); }

  uint32_t Constant(const Value& value) {
    out_.constants_.push_back(model::DeepCopy(value, &out_.arena_));
    return static_cast<uint32_t>(out_.constants_.size()) - 1;
  }
  uint32_t Text(std::string_view text) { return Constant(Value::String(text)); }
  uint32_t Error(const std::string& message) { return Constant(Value::Error(message)); }
  // A name and, behind it, the error of its absence.
  uint32_t NameAndError(std::string_view name, const std::string& message) {
    const uint32_t index = Text(name);
    Error(message);
    return index;
  }

  // ---- Nodes

  void Emit(const Node& node) {
    if (folding_ && node.kind != NodeKind::kLiteral && IsConstant(node)) {
      Arena arena;
      if (const std::optional<Value> value = ConstantValue(node, &arena)) {
        Add(Opcode::kConstant, 1, Constant(*value));
        return;
      }
    }
    if (node.access != Access::kNone) {
      EmitAccess(node);
      if (node.kind == NodeKind::kHas) Add(Opcode::kIsPresent, 0);
      return;
    }
    EmitOperation(node);
  }

  void EmitAll(const Node& node) {
    for (const Node* child : node.children) Emit(*child);
  }

  void EmitOperation(const Node& node) {
    const auto count = static_cast<int>(node.children.size());
    switch (node.kind) {
      case NodeKind::kLiteral:
        Add(Opcode::kConstant, 1, Constant(node.value));
        return;
      case NodeKind::kSelect:
        EmitAll(node);
        Add(Opcode::kSelect, 0,
            NameAndError(node.name, fmt::format("{} is absent", CanonicalText(node))));
        return;
      case NodeKind::kHas:
        EmitAll(node);
        Add(Opcode::kHasField, 0, Text(node.name));
        return;
      case NodeKind::kIndex:
        EmitAll(node);
        Add(Opcode::kIndex, -1);
        return;
      case NodeKind::kMaybe:
        EmitMaybe(*node.children[0]);
        return;
      case NodeKind::kList:
        EmitAll(node);
        Add(Opcode::kMakeList, 1 - count, static_cast<uint32_t>(count), OptionalItems(node));
        return;
      case NodeKind::kMap:
        EmitAll(node);
        Add(Opcode::kMakeMap, 1 - count, static_cast<uint32_t>(count / 2), OptionalItems(node));
        return;
      case NodeKind::kConditional:
        EmitConditional(node);
        return;
      case NodeKind::kAnd:
        EmitChain(node, Opcode::kJumpIfFalse, Opcode::kAnd);
        return;
      case NodeKind::kOr:
        EmitChain(node, Opcode::kJumpIfTrue, Opcode::kOr);
        return;
      case NodeKind::kNot:
      case NodeKind::kNegate:
        EmitAll(node);
        Add(node.kind == NodeKind::kNot ? Opcode::kNot : Opcode::kNegate, 0);
        return;
      case NodeKind::kBinary:
        EmitBinary(node);
        return;
      case NodeKind::kLoop:
        node.macro == Macro::kBind ? EmitBind(node) : EmitLoop(node);
        return;
      case NodeKind::kName:
      case NodeKind::kCall:
        break;  // always with an access
    }
    SOJOURN_CHECK(false);
  }

  // .? and [?: the value of `access` as an optional.
  void EmitMaybe(const Node& access) {
    if (access.access != Access::kNone) {
      Emit(access);
      Add(Opcode::kToOptional, 0);
      return;
    }
    EmitAll(access);
    if (access.kind == NodeKind::kIndex) {
      Add(Opcode::kIndex, -1, 0, 0, 1);
    } else {
      Add(Opcode::kSelect, 0, NameAndError(access.name, ""), 0, 1);
    }
  }

  // 0: no item is optional; else which are, in optional_items_[result - 1].
  uint16_t OptionalItems(const Node& node) {
    std::vector<bool> optional;
    for (const Node* child : node.children) optional.push_back(child->optional_item);
    if (std::find(optional.begin(), optional.end(), true) == optional.end()) return 0;
    out_.optional_items_.push_back(std::move(optional));
    return static_cast<uint16_t>(out_.optional_items_.size());
  }

  void EmitConditional(const Node& node) {
    Emit(*node.children[0]);
    const uint32_t choose = Add(Opcode::kChoose, -1);
    Emit(*node.children[1]);
    const uint32_t skip = Add(Opcode::kJump, -1);
    Land(choose);
    Emit(*node.children[2]);
    Land(skip);
    // An error of the condition skips both branches.
    SOJOURN_CHECK(Position() <= UINT16_MAX);
    out_.instructions_[choose].a = static_cast<uint16_t>(Position());
  }

  // a && b && c: each part may decide the whole; until then parts are joined from the left.
  void EmitChain(const Node& node, Opcode decide, Opcode join) {
    std::vector<uint32_t> jumps;
    Emit(*node.children[0]);
    for (size_t i = 1; i < node.children.size(); ++i) {
      jumps.push_back(Add(decide, 0));
      Emit(*node.children[i]);
      Add(join, -1);
    }
    for (const uint32_t jump : jumps) Land(jump);
  }

  void EmitBinary(const Node& node) {
    EmitAll(node);
    const auto flag = static_cast<uint8_t>(node.op);
    const auto side = static_cast<uint16_t>(node.now_side);
    if (node.op == Operator::kIn) {
      Add(Opcode::kIn, -1);
    } else if (IsOrdering(node.op)) {
      Add(Opcode::kCompare, -1, 0, side, flag);
    } else if (IsComparison(node.op)) {
      Add(Opcode::kEqual, -1, 0, side, flag);
    } else {
      Add(Opcode::kArithmetic, -1, 0, 0, flag);
    }
  }

  void EmitLoop(const Node& node) {
    const auto locals = static_cast<uint16_t>(out_.locals_);
    const auto macro = static_cast<uint8_t>(node.macro);
    out_.locals_ += kLoopLocals;
    Emit(*node.children[0]);
    const uint32_t begin = Add(Opcode::kLoopBegin, -1, 0, locals, macro);
    const bool two = !node.second_name.empty();
    variables_.push_back({node.name, static_cast<uint16_t>(locals + kFirst)});
    if (two) variables_.push_back({node.second_name, static_cast<uint16_t>(locals + kSecond)});
    const uint32_t next = Add(Opcode::kLoopNext, 0, 0, locals, two ? 1 : 0);
    const bool filters = node.macro == Macro::kFilter || node.children.size() == 3;
    Emit(*node.children[1]);
    if (filters) {
      Add(Opcode::kLoopFilter, -1, next, locals);
      if (node.macro == Macro::kFilter) {
        Add(Opcode::kLocal, 1, 0, static_cast<uint16_t>(locals + kFirst));
      } else {
        Emit(*node.children[2]);
      }
    }
    Add(Opcode::kLoopStep, -1, next, locals, macro);
    Land(next);
    Add(Opcode::kLoopEnd, 1, 0, locals, macro);
    Land(begin);
    variables_.resize(variables_.size() - (two ? 2 : 1));
  }

  void EmitBind(const Node& node) {
    Emit(*node.children[0]);
    const auto local = static_cast<uint16_t>(out_.locals_++);
    Add(Opcode::kStore, -1, 0, local);
    variables_.push_back({node.name, local});
    Emit(*node.children[1]);
    variables_.pop_back();
  }

  // ---- Accesses

  void EmitAccess(const Node& node) {
    const uint16_t trigger = node.of_trigger ? 1 : 0;
    switch (node.access) {
      case Access::kVariable:
        Add(Opcode::kVariable, 1, Text(node.key));
        return;
      case Access::kLoopVariable:
        EmitLoopVariable(node);
        return;
      case Access::kTypeName:
        Add(Opcode::kConstant, 1, Constant(Value::Type(node.key)));
        return;
      case Access::kFunction:
        EmitCall(node);
        return;
      case Access::kLocalField:
        Emit(*node.children[0]->children[0]);
        Add(Opcode::kLocalTime, 0, 0, 0, static_cast<uint8_t>(node.index));
        return;
      case Access::kEventProperty:
        EmitEventProperty(node, trigger);
        return;
      case Access::kTrait:
        EmitRead(node, Opcode::kTrait, Field(node), 0, static_cast<uint8_t>(node.property_type));
        return;
      case Access::kEventName:
      case Access::kEventTime:
      case Access::kEventSegment:
        EmitRead(node, SimpleOpcode(node.access), Error(Absent(node)), trigger,
                 node.property_first ? 1 : 0);
        return;
      case Access::kAbTest:
        EmitRead(node, Opcode::kAbTest, Field(node));
        return;
      case Access::kCompanyField:
        EmitRead(node, Opcode::kCompanyField, Field(node));
        return;
      case Access::kConsent:
        EmitRead(node, Opcode::kConsent, Text(node.key));
        return;
      case Access::kCouponCode:
      case Access::kCouponExpiresAt:
        EmitRead(node, SimpleOpcode(node.access), Error(Absent(node)));
        return;
      case Access::kCounter:
        EmitRead(node, Opcode::kCounter, node.index);
        return;
      case Access::kInSegment:
        out_.segment_hashes_.push_back(StableHash64(node.key));
        EmitRead(node, Opcode::kInSegment, static_cast<uint32_t>(out_.segment_hashes_.size()) - 1);
        return;
      default:
        EmitRead(node, SimpleOpcode(node.access), 0, trigger);
        return;
    }
  }

  static std::string Absent(const Node& node) {
    return fmt::format("{} is absent", ReadText(node));
  }
  uint32_t Field(const Node& node) { return NameAndError(node.key, Absent(node)); }

  void EmitEventProperty(const Node& node, uint16_t trigger) {
    const uint32_t field = Field(node);
    if (node.types_by_event.is_null()) {
      return EmitRead(node, Opcode::kEventProperty, field, trigger,
                      static_cast<uint8_t>(node.property_type));
    }
    out_.constants_.push_back(model::DeepCopy(node.types_by_event, &out_.arena_));
    EmitRead(node, Opcode::kEventProperty, field, trigger, kTypedByEvent);
  }

  // What a read is called; has(x.y) reads x.y.
  static std::string ReadText(const Node& node) {
    if (node.kind != NodeKind::kHas) return CanonicalText(node);
    return fmt::format("{}.{}", CanonicalText(*node.children[0]), node.name);
  }

  void EmitRead(const Node& node, Opcode op, uint32_t b, uint16_t a = 0, uint8_t flag = 0) {
    const uint32_t at = Add(op, 1, b, a, flag);
    const std::string text = ReadText(node);
    const bool known = std::any_of(out_.reads_.begin(), out_.reads_.end(),
                                   [&](const Read& read) { return read.text == text; });
    if (!known) out_.reads_.push_back({text, at});
  }

  void EmitLoopVariable(const Node& node) {
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].name != node.key) continue;
      Add(Opcode::kLocal, 1, 0, variables_[i].local);
      return;
    }
    SOJOURN_CHECK(false);
  }

  void EmitCall(const Node& node) {
    const auto count = static_cast<uint16_t>(node.children.size());
    if (node.name == "matches" && count == 2) return EmitMatch(node);
    if (node.method && count == 2 && (node.name == "or" || node.name == "orValue")) {
      return EmitOrElse(node);
    }
    EmitAll(node);
    const Overloads overloads = FindOverloads(node.name, node.method, count);
    Add(Opcode::kCall, 1 - count, overloads.first, count, static_cast<uint8_t>(overloads.count));
  }

  void EmitMatch(const Node& node) {
    Emit(*node.children[0]);
    if (node.pattern == nullptr) {
      Emit(*node.children[1]);
      Add(Opcode::kMatch, -1);
      return;
    }
    out_.patterns_.push_back(node.pattern);
    Add(Opcode::kMatchConstant, 0, static_cast<uint32_t>(out_.patterns_.size()) - 1);
  }

  // The other value is evaluated only where the first is none.
  void EmitOrElse(const Node& node) {
    const bool value = node.name == "orValue";
    Emit(*node.children[0]);
    const uint32_t jump = Add(Opcode::kOrElse, -1, 0, 0, value ? 1 : 0);
    Emit(*node.children[1]);
    if (!value) Add(Opcode::kNeedOptional, 0);
    Land(jump);
  }

  struct Variable {
    std::string_view name;
    uint16_t local;
  };

  CompiledProgram& out_;
  int depth_ = 0;
  const bool folding_;
  std::vector<Variable> variables_;
};

}  // namespace

void EmitProgram(const Node& root, bool fold, CompiledProgram* program) {
  Emitter(fold, program).Run(root);
}

}  // namespace sojourn::expr
