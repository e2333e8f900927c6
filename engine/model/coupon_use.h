// How the codes of a coupon pool fare, counted by where they were given.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>

namespace sojourn::model {

struct CouponSource {
  std::string journey;
  std::string path;       // the A/B paths taken until then, as in HeldCoupon; or empty
  uint64_t allotted = 0;  // codes given
  uint64_t redeemed = 0;  // of them, used in an order before they expired; each once
  uint64_t expired = 0;   // of them, used only after they had expired
  double total = 0;       // of the orders counted in `redeemed`

  bool operator==(const CouponSource&) const = default;
};

}  // namespace sojourn::model
