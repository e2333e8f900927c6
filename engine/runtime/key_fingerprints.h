// Marks of the configured keys, by which a partition knows whether they are those of before.
//
// Threads: a pure function.
#pragma once

#include <vector>

#include "engine/step/step.h"
#include "engine/store/partition_meta.h"

namespace sojourn::runtime {

// One of each key that state depends on.
std::vector<store::NamedText> KeyFingerprints(const step::Secrets& secrets);

// The name of the first known key that is another one now; empty: none is.
std::string ChangedKey(const std::vector<store::NamedText>& known, const step::Secrets& secrets);

}  // namespace sojourn::runtime
