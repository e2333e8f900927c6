// What is wrong, or looks wrong, with the way runs go through a journey.
#include <fmt/format.h>

#include <algorithm>

#include "engine/language/journey_draft.h"

namespace sojourn::language {
namespace {

void Warn(Code code, const Node* node, LoadContext* context, std::string message,
          std::string hint = "") {
  if (node == nullptr) return;
  context->reporter->Warning(code, *node->file, node->range, std::move(message), std::move(hint));
}

// ---- errors ----------------------------------------------------------------------------------

void CheckRepeats(const JourneyDraft& draft, LoadContext* context) {
  for (uint32_t i = 0; i < draft.steps.size(); ++i) {
    if (!std::holds_alternative<RepeatStep>(draft.steps[i].action)) continue;
    const Node* key = draft.origins[i].naming_key;
    const Node* value = draft.origins[i].node->Find("repeat");
    if (value == nullptr || value->Find("steps") == nullptr) continue;
    if (!CanRepeatWithoutWait(draft.steps, i)) continue;
    context->reporter->Error(Code::kRepeatWithoutWait, *key->file, key->range,
                             "a way through this repeat has no wait or wait_until",
                             "put a wait among its steps");
  }
}

// Sends too can rest, while quiet hours last.
bool CanRest(const JourneyDraft& draft, const Step& step) {
  if (IsWait(step)) return true;
  const auto* send = std::get_if<SendStep>(&step.action);
  if (send == nullptr || !draft.journey.quiet_hours) return false;
  const bool transactional = send->topic_rule != nullptr && send->topic_rule->transactional;
  return !transactional && draft.journey.quiet_hours->then == QuietThen::kSendLater;
}

void CheckIdsForMoving(const JourneyDraft& draft, LoadContext* context) {
  if (!draft.journey.move_on_change) return;
  for (size_t i = 0; i < draft.steps.size(); ++i) {
    if (draft.origins[i].has_id || !CanRest(draft, draft.steps[i])) continue;
    const Node* key = draft.origins[i].naming_key;
    if (key == nullptr) continue;
    context->reporter->Error(Code::kMoveNeedsIds, *key->file, key->range,
                             "with on_change: move a step where runs can rest needs an id",
                             "add a line such as id: first-wait");
  }
}

// ---- warnings --------------------------------------------------------------------------------

void WarnUnreachable(const JourneyDraft& draft, LoadContext* context) {
  for (size_t i = 0; i < draft.steps.size(); ++i) {
    const uint32_t previous = draft.origins[i].previous;
    const bool first_of_its_kind =
        previous != kEndOfJourney && draft.flow[previous].reachable && !draft.flow[i].reachable;
    if (!first_of_its_kind) continue;
    Warn(Code::kUnreachableStep, draft.origins[i].naming_key, context, "no run can reach this step",
         "every way before it ends the run");
  }
}

void WarnMails(const JourneyDraft& draft, LoadContext* context) {
  for (const uint32_t index : MailsWithoutWaitBetween(draft.steps, draft.flow)) {
    Warn(Code::kMailTwice, draft.origins[index].naming_key, context,
         "this mail can go out at the same moment as the one before it", "put a wait between them");
  }
}

bool IsConstantFalse(const Conditions& conditions) {
  return std::any_of(conditions.begin(), conditions.end(),
                     [](const ProgramPointer& program) { return program->text() == "false"; });
}

void WarnGoal(const JourneyDraft& draft, LoadContext* context) {
  const std::optional<Goal>& goal = draft.journey.goal;
  const Node* key = draft.root->FindKey("goal");
  if (!goal || key == nullptr) return;
  const bool rests = std::any_of(draft.steps.begin(), draft.steps.end(),
                                 [&](const Step& step) { return CanRest(draft, step); });
  if (goal->event == "Person Erased" || IsConstantFalse(goal->where)) {
    return Warn(Code::kGoalNeverMet, key, context, "this goal can never be met");
  }
  if (!rests && !goal->within) {
    return Warn(Code::kGoalNeverMet, key, context,
                "this goal can never be met: runs end at once, and without \"within\" a goal "
                "counts only while the run is active",
                "add within: 30 days");
  }
  const bool exits = std::any_of(
      draft.journey.exit_on.begin(), draft.journey.exit_on.end(), [&](const ExitRule& rule) {
        const bool same_event =
            rule.kind == ExitKind::kEvent && rule.event == goal->event && rule.where.empty();
        return rule.kind == ExitKind::kGoal || same_event;
      });
  if (exits) return;
  for (size_t i = 0; i < draft.steps.size(); ++i) {
    if (!IsSend(draft.steps[i]) || !draft.flow[i].after_wait) continue;
    return Warn(Code::kGoalWithoutExit, key, context,
                fmt::format("who has reached this goal still gets \"{}\"",
                            std::get<SendStep>(draft.steps[i].action).template_name),
                "add exit_on: [goal] to stop there");
  }
}

}  // namespace

void CheckJourneyFlow(JourneyDraft* draft, LoadContext* context) {
  CheckRepeats(*draft, context);
  CheckIdsForMoving(*draft, context);
}

void WarnAboutJourney(JourneyDraft* draft, LoadContext* context) {
  WarnUnreachable(*draft, context);
  WarnMails(*draft, context);
  WarnGoal(*draft, context);
  if (context->some_tests_unreadable) return;
  if (context->tested_journeys.count(draft->journey.name) != 0) return;
  Warn(Code::kNoTest, draft->root->Find("journey"), context,
       fmt::format("no test file names the journey \"{}\"", draft->journey.name),
       fmt::format("write tests/{}.test.yaml", draft->journey.name));
}

}  // namespace sojourn::language
