#include "engine/cli/moved_meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "engine/base/limits.h"

namespace sojourn::cli {
namespace {

using store::PartitionMeta;
using CodesOfPools = std::map<std::string, std::set<uint32_t>>;

constexpr char kRunOnce[] =
    "run sojourn on the directory once more, until sojourn_partition_upgrading is 0 for all of it";

// What belongs to the old log or its store.
PartitionMeta WithoutPlaces(PartitionMeta meta) {
  meta.inputs.clear();
  meta.identities.clear();
  meta.timer_cursor = store::TimerRow();
  meta.changelog_next_offset = Offset(-1);
  meta.timers_incomplete = false;
  meta.persons = 0;
  return meta;
}

Status CheckMergeable(const PartitionMeta& meta, const PartitionMeta& first) {
  if (meta.bundle != first.bundle || !meta.sweeps.empty()) {
    return FailedPrecondition(fmt::format(
        "not all people are judged by the newest rules yet, and the numbers of partitions differ: "
        "{}, or give the topics as many partitions as the directory has",
        kRunOnce));
  }
  return Status::Ok();
}

Result<std::vector<store::PoolUse>> CodesOf(const CodesOfPools& pools) {
  std::vector<store::PoolUse> uses;
  size_t count = 0;
  for (const auto& [pool, codes] : pools) {
    count += codes.size();
    uses.push_back({pool, {codes.begin(), codes.end()}});
  }
  if (count <= kMaxTakenCodes) return uses;
  return ResourceExhausted(fmt::format(
      "{} coupon codes were given, and a partition remembers {}: give the topics as many "
      "partitions as the directory has",
      count, kMaxTakenCodes));
}

Result<PartitionMeta> Merge(const std::vector<OldPartition>& old, const PartitionMeta& first) {
  PartitionMeta merged = WithoutPlaces(first);
  CodesOfPools pools;
  for (const OldPartition& partition : old) {
    if (!partition.meta) {
      // Its first records may be older than all that the others have seen.
      if (partition.has_tail) merged.watermark = Timestamp::Min();
      continue;
    }
    const PartitionMeta& meta = *partition.meta;
    SOJOURN_RETURN_IF_ERROR(CheckMergeable(meta, first));
    merged.watermark = std::min(merged.watermark, meta.watermark);
    merged.clock = std::max(merged.clock, meta.clock);
    for (const store::PoolUse& use : meta.coupons_taken) {
      pools[use.pool].insert(use.taken.begin(), use.taken.end());
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(merged.coupons_taken, CodesOf(pools));
  return merged;
}

}  // namespace

Result<std::vector<std::optional<PartitionMeta>>> MoveMetas(const std::vector<OldPartition>& old,
                                                            int32_t partition_count) {
  for (const OldPartition& partition : old) {
    if (!partition.meta || !partition.meta->counted_coupons) continue;
    return FailedPrecondition(
        fmt::format("given coupon codes are kept in the way of an older sojourn: {}", kRunOnce));
  }
  std::vector<std::optional<PartitionMeta>> moved(static_cast<size_t>(partition_count));
  if (old.size() == moved.size()) {
    for (size_t p = 0; p < old.size(); ++p) {
      if (old[p].meta) moved[p] = WithoutPlaces(*old[p].meta);
    }
    return moved;
  }
  const auto first = std::ranges::find_if(
      old, [](const OldPartition& partition) { return partition.meta.has_value(); });
  if (first == old.end()) return moved;
  SOJOURN_ASSIGN_OR_RETURN(const PartitionMeta merged, Merge(old, *first->meta));
  std::ranges::fill(moved, merged);
  return moved;
}

}  // namespace sojourn::cli
