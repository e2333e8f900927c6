// A growable array whose items live in an Arena: no destructor, no free, nesting costs nothing.
//
// Every call that may grow names the arena; it must be the same one for the array's whole life.
// Items are trivially copyable. Growing moves the items; pointers into the array die then.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "engine/base/arena.h"
#include "engine/base/check.h"

namespace sojourn {

template <typename T>
class ArenaVector {
 public:
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](uint32_t i) { return items_[i]; }
  const T& operator[](uint32_t i) const { return items_[i]; }
  T& back() { return items_[size_ - 1]; }
  const T& back() const { return items_[size_ - 1]; }

  void Reserve(Arena* arena, uint32_t capacity) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    if (capacity <= capacity_) return;
    T* items = reinterpret_cast<T*>(arena->Allocate(capacity * sizeof(T), alignof(T)));
    if (size_ > 0) std::memcpy(static_cast<void*>(items), items_, size_ * sizeof(T));
    items_ = items;
    capacity_ = capacity;
  }

  T& Append(Arena* arena, const T& item) { return Insert(arena, size_, item); }

  // Before the item at `index`; `index` may be size().
  T& Insert(Arena* arena, uint32_t index, T item) {
    SOJOURN_CHECK(index <= size_);
    if (size_ == capacity_) Reserve(arena, capacity_ < 2 ? 4 : capacity_ * 2);
    if (index < size_) {
      std::memmove(static_cast<void*>(items_ + index + 1), items_ + index,
                   (size_ - index) * sizeof(T));
    }
    items_[index] = item;
    ++size_;
    return items_[index];
  }

  void Erase(uint32_t index) {
    SOJOURN_CHECK(index < size_);
    std::memmove(static_cast<void*>(items_ + index), items_ + index + 1,
                 (size_ - index - 1) * sizeof(T));
    --size_;
  }

  // Drops the first `count` items.
  void EraseFront(uint32_t count) {
    SOJOURN_CHECK(count <= size_);
    if (count == 0) return;
    std::memmove(static_cast<void*>(items_), items_ + count, (size_ - count) * sizeof(T));
    size_ -= count;
  }

  void Clear() { size_ = 0; }

 private:
  T* items_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace sojourn
