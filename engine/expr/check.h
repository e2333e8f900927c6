// Third stage: what every name means, which types meet, and what the expression reads.
//
// The checker completes the nodes of an Ast (type, access, key, ...) and gathers an Analysis. After
// a mistake the node counts as dynamic, so that one mistake gives one message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/ast.h"
#include "engine/expr/expr.h"
#include "engine/expr/issue.h"

namespace sojourn::expr {

enum class History : uint8_t { kCount, kSum, kMinimum, kMaximum, kAverage, kLast, kFirst };

// Which part of a counter a history function reads.
struct CounterRead {
  History function = History::kCount;
  uint64_t counter = 0;
  bool ever = true;
  Duration window;                       // without `ever`
  TypeKind result = TypeKind::kDynamic;  // what the value is turned into
  bool of_value = false;                 // last and first: VALUE instead of the time
  std::string event;                     // for messages
};

enum class LocalField : uint8_t { kHour, kMinute, kDay, kMonth, kYear, kWeekday };

// What one expression reads.
struct Analysis {
  std::vector<CounterRead> counter_reads;
  std::vector<CounterDefinition> required;  // one per counter read
  std::vector<std::string> event_properties;
  std::vector<std::string> trigger_properties;
  std::vector<std::string> traits;
  std::vector<std::string> segments;
  bool reads_now = false;
  bool reads_consent = false;
  bool reads_seen = false;
  bool reads_run = false;
};

class Checker {
 public:
  Checker(const Scope& scope, const Names& names, Ast* ast, IssueList* issues)
      : scope_(&scope), names_(names), ast_(ast), issues_(issues) {}

  // Checks the whole tree; `want` as in Compile().
  void Run(TypeKind want);
  Analysis& analysis() { return analysis_; }

 private:
  // check.cc: the tree.
  Type Check(Node* node);
  Type CheckBare(Node* node);
  void CheckConstant(const Node& node);
  void CheckResult(TypeKind want);
  Type CheckCondition(Node* node, std::string_view place);
  Type CheckIndex(Node* node);
  Type CheckSelect(Node* node);
  bool IsQualifiedVariable(Node* node) const;
  Type CheckLoop(Node* node);
  void CheckRange(const Node& loop, TypeKind range);
  void CheckNot(Node* node);

  // For messages: the node's own text, shortened where it is long; likewise with its type.
  std::string Shown(const Node& node) const;
  std::string Typed(const Node& node) const;

  // check_operators.cc: operators and the rule for `now`.
  Type CheckBinary(Node* node);
  Type CheckArithmetic(Node* node, TypeKind left, TypeKind right);
  Type CheckComparison(Node* node, TypeKind left, TypeKind right);
  Type CheckNegate(Node* node);
  void MixedNumbers(const Node& node, TypeKind left, TypeKind right);
  void CheckPath(const Node& test, const Node& path);
  void NeverNull(const Node& comparison);
  bool MayBeUnset(const Node& side) const;
  void WarnIfMayBeAbsent(const Node& side);
  void MarkNow(Node* node);
  void MarkCounts(Node* node);

  // check_names.cc: names and fields of the roots event, trigger, person, ...
  Type CheckName(Node* node);
  bool CheckRootField(Node* node, std::string_view field, Span field_span);
  bool RootAllowed(std::string_view root, Span span);
  Type EventField(Node* node, bool of_trigger, std::string_view field, Span span);
  Type PersonField(Node* node, std::string_view field, Span span);
  Type ConsentField(Node* node, std::string_view topic, Span span);
  Type AbTestField(Node* node, std::string_view test, Span span);
  Type CouponField(Node* node, std::string_view field, Span span);
  bool IsRoot(const Node& node, std::string_view name) const;
  bool IsShadowed(std::string_view name) const;
  std::vector<std::string> PossibleProperties(const std::vector<std::string>& events) const;

  // check_calls.cc: functions.
  Type CheckCall(Node* node);
  void ResolveNamespace(Node* node) const;
  Type CheckFunction(Node* node, std::string_view name, bool method);
  void CheckPattern(Node* node);
  Type CheckLocal(Node* select);
  Type CheckInSegment(Node* node);
  void UnknownFunction(const Node& node);

  // check_history.cc: count, sum, last, ...
  Type CheckHistory(Node* node, History function);
  Type CheckValue(Node* argument, const Node& call, const CounterRead& read);
  bool CheckEventName(const Node& argument);
  bool CheckWindow(Node* argument, CounterRead* read);
  Scope NestedScope(const std::string& event, bool condition) const;
  Type CheckNested(Node* node, const Scope& scope, bool condition);
  std::shared_ptr<const Program> CompileNested(const std::string& text, const Scope& scope,
                                               TypeKind want) const;
  void Require(const CounterRead& read, CounterDefinition definition);

  const Scope* scope_;
  const Names& names_;
  Ast* ast_;
  IssueList* issues_;
  Analysis analysis_;
  std::vector<std::string_view> loop_variables_;
  std::vector<std::string> guarded_;  // canonical texts inside has()
  size_t patterns_ = 0;               // constant ones of matches()
  bool nested_ = false;               // inside COND or VALUE
};

// The history function of this name, if it is one.
bool FindHistory(std::string_view name, History* function);

}  // namespace sojourn::expr
