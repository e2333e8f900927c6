// Single rules as one line of text: equal texts mean the same, wherever they stand in their files.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "engine/language/bundle.h"

namespace sojourn::language {

// What the step does and where it leads, by the ids of steps.
std::string DescribeStep(const Journey& journey, const Step& step);
std::string DescribeTrigger(const Trigger& trigger);
std::string DescribeExit(const ExitRule& rule);
std::string DescribeGoal(const Goal& goal);
// "(A) and (B)"; "always".
std::string DescribeConditions(const Conditions& conditions);
std::string DescribePool(const CouponPool& pool);

}  // namespace sojourn::language
