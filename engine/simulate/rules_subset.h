// The rules that some journeys need: what a test of them has to load, however large the rest is.
//
// Threads: a pure function.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/language/bundle.h"

namespace sojourn::simulate {

// The journeys of these names, with the company, the catalogue, and the segments, templates and
// pools that they or `test_text` name, directly or through one another. `bundle` has no errors.
std::shared_ptr<const language::Bundle> SubsetFor(const language::Bundle& bundle,
                                                  const std::vector<std::string>& journeys,
                                                  std::string_view test_text);

}  // namespace sojourn::simulate
