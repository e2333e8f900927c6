// How moments, expectations and happenings are written in reports.
#pragma once

#include <string>

#include "engine/simulate/test_file.h"
#include "engine/simulate/virtual_person.h"

namespace sojourn::simulate {

// "1d 2h 30m" from the test's start; "-3d" before it.
std::string OffsetText(Timestamp start, Timestamp moment);
// "2h send_email: cart-reminder".
std::string ExpectationText(const TestCase& test, const Expectation& expectation);
std::string ActionText(const TestCase& test, const model::Action& action);
// A line of the trace; empty for what a reader does not need.
std::string HappeningText(const TestCase& test, const Happening& happening);

}  // namespace sojourn::simulate
