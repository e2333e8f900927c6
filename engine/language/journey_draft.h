// A journey while it is being loaded: flat steps whose expressions are compiled last, when it is
// known what can have happened before each step. Internal to this folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/language/flow.h"
#include "engine/language/load_context.h"

namespace sojourn::language {

struct PendingExpression {
  uint32_t step = 0;
  const Node* node = nullptr;
  // Where the result goes: one of the two.
  ProgramPointer* program = nullptr;
  Conditions* conditions = nullptr;
  expr::TypeKind want = expr::TypeKind::kDynamic;
  std::string candidate;       // wait_until: the event that `event` is here
  bool segment_rules = false;  // wait_until: a condition
  // What the value is assigned to, where its type is known.
  std::optional<expr::Type> target;
};

// What the flat steps forget.
struct StepOrigin {
  const Node* node = nullptr;
  const Node* naming_key = nullptr;  // "send_email", "wait", ...
  bool has_id = false;
  uint32_t previous = kEndOfJourney;  // the step before it in its block
};

struct JourneyDraft {
  const RulesFile* file = nullptr;
  const Node* root = nullptr;
  Journey journey;
  std::vector<std::string> trigger_events;  // pseudo names for segments, dates, schedules
  std::vector<Step> steps;  // has room for all from the start: addresses inside stay
  std::vector<StepOrigin> origins;
  std::vector<PendingExpression> pending;
  std::vector<std::string> ab_tests;
  std::map<std::string, std::vector<std::string>, std::less<>> ab_test_paths;
  bool hides_test = false;  // a step that is not understood may be an A/B test
  bool has_coupon = false;
  std::vector<StepFlow> flow;
};

// The stages of a journey, in this order.
void LoadTriggers(JourneyDraft* draft, LoadContext* context);
void BuildSteps(JourneyDraft* draft, LoadContext* context);
void CompileStepExpressions(JourneyDraft* draft, LoadContext* context);
void CheckSends(JourneyDraft* draft, LoadContext* context);
void CheckJourneyFlow(JourneyDraft* draft, LoadContext* context);
void WarnAboutJourney(JourneyDraft* draft, LoadContext* context);

// Whether a value of type `from` can be stored as `to`.
bool Fits(expr::TypeKind from, expr::TypeKind to);

}  // namespace sojourn::language
