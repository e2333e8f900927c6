// What is wrong with the entries of a test file: values may be anything, as in real events, but a
// misspelt name makes a test that tests nothing.
#pragma once

#include "engine/expr/expr.h"
#include "engine/language/source.h"
#include "engine/language/yaml.h"
#include "engine/simulate/test_file.h"

namespace sojourn::simulate {

// An error where an event, a property or a trait of an entry of `history` or `events` is nearly one
// of the catalogue; a warning where it is none of it and near to none, where a value is of another
// type, which is read as absent, and where a property is missing that the catalogue demands. `node`
// is the entry that `event` was read from.
void CheckEntry(const language::Node& node, const TestEvent& event, const expr::Names& names,
                language::Reporter* reporter);

// The same for the traits of `person`.
void CheckTraits(const language::Node& person, const TestCase& test, const expr::Names& names,
                 language::Reporter* reporter);

// The names of the traits that `expect` looks at.
void CheckExpectedTraits(const language::Node& traits, const expr::Names& names,
                         language::Reporter* reporter);

}  // namespace sojourn::simulate
