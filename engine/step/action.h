// Making an action: what it carries besides its own kind's fields.
#pragma once

#include <string>

#include "engine/step/walk.h"

namespace sojourn::step {

// An action of the run's step at hand, with all that does not depend on its kind.
model::Action StartAction(Walk& walk, model::ActionKind kind);

// The JSON object of the values that the template reads, by root, and the step's data.
// `template_rule` null: data only.
std::string ValuesJson(Walk& walk, const language::Template* template_rule,
                       const EvaluatedValues& data);

// Hands the action out. `name`: the template, URL or pool, out of the rules.
void FinishAction(Walk& walk, std::string_view name, model::Action action);

}  // namespace sojourn::step
