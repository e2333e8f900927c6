#include "engine/base/arena.h"

#include <algorithm>
#include <iterator>

namespace sojourn {
namespace {
constexpr size_t kFirstBlockBytes = 1024;
constexpr size_t kMaxBlockBytes = 256 * 1024;
}  // namespace

char* Arena::AllocateSlow(size_t bytes) {
  const size_t doubled = std::min(kMaxBlockBytes, std::max(kFirstBlockBytes, capacity_ * 2));
  const size_t size = std::max(doubled, bytes);
  blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  reserved_ += size;
  current_ = blocks_.back().bytes.get();
  capacity_ = size;
  used_ = bytes;
  return current_;
}

void Arena::Absorb(Arena* other) {
  // In front, so that the block at hand stays the last one.
  blocks_.insert(blocks_.begin(), std::make_move_iterator(other->blocks_.begin()),
                 std::make_move_iterator(other->blocks_.end()));
  reserved_ += other->reserved_;
  other->blocks_.clear();
  other->current_ = nullptr;
  other->used_ = other->capacity_ = other->reserved_ = 0;
}

void Arena::Reset() {
  if (blocks_.empty()) return;
  const auto largest =
      std::max_element(blocks_.begin(), blocks_.end(),
                       [](const Block& a, const Block& b) { return a.size < b.size; });
  Block keep = std::move(*largest);
  blocks_.clear();
  blocks_.push_back(std::move(keep));
  current_ = blocks_.back().bytes.get();
  capacity_ = reserved_ = blocks_.back().size;
  used_ = 0;
}

}  // namespace sojourn
