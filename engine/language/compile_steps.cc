// Expressions of steps, once it is known what can have happened before each.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/suggest.h"
#include "engine/language/journey_draft.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

// Where some step is not understood, it may be the one that an expression relies on.
void AllowWhatMayBeMissing(const JourneyDraft& draft, expr::Scope* scope) {
  scope->events.clear();
  scope->coupon = true;
  scope->ab_tests = draft.ab_tests;
  scope->ab_test = !draft.ab_tests.empty();
  scope->sure_ab_tests = draft.ab_tests;
  scope->ab_test_paths.clear();
  scope->sure_coupon = true;
}

expr::Scope ScopeAt(const JourneyDraft& draft, const PendingExpression& pending) {
  if (pending.segment_rules) return SegmentScope();
  // A step that no run reaches gets a warning; its expressions are judged as if all had happened.
  const StepFlow& flow = draft.flow[pending.step];
  expr::Scope scope;
  scope.event = true;
  scope.events = flow.reachable ? flow.events : draft.trigger_events;
  if (!pending.candidate.empty()) scope.events = {pending.candidate};
  scope.trigger = true;
  scope.trigger_events = draft.trigger_events;
  scope.ab_tests = flow.reachable ? flow.ab_tests : draft.ab_tests;
  scope.ab_test = !scope.ab_tests.empty();
  scope.ab_test_paths = draft.ab_test_paths;
  scope.sure_ab_tests = flow.reachable ? flow.sure_tests : draft.ab_tests;
  scope.coupon = flow.reachable ? flow.coupon : draft.has_coupon;
  scope.sure_coupon = flow.reachable ? flow.sure_coupon : draft.has_coupon;
  if (!draft.file->has_shape) AllowWhatMayBeMissing(draft, &scope);
  return scope;
}

void CheckTarget(const PendingExpression& pending, LoadContext* context) {
  if (!pending.target || pending.program == nullptr || *pending.program == nullptr) return;
  const expr::TypeKind from = (*pending.program)->type().kind;
  const expr::TypeKind to = pending.target->kind;
  if (Fits(from, to)) return;
  context->reporter->Error(
      Code::kWrongType, *pending.node->file, pending.node->range,
      fmt::format("{} is of type {}, the catalogue says {}", ShortText(pending.node->text),
                  expr::TypeKindName(from), expr::TypeKindName(to)));
}

// `event` may be what a wait_until consumed, while the trigger has such a property too.
void WarnAboutEvent(const JourneyDraft& draft, const PendingExpression& pending,
                    const expr::Program& program, LoadContext* context) {
  const StepFlow& flow = draft.flow[pending.step];
  if (flow.waited_for.empty() || !pending.candidate.empty() || pending.segment_rules) return;
  for (const std::string& property : program.event_properties()) {
    const bool trigger_has =
        property == "*" ||
        std::any_of(draft.trigger_events.begin(), draft.trigger_events.end(),
                    [&](const std::string& event) {
                      return context->catalog->EventProperty(event, property).has_value();
                    });
    if (!trigger_has) continue;
    context->reporter->Warning(Code::kEventAfterWait, *pending.node->file, pending.node->range,
                               fmt::format("event can be \"{}\" here, which a wait_until brought",
                                           flow.waited_for.front()),
                               "write trigger where the event that started the run is meant");
    return;
  }
}

bool ReadsTest(const Node& node) {
  return node.text.find("ab_test") != std::string::npos ||
         std::any_of(node.items.begin(), node.items.end(),
                     [](const Node* item) { return ReadsTest(*item); });
}

void CompileOne(PendingExpression* pending, const JourneyDraft& draft, LoadContext* context) {
  if (draft.hides_test && ReadsTest(*pending->node)) return;
  const expr::Scope scope = ScopeAt(draft, *pending);
  if (pending->conditions != nullptr) {
    *pending->conditions = CompileConditions(pending->node, scope, context);
    for (const ProgramPointer& program : *pending->conditions) {
      WarnAboutEvent(draft, *pending, *program, context);
    }
    return;
  }
  *pending->program = CompileExpression(pending->node, scope, pending->want, context);
  if (*pending->program == nullptr) return;
  CheckTarget(*pending, context);
  WarnAboutEvent(draft, *pending, **pending->program, context);
}

// ---- what a template reads at the step that sends it -----------------------------------------

std::string PartOf(const std::string& path, int part) {
  size_t begin = 0;
  for (int i = 0; i < part; ++i) {
    const size_t dot = path.find('.', begin);
    if (dot == std::string::npos) return "";
    begin = dot + 1;
  }
  return path.substr(begin, path.find('.', begin) - begin);
}

class SendChecker {
 public:
  SendChecker(const JourneyDraft& draft, LoadContext* context) : draft_(draft), context_(context) {}

  void Check(uint32_t index) {
    const Step& step = draft_.steps[index];
    const auto& send = std::get<SendStep>(step.action);
    const auto found = context_->loaded_templates.find(send.template_name);
    if (found == context_->loaded_templates.end() || !draft_.flow[index].reachable ||
        !draft_.file->has_shape) {
      return;
    }
    for (const LoadedTemplate::Read& read : found->second.reads) {
      CheckRead(read, found->second, index);
    }
  }

