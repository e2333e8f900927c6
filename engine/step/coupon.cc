// Coupons: generated, listed and static codes.
#include <algorithm>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/step/action.h"
#include "engine/step/gates.h"
#include "engine/step/identity.h"
#include "engine/step/trace.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::CouponPool;
using language::PoolKind;

// The low half of a code's hash says whose it is, the high half is how it is remembered. Of two
// codes with the same mark (one in some 100,000 of a full share) the second is passed over.
bool IsOfPartition(uint64_t hash, const PartitionState& partition) {
  const auto share = static_cast<uint32_t>(hash) % static_cast<uint32_t>(partition.partition_count);
  return share == static_cast<uint32_t>(partition.partition.value());
}

// False: the code was taken before.
bool Take(uint64_t hash, std::vector<uint32_t>* taken) {
  const auto mark = static_cast<uint32_t>(hash >> 32);
  const auto at = std::lower_bound(taken->begin(), taken->end(), mark);
  if (at != taken->end() && *at == mark) return false;
  taken->insert(at, mark);
  return true;
}

size_t TakenOfAllPools(const PartitionState& partition) {
  size_t count = 0;
  for (const auto& [pool, use] : partition.coupons_taken) count += use.taken.size();
  return count;
}

// The next code of this partition's share of a listed pool; empty: none is left, or no more can be
// remembered.
std::string TakeListed(PartitionState* partition, const CouponPool& pool) {
  if (TakenOfAllPools(*partition) >= kMaxTakenCodes) return {};
  PoolUse& use = partition->coupons_taken[pool.name];
  size_t& next = use.searched[&pool];
  while (next < pool.codes.size()) {
    const std::string& code = pool.codes[next++];
    const uint64_t hash = StableHash64(code);
    if (IsOfPartition(hash, *partition) && Take(hash, &use.taken)) return code;
  }
  return {};
}

std::string TakeCode(Walk& walk, const CouponPool& pool) {
  const Environment& environment = walk.session.environment;
  const auto occasion = [&] {
    return OccasionText(walk.session.person.id, walk.journey->name, walk.run, walk.step->id);
  };
  switch (pool.kind) {
    case PoolKind::kStatic:
      return pool.codes.front();
    case PoolKind::kCodes: {
      if (environment.given_codes == nullptr) return TakeListed(environment.partition, pool);
      const auto given = environment.given_codes->find(ActionId(occasion()));
      return given == environment.given_codes->end() ? std::string() : given->second;
    }
    case PoolKind::kGenerate:
      break;
  }
  return pool.prefix +
         CouponCode(environment.secrets->coupon_key, pool.name, occasion(), pool.length);
}

}  // namespace

void AdoptCountedCoupons(const language::Bundle& bundle,
                         const std::map<std::string, uint32_t>& counts, PartitionState* partition) {
  const auto partition_count = static_cast<size_t>(partition->partition_count);
  for (const auto& pool : bundle.pools) {
    if (pool->kind != PoolKind::kCodes) continue;
    const auto count = counts.find(pool->name);
    const size_t given = count == counts.end() ? 0 : count->second;
    for (size_t index = 0; index < pool->codes.size(); ++index) {
      const uint64_t hash = StableHash64(pool->codes[index]);
      const bool was_mine =
          static_cast<int32_t>(index % partition_count) == partition->partition.value();
      const bool is_left = was_mine && index / partition_count >= given;
      if (IsOfPartition(hash, *partition) && !is_left) {
        Take(hash, &partition->coupons_taken[pool->name].taken);
      }
    }
  }
}

Move Pass(Walk& walk, const language::CouponStep& coupon) {
  if (HeldOutOfJourney(walk.session, *walk.journey)) {
    const Move move = walk.Skip("holdout");
    TraceHoldout(walk.session, *walk.journey);
    return move;
  }
  const CouponPool& pool = *coupon.pool;
  const std::string code = TakeCode(walk, pool);
  if (code.empty()) {
    const Move move = walk.Skip("coupon_empty");
    if (walk.session.environment.tracing) {
      Explain(walk.session, "pool " + pool.name + " has no code left");
    }
    return pool.exit_on_empty ? Move::End("completed") : move;
  }
  Arena* arena = &walk.session.person.arena;
  walk.run.coupon_pool = arena->Copy(pool.name);
  walk.run.coupon_code = arena->Copy(code);
  walk.run.coupon_expires_at =
      coupon.expires_after ? walk.session.now + *coupon.expires_after : Timestamp::Max();
  FinishAction(walk, pool.name, StartAction(walk, model::ActionKind::kCoupon));
  return Move::To(walk.step->next);
}

}  // namespace sojourn::step
