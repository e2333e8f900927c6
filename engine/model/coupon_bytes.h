// How much room the counts of coupons may take of a partition's record, which is written with every
// commit.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/model/coupon_use.h"

namespace sojourn {

inline constexpr size_t kMaxCouponUseBytes = 256 * 1024;  // of all pools and their sources

}  // namespace sojourn

namespace sojourn::model {

// The most bytes that a source, or a pool with its sources, takes of the record, however far it is
// counted. A pool always has room for one source without a name.
inline size_t MostBytes(const CouponSource& source) {
  constexpr size_t kLengthsAndNumbers = 48;
  return kLengthsAndNumbers + source.journey.size() + source.path.size();
}
inline size_t MostBytes(std::string_view pool, const std::vector<CouponSource>& sources) {
  constexpr size_t kLengthsAndNumbers = 16;
  size_t bytes = kLengthsAndNumbers + pool.size() + MostBytes(CouponSource());
  for (const CouponSource& source : sources) {
    if (!source.journey.empty()) bytes += MostBytes(source);
  }
  return bytes;
}

}  // namespace sojourn::model
