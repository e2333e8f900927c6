// Buckets: which of 10,000 shares of all people somebody falls into, for one purpose.
#pragma once

#include <string_view>

namespace sojourn::step {

enum class BucketKind { kAbTest, kHoldout, kSpread };

// In [0, kBuckets): the first 8 bytes, big-endian, of SHA-256(kind, 0, journey, 0, name, 0, person)
// modulo kBuckets.
int Bucket(BucketKind kind, std::string_view journey, std::string_view name,
           std::string_view person);

}  // namespace sojourn::step
