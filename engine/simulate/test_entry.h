// What looks wrong with the entries of a test file: they may hold anything, as real events do, but
// a misspelt name makes a test that tests nothing.
#pragma once

#include "engine/expr/expr.h"
#include "engine/language/source.h"
#include "engine/language/yaml.h"
#include "engine/simulate/test_file.h"

namespace sojourn::simulate {

// Warns where the catalogue does not know the event, a property or a trait of an entry of `history`
// or `events`, where a value is of another type, which is read as absent, and where a property is
// missing that the catalogue demands. `node` is the entry that `event` was read from.
void WarnAboutEntry(const language::Node& node, const TestEvent& event, const expr::Names& names,
                    language::Reporter* reporter);

// The same for the traits of `person`.
void WarnAboutTraits(const language::Node& person, const TestCase& test, const expr::Names& names,
                     language::Reporter* reporter);

}  // namespace sojourn::simulate
