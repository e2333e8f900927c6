// What a template reads that does not come from a run: the person and the company.
//
// Pure function.
#pragma once

#include <string>

#include "engine/language/bundle.h"
#include "engine/model/person.h"

namespace sojourn::step {

// A JSON object of these roots, each where the template reads of it, as an action carries them.
std::string KnownValuesJson(const language::Bundle& bundle, const model::Person& person,
                            const language::Template& rule);

}  // namespace sojourn::step
