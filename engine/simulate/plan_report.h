// Plans for people and tools to read, and the counts of people as they travel between processes.
//
// Threads: pure functions. The same plan gives the same bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/simulate/plan.h"

namespace sojourn::simulate {

// `people`: null where only the rules are compared. `notes` come first, each a line.
std::string PlanText(const RulesPlan& plan, const PeoplePlan* people,
                     const std::vector<std::string>& notes);
std::string PlanJson(const RulesPlan& plan, const PeoplePlan* people,
                     const std::vector<std::string>& notes);

// Whether the plan has what a careful operator may want to stop at: missing history, members of a
// segment who are left out, runs without a place.
bool HasWarnings(const RulesPlan& plan, const PeoplePlan* people);

std::string EncodePeoplePlan(const PeoplePlan& people);
// nullopt: the text is none.
std::optional<PeoplePlan> DecodePeoplePlan(std::string_view text);

}  // namespace sojourn::simulate
