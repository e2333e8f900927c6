// What the partitions of another log begin with when the people of this one move there: the metas
// of the old partitions, put together for the new ones.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/status.h"
#include "engine/store/partition_meta.h"
#include "engine/store/partition_store.h"

namespace sojourn::cli {

struct OldPartition {
  std::optional<store::PartitionMeta> meta;  // nullopt: nothing was ever committed
  store::TakenCodes codes;                   // that `meta` counts
  bool has_tail = false;                     // its log has records that are not applied
};

// By new partition; nullopt: it begins empty. Positions, identities and the number of people are
// left to who fills the new log.
//
// With as many partitions as before each goes on where it stood. With another number the people of
// each old partition are spread over all new ones. Then every new one stands where the slowest old
// one stood: a timer before that moment has fired for everybody, and what the tails still hold is
// not older. And each remembers those given coupon codes that are its own now. kFailedPrecondition
// where that cannot be: the old partitions do not go by the same rules, or somebody is still to be
// upgraded to them.
Result<std::vector<std::optional<store::PartitionMeta>>> MoveMetas(
    const std::vector<OldPartition>& old, int32_t partition_count);

}  // namespace sojourn::cli
