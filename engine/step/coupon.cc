// Coupons: generated, listed and static codes.
#include <algorithm>
#include <string>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/step/action.h"
#include "engine/step/gates.h"
#include "engine/step/identity.h"
#include "engine/step/redemption.h"
#include "engine/step/trace.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::CouponPool;
using language::PoolKind;

// The low half of a code's hash says whose it is.
bool IsOfPartition(uint64_t hash, const PartitionState& partition) {
  const auto share = static_cast<uint32_t>(hash) % static_cast<uint32_t>(partition.partition_count);
  return share == static_cast<uint32_t>(partition.partition.value());
}

size_t TakenOfAllPools(const PartitionState& partition) {
  size_t count = 0;
  for (const auto& [pool, use] : partition.pools) count += use.taken.size();
  return count;
}

// A search that begins knows what the share has left, so that nobody need count it again.
PoolSearch& SearchOf(const CouponPool& pool, const PartitionState& partition, PoolUse* use) {
  if (use->search.list == pool.list) return use->search;
  use->search = {pool.list, 0, {}};
  PoolShare& share = use->search.share;
  for (const uint64_t hash : pool.hashes) {
    if (!IsOfPartition(hash, partition)) continue;
    ++share.codes;
    if (!use->taken.Has(hash)) ++share.left;
  }
  return use->search;
}

// The next code of this partition's share of a listed pool; empty: none is left, or no more can be
// remembered.
std::string TakeListed(PartitionState* partition, const CouponPool& pool) {
  if (partition->lists_held || TakenOfAllPools(*partition) >= kMaxTakenCodes) return {};
  PoolUse* const use = FindOrAddPool(partition, pool.name);
  if (use == nullptr) return {};
  PoolSearch& search = SearchOf(pool, *partition, use);
  while (search.next < pool.codes.size()) {
    const size_t at = search.next++;
    const uint64_t hash = pool.hashes[at];
    if (!IsOfPartition(hash, *partition) || !use->taken.Take(hash)) continue;
    --search.share.left;
    return pool.codes[at];
  }
  return {};
}

// The pool as it is now, also for who follows an older revision of the journey: a refill is for
// them, too. Of one that was removed, or is of another kind now, what the revision knew.
const CouponPool& CurrentPool(const Walk& walk, const CouponPool& pool) {
  const CouponPool* current = walk.session.rules.current().FindPool(pool.name);
  return current != nullptr && current->kind == pool.kind ? *current : pool;
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

// Nothing is given: the step is passed over, or the run ends.
Move WithoutCode(Walk& walk, const CouponPool& pool, std::string_view reason,
                 std::string_view words) {
  const Move move = walk.Skip(reason);
  walk.session.output.facts.back().name = pool.name;
  if (walk.session.environment.tracing) {
    Explain(walk.session, "pool " + pool.name + std::string(words));
  }
  return pool.exit_on_empty ? Move::End("completed") : move;
}

}  // namespace

PoolShare ShareOf(const CouponPool& pool, PartitionState* partition) {
  PoolUse* const use = FindOrAddPool(partition, pool.name);
  return use == nullptr ? PoolShare() : SearchOf(pool, *partition, use).share;
}

void AdoptCountedCoupons(const language::Bundle& bundle,
                         const std::map<std::string, uint32_t>& counts, PartitionState* partition) {
  const auto partition_count = static_cast<size_t>(partition->partition_count);
  for (const auto& pool : bundle.pools) {
    if (pool->kind != PoolKind::kCodes) continue;
    const auto count = counts.find(pool->name);
    const size_t given = count == counts.end() ? 0 : count->second;
    for (size_t index = 0; index < pool->codes.size(); ++index) {
      const uint64_t hash = pool->hashes[index];
      const bool was_mine =
          static_cast<int32_t>(index % partition_count) == partition->partition.value();
      const bool is_left = was_mine && index / partition_count >= given;
      if (IsOfPartition(hash, *partition) && !is_left) {
        partition->pools[pool->name].taken.Take(hash);
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
  const CouponPool& pool = CurrentPool(walk, *coupon.pool);
  if (walk.session.now >= pool.expires_at) {
    return WithoutCode(walk, pool, "coupon_expired", " has expired");
  }
  const std::string code = TakeCode(walk, pool);
  if (code.empty()) return WithoutCode(walk, pool, "coupon_empty", " has no code left");
  Arena* arena = &walk.session.person.arena;
  walk.run.coupon_pool = arena->Copy(pool.name);
  walk.run.coupon_code = arena->Copy(code);
  walk.run.coupon_expires_at = pool.expires_at;
  if (coupon.expires_after) {
    walk.run.coupon_expires_at =
        std::min(pool.expires_at, walk.session.now + *coupon.expires_after);
  }
  RememberCoupon(walk);
  FinishAction(walk, pool.name, StartAction(walk, model::ActionKind::kCoupon));
  return Move::To(walk.step->next);
}

}  // namespace sojourn::step
