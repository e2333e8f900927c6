#include "engine/runtime/pool_uses.h"

#include <algorithm>

namespace sojourn::runtime {

std::vector<store::PoolUse> PoolUsesOf(const step::PartitionState& state) {
  std::vector<store::PoolUse> uses;
  for (const auto& [pool, use] : state.pools) {
    if (use.taken.size() == 0 && use.sources.empty()) continue;  // only looked at
    uses.push_back({pool, use.taken.size(), use.sources});
  }
  return uses;
}

void RestorePools(const std::vector<store::PoolUse>& uses, step::PartitionState* state) {
  for (auto& [pool, use] : state->pools) {
    const auto found = std::ranges::find(uses, pool, &store::PoolUse::pool);
    const bool known = found != uses.end();
    const uint64_t taken = known ? found->taken : 0;
    // A search of a million codes is not begun anew where none of them came back.
    if (taken < use.taken.size()) use.search = {};
    use.taken.Truncate(taken);
    use.sources = known ? found->sources : std::vector<model::CouponSource>();
  }
}

}  // namespace sojourn::runtime
