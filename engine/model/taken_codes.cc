#include "engine/model/taken_codes.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace sojourn::model {
namespace {

constexpr uint64_t kUpperHalf = ~uint64_t{0} << 32;
constexpr size_t kFewestSlots = 16;

}  // namespace

TakenCodes::TakenCodes(std::vector<uint64_t> hashes) : hashes_(std::move(hashes)) {
  if (!hashes_.empty()) Rebuild(std::bit_ceil(2 * hashes_.size()));
}

// Where the hash stands, or the free slot where it would. All codes of a partition agree in the
// lowest bits, so the table goes by the others.
size_t TakenCodes::Slot(uint64_t hash) const {
  const size_t mask = table_.size() - 1;
  size_t at = (hash * 0x9E3779B97F4A7C15u >> 32) & mask;
  while (table_[at] != 0 && hashes_[table_[at] - 1] != hash) at = (at + 1) & mask;
  return at;
}

bool TakenCodes::Holds(uint64_t hash) const { return !table_.empty() && table_[Slot(hash)] != 0; }

bool TakenCodes::Has(uint64_t hash) const { return Holds(hash) || Holds(hash & kUpperHalf); }

bool TakenCodes::Take(uint64_t hash) {
  if (Has(hash)) return false;
  if (2 * (hashes_.size() + 1) > table_.size()) Rebuild(std::max(kFewestSlots, 2 * table_.size()));
  const size_t at = Slot(hash);
  hashes_.push_back(hash);
  table_[at] = static_cast<uint32_t>(hashes_.size());
  return true;
}

void TakenCodes::Truncate(size_t size) {
  // The newest first: no older one was put behind the slot that becomes free.
  while (hashes_.size() > size) {
    table_[Slot(hashes_.back())] = 0;
    hashes_.pop_back();
  }
}

void TakenCodes::Rebuild(size_t slots) {
  table_.assign(std::max(kFewestSlots, slots), 0);
  for (size_t i = 0; i < hashes_.size(); ++i) {
    table_[Slot(hashes_[i])] = static_cast<uint32_t>(i + 1);
  }
}

}  // namespace sojourn::model
