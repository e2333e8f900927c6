// Which conditions and values of the rules read which counters.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "engine/expr/expr.h"
#include "engine/language/bundle.h"

namespace sojourn::simulate {

struct CounterReader {
  std::string reader;                                // "segment lapsed", "journey cart, step 3"
  std::string text;                                  // of the expression
  const expr::CounterDefinition* counter = nullptr;  // the bundle's
  language::SourcePosition position;
};

// Segments first, then journeys by name.
std::vector<CounterReader> FindCounterReaders(const language::Bundle& bundle);

// Whether who keeps `kept` can read all that is read of `wanted`, as far back.
bool Covers(const expr::CounterDefinition& kept, const expr::CounterDefinition& wanted);

}  // namespace sojourn::simulate
