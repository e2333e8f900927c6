// History functions: each becomes a counter definition and a read of it.
#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/expr/check.h"
#include "engine/expr/constant.h"
#include "engine/model/event.h"

namespace sojourn::expr {
namespace {

using model::ValueKind;

constexpr uint32_t kNoNeed = 0;

constexpr std::array<std::string_view, 7> kHistoryNames = {"count", "sum",  "min",  "max",
                                                           "avg",   "last", "first"};
constexpr std::array<std::string_view, 7> kForms = {
    "count(EVENT), count(EVENT, WINDOW) or count(EVENT, WINDOW, CONDITION)",
    "sum(EVENT, WINDOW, VALUE) or sum(EVENT, WINDOW, VALUE, CONDITION)",
    "min(EVENT, WINDOW, VALUE) or min(EVENT, WINDOW, VALUE, CONDITION)",
    "max(EVENT, WINDOW, VALUE) or max(EVENT, WINDOW, VALUE, CONDITION)",
    "avg(EVENT, WINDOW, VALUE) or avg(EVENT, WINDOW, VALUE, CONDITION)",
    "last(EVENT) or last(EVENT, VALUE)",
    "first(EVENT) or first(EVENT, VALUE)"};

constexpr std::array<std::string_view, 14> kBuiltInEvents = {
    model::kIdentify,     model::kUnsubscribed,     model::kSubscribed,   model::kEmailDelivered,
    model::kEmailOpened,  model::kEmailLinkClicked, model::kEmailBounced, model::kEmailMarkedAsSpam,
    model::kPersonErased, model::kPersonMerged,     model::kPageViewed,   model::kScreenViewed,
    model::kGroupJoined,  model::kCouponRedeemed};

bool IsAggregate(History function) {
  return function >= History::kSum && function <= History::kAverage;
}

// Which argument is what; -1 where there is none.
struct Arguments {
  int window = -1;
  int value = -1;
  int condition = -1;
};

bool Arrange(History function, int count, Arguments* arguments) {
  if (function == History::kCount) {
    if (count > 1) arguments->window = 1;
    if (count > 2) arguments->condition = 2;
    return count >= 1 && count <= 3;
  }
  if (!IsAggregate(function)) {
    if (count > 1) arguments->value = 1;
    return count == 1 || count == 2;
  }
  *arguments = {1, 2, count > 3 ? 3 : -1};
  return count == 3 || count == 4;
}

uint32_t NeedsOf(const CounterRead& read) {
  if (!read.ever) return kNeedSamples | (IsAggregate(read.function) ? kNeedSampleValues : kNoNeed);
  switch (read.function) {
    case History::kCount:
      return kNeedCount;
    case History::kSum:
      return kNeedSum;
    case History::kMinimum:
      return kNeedMinimum;
    case History::kMaximum:
      return kNeedMaximum;
    case History::kAverage:
      return kNeedSum | kNeedCount;
    case History::kLast:
      return kNeedLast | (read.of_value ? kNeedLastValue : kNoNeed);
    case History::kFirst:
      return kNeedFirst | (read.of_value ? kNeedFirstValue : kNoNeed);
  }
  return 0;
}

TypeKind ResultOf(const CounterRead& read, TypeKind value) {
  switch (read.function) {
    case History::kCount:
      return TypeKind::kInt;
    case History::kAverage:
      return TypeKind::kDouble;
    case History::kLast:
    case History::kFirst:
      return read.of_value ? value : TypeKind::kTimestamp;
    default:
      return value;
  }
}

}  // namespace

bool FindHistory(std::string_view name, History* function) {
  for (size_t i = 0; i < kHistoryNames.size(); ++i) {
    if (kHistoryNames[i] != name) continue;
    *function = static_cast<History>(i);
    return true;
  }
  return false;
}

Type Checker::CheckHistory(Node* node, History function) {
  node->access = Access::kCounter;
  if (!scope_->history) {
    issues_->Error(code::kNotHere, node->span, fmt::format("{}() has no meaning here", node->name),
                   nested_ ? "history functions cannot stand inside each other" : "");
    return {};
  }
  Arguments arguments;
  if (!Arrange(function, static_cast<int>(node->children.size()), &arguments)) {
    issues_->Error(code::kArguments, node->span,
                   fmt::format("{} has other arguments", Shown(*node)),
                   fmt::format("write {}", kForms[static_cast<size_t>(function)]));
    return {};
  }
  CounterRead read;
  read.function = function;
  read.of_value = arguments.value >= 0;
  const bool event = CheckEventName(*node->children[0]);
  const bool window = arguments.window < 0 || CheckWindow(node->children[arguments.window], &read);
  if (!event || !window) return {};
  CounterDefinition definition;
  read.event = definition.event = node->children[0]->value.text();
  Type value;
  if (arguments.value >= 0) {
    Node* argument = node->children[arguments.value];
    value = CheckValue(argument, *node, read);
    definition.value_text = CanonicalText(*argument);
  }
  if (arguments.condition >= 0) {
    Node* argument = node->children[arguments.condition];
    CheckNested(argument, NestedScope(read.event, true), true);
    definition.condition_text = CanonicalText(*argument);
  }
  read.result = ResultOf(read, value.kind);
  if (!issues_->has_error()) {
    node->index = static_cast<uint32_t>(analysis_.counter_reads.size());
    Require(read, std::move(definition));
  }
  return {read.result};
}

Type Checker::CheckValue(Node* argument, const Node& call, const CounterRead& read) {
  const Type value = CheckNested(argument, NestedScope(read.event, false), false);
  const bool number = value.kind == TypeKind::kInt || value.kind == TypeKind::kUint ||
                      value.kind == TypeKind::kDouble || value.kind == TypeKind::kDynamic;
  if (number || !IsAggregate(read.function)) return value;
  issues_->Error(code::kType, argument->span,
                 fmt::format("{}() needs a number, {} is {}", call.name, Shown(*argument),
                             TypeKindName(value.kind)));
  return {};
}

bool Checker::CheckEventName(const Node& argument) {
  const bool text =
      argument.kind == NodeKind::kLiteral && argument.value.kind() == ValueKind::kString;
  if (!text) {
    issues_->Error(code::kLiteralNeeded, argument.span,
                   fmt::format("the event's name {} must stand in quotes", Shown(argument)),
                   "for example count(\"Order Completed\")");
    return false;
  }
  const std::string_view name = argument.value.text();
  bool known = !names_.HasCatalog() || names_.HasEvent(name);
  for (const std::string_view built_in : kBuiltInEvents) known |= built_in == name;
  if (!known) {
    issues_->Error(code::kUnknownEvent, argument.span, fmt::format("unknown event \"{}\"", name),
                   DidYouMean(name, names_.EventNames()));
  }
  return known;
}

bool Checker::CheckWindow(Node* argument, CounterRead* read) {
  if (IsRoot(*argument, "ever")) return true;
  const auto wrong = [&](std::string_view what) {
    issues_->Error(code::kWindow, argument->span,
                   fmt::format("the window {} must be {}", Shown(*argument), what),
                   "write a constant duration such as days(90), or the word ever");
    return false;
  };
  const int errors = issues_->errors();
  const TypeKind type = Check(argument).kind;
  if (issues_->errors() > errors) return false;
  if (!IsConstant(*argument)) return wrong("constant");
  const std::optional<model::Value> window = ConstantValue(*argument, &ast_->arena);
  if (!window || window->kind() != ValueKind::kDuration || type == TypeKind::kNull) {
    return wrong("a duration");
  }
  if (window->duration() < Milliseconds(1)) return wrong("longer than nothing");
  read->ever = false;
  read->window = window->duration();
  analysis_.reads_now = true;
  return true;
}

// COND and VALUE see only the counted event; COND sees the person, too.
Scope Checker::NestedScope(const std::string& event, bool condition) const {
  Scope scope;
  scope.event = true;
  scope.events = {event};
  scope.person = condition;
  scope.company = false;
  scope.history = false;
  scope.in_segment = false;
  scope.now = false;
  scope.unchecked = scope_->unchecked;
  return scope;
}

Type Checker::CheckNested(Node* node, const Scope& scope, bool condition) {
  Analysis outer_analysis = std::exchange(analysis_, {});
  std::vector<std::string_view> outer_variables = std::exchange(loop_variables_, {});
  const Scope* outer_scope = std::exchange(scope_, &scope);
  nested_ = true;
  const Type type = condition ? CheckCondition(node, "here") : Check(node);
  nested_ = false;
  scope_ = outer_scope;
  loop_variables_ = std::move(outer_variables);
  analysis_ = std::move(outer_analysis);
  return type;
}

// The text has just been checked in place, so it compiles.
std::shared_ptr<const Program> Checker::CompileNested(const std::string& text, const Scope& scope,
                                                      TypeKind want) const {
  CounterTable none;
  std::shared_ptr<const Program> program = Compile(text, scope, names_, want, &none).program;
  SOJOURN_CHECK(program != nullptr);
  return program;
}

void Checker::Require(const CounterRead& read, CounterDefinition definition) {
  if (!definition.value_text.empty()) {
    definition.value = CompileNested(definition.value_text, NestedScope(definition.event, false),
                                     TypeKind::kDynamic);
  }
  if (!definition.condition_text.empty()) {
    definition.condition = CompileNested(definition.condition_text,
                                         NestedScope(definition.event, true), TypeKind::kBool);
  }
  std::string identity = definition.event;
  for (const std::string* part : {&definition.condition_text, &definition.value_text}) {
    identity += '\0';
    identity += *part;
  }
  definition.id = StableHash64(identity);
  definition.needs = NeedsOf(read);
  definition.window = read.window;
  definition.keep = read.ever ? 0 : static_cast<uint32_t>(kMaxCounterSamples);
  analysis_.counter_reads.push_back(read);
  analysis_.counter_reads.back().counter = definition.id;
  analysis_.required.push_back(std::move(definition));
}

}  // namespace sojourn::expr
