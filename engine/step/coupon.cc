// Coupons: generated, listed and static codes.
#include "engine/step/action.h"
#include "engine/step/gates.h"
#include "engine/step/identity.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::CouponPool;
using language::PoolKind;

// The next code of this partition's share of a listed pool; empty: none is left.
std::string TakeListed(PartitionState* partition, const CouponPool& pool) {
  uint32_t& taken = partition->coupons_taken[pool.name];
  const auto count = static_cast<uint64_t>(partition->partition_count);
  const uint64_t index = static_cast<uint64_t>(partition->partition.value()) + taken * count;
  if (index >= pool.codes.size()) return {};
  ++taken;
  return pool.codes[index];
}

std::string TakeCode(Walk& walk, const CouponPool& pool) {
  const Environment& environment = walk.session.environment;
  switch (pool.kind) {
    case PoolKind::kStatic:
      return pool.codes.front();
    case PoolKind::kCodes:
      return TakeListed(environment.partition, pool);
    case PoolKind::kGenerate:
      break;
  }
  const std::string occasion =
      OccasionText(walk.session.person.id, walk.journey->name, walk.run, walk.step->id);
  return pool.prefix +
         CouponCode(environment.secrets->coupon_key, pool.name, occasion, pool.length);
}

}  // namespace

Move Pass(Walk& walk, const language::CouponStep& coupon) {
  if (HeldOutOfJourney(walk.session, *walk.journey)) return walk.Skip("holdout");
  const CouponPool& pool = *coupon.pool;
  const std::string code = TakeCode(walk, pool);
  if (code.empty()) {
    const Move move = walk.Skip("coupon_empty");
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
