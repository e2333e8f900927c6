// The hashes of the product, each for one use. Pure functions; safe everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sojourn {

using Sha256Digest = std::array<uint8_t, 32>;

// Revisions, buckets, action ids.
Sha256Digest Sha256(std::string_view bytes);

// Coupon codes and tokens.
Sha256Digest HmacSha256(std::string_view key, std::string_view bytes);

// Kafka's partitioner hash ("murmur2"); the partition of a key is (hash & 0x7fffffff) % count.
uint32_t Murmur2(std::string_view bytes);
int32_t PartitionOfKey(std::string_view key, int32_t partition_count);

// Stable 64-bit name hash for identifiers inside person records (counters, segments, journeys).
// Not keyed: never for what an outsider chooses.
uint64_t StableHash64(std::string_view bytes);

// 64-bit keyed hash (SipHash-2-4) for what an outsider chooses, such as event ids.
uint64_t KeyedHash64(const std::array<uint64_t, 2>& key, std::string_view bytes);

// Lower-case hexadecimal.
std::string Hex(std::string_view bytes);
std::string Hex(const uint8_t* bytes, size_t count);

}  // namespace sojourn
