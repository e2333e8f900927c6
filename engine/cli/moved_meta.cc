#include "engine/cli/moved_meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/model/coupon_bytes.h"

namespace sojourn::cli {
namespace {

using store::PartitionMeta;
using SourceKey = std::pair<std::string, std::string>;  // journey and path

// What all old partitions know of one pool.
struct MergedPool {
  std::set<uint64_t> taken;
  std::map<SourceKey, model::CouponSource> sources;
};
using MergedPools = std::map<std::string, MergedPool>;

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
  meta.coupons.clear();
  meta.code_chunks.clear();
  meta.codes_without_rows = false;
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

void AddCounts(const model::CouponSource& source, model::CouponSource* sum) {
  sum->allotted += source.allotted;
  sum->redeemed += source.redeemed;
  sum->expired += source.expired;
  sum->total += source.total;
}

void AddPools(const OldPartition& partition, MergedPools* pools) {
  for (const store::PoolUse& use : partition.meta->coupons) {
    MergedPool& pool = (*pools)[use.pool];
    for (const model::CouponSource& source : use.sources) {
      model::CouponSource& sum = pool.sources[{source.journey, source.path}];
      sum.journey = source.journey;
      sum.path = source.path;
      AddCounts(source, &sum);
    }
    const auto codes = partition.codes.find(use.pool);
    if (codes != partition.codes.end()) {
      pool.taken.insert(codes->second.begin(), codes->second.end());
    }
  }
}

void PutCodes(const std::string& pool, std::span<const uint64_t> codes, PartitionMeta* meta) {
  for (store::CodeChunk& chunk : store::ChunksOf(pool, codes, 0)) {
    meta->code_chunks.push_back(std::move(chunk));
  }
}

// The counts of all old partitions; what exceeds the record of one is counted under no name.
// `bytes` is what the record has already.
void GiveSources(const MergedPool& pool, size_t* bytes, store::PoolUse* use) {
  model::CouponSource rest;
  for (const auto& [key, source] : pool.sources) {
    const bool fits = use->sources.size() < kMaxCouponSources &&
                      *bytes + model::MostBytes(source) <= kMaxCouponUseBytes;
    if (!fits || source.journey.empty()) {
      AddCounts(source, &rest);
      continue;
    }
    *bytes += model::MostBytes(source);
    use->sources.push_back(source);
  }
  if (rest != model::CouponSource()) use->sources.insert(use->sources.begin(), rest);
}

// The codes that belong to the new partition, and those of which that is not known; the counts of
// all go to the first.
void GivePools(const MergedPools& pools, size_t partition, size_t count, PartitionMeta* meta) {
  size_t bytes = 0;
  for (const auto& [name, pool] : pools) bytes += model::MostBytes(name, {});
  for (const auto& [name, pool] : pools) {
    store::PoolUse& use = meta->coupons.emplace_back();
    use.pool = name;
    std::vector<uint64_t> codes;
    for (const uint64_t hash : pool.taken) {
      const auto share = static_cast<uint32_t>(hash);
      if (share == 0 || share % count == partition) codes.push_back(hash);
    }
    use.taken = codes.size();
    PutCodes(name, codes, meta);
    if (partition == 0) GiveSources(pool, &bytes, &use);
  }
}

Result<PartitionMeta> Merge(const std::vector<OldPartition>& old, const PartitionMeta& first,
                            MergedPools* pools) {
  PartitionMeta merged = WithoutPlaces(first);
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
    AddPools(partition, pools);
  }
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
      if (!old[p].meta) continue;
      moved[p] = WithoutPlaces(*old[p].meta);
      moved[p]->coupons = old[p].meta->coupons;
      for (const auto& [pool, codes] : old[p].codes) PutCodes(pool, codes, &*moved[p]);
    }
    return moved;
  }
  const auto first = std::ranges::find_if(
      old, [](const OldPartition& partition) { return partition.meta.has_value(); });
  if (first == old.end()) return moved;
  MergedPools pools;
  SOJOURN_ASSIGN_OR_RETURN(const PartitionMeta merged, Merge(old, *first->meta, &pools));
  for (size_t p = 0; p < moved.size(); ++p) {
    moved[p] = merged;
    GivePools(pools, p, moved.size(), &*moved[p]);
  }
  return moved;
}

}  // namespace sojourn::cli
