// What a task remembers of coupon pools, as its partition's record has it, and back: for a commit,
// and for whatever is undone.
//
// Threads: pure functions.
#pragma once

#include <vector>

#include "engine/step/step.h"
#include "engine/store/partition_meta.h"

namespace sojourn::runtime {

// Of the pools that anything is known of, by name.
std::vector<store::PoolUse> PoolUsesOf(const step::PartitionState& state);

// Back to `uses`, which is an earlier state of the same partition: the codes behind its counts are
// the first of those that are in memory.
void RestorePools(const std::vector<store::PoolUse>& uses, step::PartitionState* state);

}  // namespace sojourn::runtime
