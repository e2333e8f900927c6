// Writing and reading the bytes of records: little-endian numbers, varints, lengths before texts.
//
// Threads: one owner. For the store and for connectors that keep rows beside it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sojourn::store {

// Small numbers of either sign become small unsigned ones.
inline uint64_t ZigZag(int64_t number) {
  return (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
}
inline int64_t UnZigZag(uint64_t number) {
  return static_cast<int64_t>(number >> 1) ^ -static_cast<int64_t>(number & 1);
}

// Differences modulo 2^64, so that every pair of times, Timestamp::Max() included, comes back.
inline int64_t WrappingDifference(Timestamp a, Timestamp b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a.milliseconds()) -
                              static_cast<uint64_t>(b.milliseconds()));
}
inline Timestamp WrappingSum(Timestamp base, int64_t difference) {
  return Timestamp(static_cast<int64_t>(static_cast<uint64_t>(base.milliseconds()) +
                                        static_cast<uint64_t>(difference)));
}

// Replaces the content of a string; Finish() ends it. The string's capacity is reused.
class ByteWriter {
 public:
  explicit ByteWriter(std::string* bytes) : bytes_(bytes) {
    bytes_->resize(bytes_->capacity());
    at_ = bytes_->data();
    end_ = at_ + bytes_->size();
  }

  void Byte(uint8_t byte) {
    Ensure(1);
    *at_++ = static_cast<char>(byte);
  }

  // The lowest `count` bytes.
  void Fixed(uint64_t number, size_t count) {
    Ensure(sizeof(number));
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(at_, &number, sizeof(number));
    at_ += count;
  }

  void Varint(uint64_t number) {
    Ensure(10);
    char* at = at_;  // a local, since a char written could alias the member
    while (number >= 0x80) {
      *at++ = static_cast<char>(number | 0x80);
      number >>= 7;
    }
    *at++ = static_cast<char>(number);
    at_ = at;
  }

  void Signed(int64_t number) { Varint(ZigZag(number)); }
  void Time(Timestamp time, Timestamp base) { Signed(WrappingDifference(time, base)); }

  void Text(std::string_view text) {
    Varint(text.size());
    Ensure(text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  void Finish() { bytes_->resize(static_cast<size_t>(at_ - bytes_->data())); }

 private:
  void Ensure(size_t count) {
    if (static_cast<size_t>(end_ - at_) < count) Grow(count);
  }

  void Grow(size_t count) {
    const auto used = static_cast<size_t>(at_ - bytes_->data());
    bytes_->resize((used + count) * 2 + 64);
    at_ = bytes_->data() + used;
    end_ = bytes_->data() + bytes_->size();
  }

  std::string* const bytes_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

// Reads bytes of any content. After the first thing that does not fit, ok() is false for good and
// everything reads as zero or empty, so that callers may check once at the end. Counts are safe to
// allocate by: all of one reader together never promise more than its bytes could hold.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), promised_(bytes.size()) {}

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  void Fail() {
    ok_ = false;
    at_ = end_;
  }

  uint8_t Byte() {
    if (at_ == end_) {
      Fail();
      return 0;
    }
    return static_cast<uint8_t>(*at_++);
  }

  uint64_t Fixed(size_t count) {
    if (left() < count) {
      Fail();
      return 0;
    }
    uint64_t number = 0;
    std::memcpy(&number, at_, count);
    at_ += count;
    return number;
  }

  uint64_t Varint() {
    uint64_t number = 0;
    for (int shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      if (shift == 63 && byte > 1) break;
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return number;
    }
    Fail();
    return 0;
  }

  // A varint that fits into 32 bits.
  uint32_t Varint32() {
    const uint64_t number = Varint();
    if (number > UINT32_MAX) Fail();
    return ok_ ? static_cast<uint32_t>(number) : 0;
  }

  // How many items follow, each of which takes at least `item_bytes` (> 0) besides the items of
  // further counts inside it. Without that sum nested counts could multiply.
  uint32_t Count(size_t item_bytes) { return Promise(Varint(), item_bytes); }

  // The same with a flag in the lowest bit.
  uint32_t CountWithFlag(size_t item_bytes, bool* flag) {
    const uint64_t number = Varint();
    *flag = (number & 1) != 0;
    return Promise(number >> 1, item_bytes);
  }

  int64_t Signed() { return UnZigZag(Varint()); }
  Timestamp Time(Timestamp base) { return WrappingSum(base, Signed()); }

  std::string_view Text() {
    const uint64_t size = Varint();
    if (size > left()) Fail();
    if (!ok_) return {};
    const std::string_view text(at_, size);
    at_ += size;
    return text;
  }

 private:
  uint32_t Promise(uint64_t count, size_t item_bytes) {
    if (count > left() / item_bytes || count > promised_ / item_bytes) Fail();
    if (!ok_) return 0;
    promised_ -= count * item_bytes;
    return static_cast<uint32_t>(count);
  }

  const char* at_;
  const char* end_;
  size_t promised_;  // bytes that no count has claimed yet
  bool ok_ = true;
};

}  // namespace sojourn::store
