// The codes of a listed coupon pool that a partition has given away: their 64-bit hashes in the
// order in which they were given, and a table to find them by.
//
// It only grows at its end, so that a commit writes the end alone, and a rollback is a cut. Some
// 20 bytes a code.
//
// Threads: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sojourn::model {

class TakenCodes {
 public:
  TakenCodes() = default;
  explicit TakenCodes(std::vector<uint64_t> hashes);

  // Whether the code with this hash (StableHash64) was given. A hash whose lower half is 0 stands
  // for all with its upper half: more is not known of codes that older versions gave.
  bool Has(uint64_t hash) const;
  // False: it was taken before.
  bool Take(uint64_t hash);
  // Forgets what was taken behind the first `size`.
  void Truncate(size_t size);

  std::span<const uint64_t> in_order() const { return hashes_; }
  size_t size() const { return hashes_.size(); }

 private:
  size_t Slot(uint64_t hash) const;
  bool Holds(uint64_t hash) const;
  void Rebuild(size_t slots);

  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> table_;  // open addressing, a power of two: index into hashes_ + 1; 0: free
};

}  // namespace sojourn::model