 private:
  void CheckRead(const LoadedTemplate::Read& read, const LoadedTemplate& loaded, uint32_t index) {
    const StepFlow& flow = draft_.flow[index];
    const std::string root = PartOf(read.path, 0);
    if (root == "event") return CheckProperty(read, flow.events);
    if (root == "trigger") return CheckProperty(read, draft_.trigger_events);
    if (root == "ab_test") return CheckTest(read, flow);
    if (root == "data") return CheckData(read, index);
    if (root == "coupon" && !IsCouponField(PartOf(read.path, 1))) return;  // told at the template
    if (root != "coupon" || flow.coupon || told_coupon_.count(index) != 0) return;
    told_coupon_.insert(index);
    const Node& node = *draft_.origins[index].naming_key;
    context_->reporter->Warning(
        Code::kNoCouponBefore, *node.file, node.range,
        fmt::format("the template \"{}\" reads {}, but no coupon step comes before this",
                    loaded.rule->name, read.path));
  }

  static bool IsCouponField(const std::string& field) {
    return field.empty() || field == "code" || field == "expires_at";
  }

  // True the first time: one mistake in a template is told once, whoever sends it.
  bool IsNew(const LoadedTemplate::Read& read) {
    return context_->told_reads.emplace(read.file, read.member.begin, read.path).second;
  }

  void CheckProperty(const LoadedTemplate::Read& read, const std::vector<std::string>& events) {
    const std::string property = PartOf(read.path, 1);
    if (property.empty() || property == "name" || property == "time") return;
    std::vector<std::string> known;
    for (const std::string& event : events) {
      if (context_->catalog->EventProperty(event, property)) return;
      const std::vector<std::string> names = context_->catalog->PropertyNames(event);
      known.insert(known.end(), names.begin(), names.end());
    }
    if (!IsNew(read)) return;
    context_->reporter->Error(
        Code::kUnknownProperty, *read.file, read.member,
        fmt::format("where the journey \"{}\" sends this, no event has the property \"{}\"",
                    draft_.journey.name, property),
        DidYouMean(property, known));
  }

  void CheckTest(const LoadedTemplate::Read& read, const StepFlow& flow) {
    const std::string test = PartOf(read.path, 1);
    const bool passed =
        std::find(flow.ab_tests.begin(), flow.ab_tests.end(), test) != flow.ab_tests.end();
    if (test.empty() || passed || !IsNew(read)) return;
    context_->reporter->Error(
        Code::kUnknownTemplateName, *read.file, read.member,
        fmt::format("where the journey \"{}\" sends this, no test \"{}\" has been passed",
                    draft_.journey.name, test),
        DidYouMean(test, flow.ab_tests));
  }

  void CheckData(const LoadedTemplate::Read& read, uint32_t index) {
    const std::string wanted = PartOf(read.path, 1);
    const auto& data = std::get<SendStep>(draft_.steps[index].action).data;
    const bool given = std::any_of(data.begin(), data.end(),
                                   [&](const auto& value) { return value.first == wanted; });
    if (wanted.empty() || given || !IsNew(read)) return;
    std::vector<std::string> names;
    for (const auto& [name, program] : data) names.push_back(name);
    // Without a name like it the template may be meant for several steps, not all of which give it.
    const std::string hint = DidYouMean(wanted, names);
    context_->reporter->Add(
        hint.empty() ? Severity::kWarning : Severity::kError,
        std::string(CodeText(Code::kUnknownTemplateName)), *read.file, read.member,
        fmt::format("where the journey \"{}\" sends this, the step gives no data \"{}\"",
                    draft_.journey.name, wanted),
        hint);
  }

  const JourneyDraft& draft_;
  LoadContext* const context_;
  std::set<uint32_t> told_coupon_;  // steps
};

}  // namespace

bool Fits(expr::TypeKind from, expr::TypeKind to) {
  using expr::TypeKind;
  if (from == to || from == TypeKind::kDynamic || to == TypeKind::kDynamic) return true;
  if (from == TypeKind::kNull) return true;  // absent
  switch (to) {
    case TypeKind::kDouble:
      return from == TypeKind::kInt || from == TypeKind::kUint;
    case TypeKind::kInt:
      return from == TypeKind::kDouble || from == TypeKind::kUint;
    case TypeKind::kTimestamp:
      return from == TypeKind::kDate || from == TypeKind::kString;
    case TypeKind::kDate:
      return from == TypeKind::kTimestamp || from == TypeKind::kString;
    default:
      return false;
  }
}

void CompileStepExpressions(JourneyDraft* draft, LoadContext* context) {
  for (PendingExpression& pending : draft->pending) CompileOne(&pending, *draft, context);
}

void CheckSends(JourneyDraft* draft, LoadContext* context) {
  SendChecker checker(*draft, context);
  for (uint32_t i = 0; i < draft->steps.size(); ++i) {
    if (IsSend(draft->steps[i])) checker.Check(i);
  }
}

}  // namespace sojourn::language
