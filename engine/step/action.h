// Making an action: what it carries besides its own kind's fields.
#pragma once

#include <cstddef>
#include <string>

#include "engine/step/walk.h"

namespace sojourn::step {

// One action, as JSON: what any log of actions can carry.
inline constexpr size_t kMaxActionBytes = 1536 * 1024;
// Of one condition's values in an action's `why`; the rest is cut off.
inline constexpr size_t kMaxExplanationBytes = 1000;

// An action of the run's step at hand, with all that does not depend on its kind.
model::Action StartAction(Walk& walk, model::ActionKind kind);

// The JSON object of the values that the template reads, by root, and the step's data.
// `template_rule` null: data only.
std::string ValuesJson(Walk& walk, const language::Template* template_rule,
                       const EvaluatedValues& data);

// False: it exceeds kMaxActionBytes. That is noted, and the step is to be skipped: an action that
// no log can carry would keep the partition from ever committing.
bool Fits(Walk& walk, const model::Action& action);

// Hands the action out. `name`: the template, URL or pool, out of the rules.
void FinishAction(Walk& walk, std::string_view name, model::Action action);

}  // namespace sojourn::step
