// A bump allocator: many small pieces of one lifetime, freed together.
//
// Threads: one owner at a time. Ownership: memory stays valid until Reset() or the destructor; no
// destructor of what lives in it is run, so only trivially destructible things belong here.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sojourn {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  // `alignment` is a power of two, at most alignof(max_align_t).
  char* Allocate(size_t bytes, size_t alignment = alignof(std::max_align_t)) {
    const size_t begin = (used_ + alignment - 1) & ~(alignment - 1);
    if (begin + bytes <= capacity_) {
      used_ = begin + bytes;
      return current_ + begin;
    }
    return AllocateSlow(bytes);
  }

  template <typename T>
  T* AllocateArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* items = reinterpret_cast<T*>(Allocate(count * sizeof(T), alignof(T)));
    for (size_t i = 0; i < count; ++i) new (items + i) T();
    return items;
  }

  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* bytes = Allocate(text.size(), 1);
    std::memcpy(bytes, text.data(), text.size());
    return {bytes, text.size()};
  }

  // Takes over all that lives in `other`, which is empty afterwards.
  void Absorb(Arena* other);

  // Forgets everything allocated; keeps the largest block for reuse.
  void Reset();

  // Bytes reserved from the system.
  size_t reserved_bytes() const { return reserved_; }

 private:
  char* AllocateSlow(size_t bytes);

  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  char* current_ = nullptr;
  size_t used_ = 0;
  size_t capacity_ = 0;
  size_t reserved_ = 0;
};

}  // namespace sojourn
