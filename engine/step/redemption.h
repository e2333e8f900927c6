// What is remembered of coupons once they are given: the person's newest ones, and how each pool
// fares by journey and path. Internal to engine/step.
#pragma once

#include "engine/step/session.h"
#include "engine/step/walk.h"

namespace sojourn::step {

// What the partition knows of a pool; null: nothing, and its record has no room for another.
PoolUse* FindOrAddPool(PartitionState* partition, std::string_view pool);

// The run was given the code that stands in it.
void RememberCoupon(Walk& walk);

// An order that names codes: each that the person was given is redeemed, which is an event of its
// own behind this one.
void RedeemCoupons(Session& session, const expr::EventView& event);

}  // namespace sojourn::step
