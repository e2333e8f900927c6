// Reads protobuf's wire format field by field, without copying: texts and messages are views.
//
// Threads: a value, one owner. Errors: malformed() after Next() was false. Groups, which proto3
// does not have, are malformed.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sojourn::model {

class WireReader {
 public:
  enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  // Reads the next field with its content; false at the end or where the bytes are broken.
  bool Next() {
    if (rest_.empty()) return false;
    uint64_t tag = 0;
    malformed_ = !ReadVarint(&tag) || tag >> 3 == 0 || tag >> 3 >= uint64_t{1} << 29 ||
                 !ReadContent(static_cast<uint8_t>(tag & 7));
    number_ = static_cast<uint32_t>(tag >> 3);
    return !malformed_;
  }
  bool malformed() const { return malformed_; }

  // Of the field that Next() read. A known number with another type than expected is, as in
  // protobuf's own parsers, an unknown field.
  bool Is(uint32_t number, Type type) const { return number_ == number && type_ == type; }
  uint64_t varint() const { return scalar_; }
  int64_t int64() const { return static_cast<int64_t>(scalar_); }
  double float64() const { return std::bit_cast<double>(scalar_); }
  std::string_view bytes() const { return bytes_; }

 private:
  bool ReadVarint(uint64_t* value) {
    *value = 0;
    for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
      const auto byte = static_cast<uint8_t>(rest_[i]);
      *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  template <typename Number>
  bool ReadFixed() {
    Number number = 0;
    if (rest_.size() < sizeof(number)) return false;
    std::memcpy(&number, rest_.data(), sizeof(number));  // the wire and the machine: little-endian
    scalar_ = number;
    rest_.remove_prefix(sizeof(number));
    return true;
  }

  bool ReadContent(uint8_t type) {
    type_ = static_cast<Type>(type);
    switch (type_) {
      case Type::kVarint:
        return ReadVarint(&scalar_);
      case Type::kFixed64:
        return ReadFixed<uint64_t>();
      case Type::kFixed32:
        return ReadFixed<uint32_t>();
      case Type::kBytes: {
        uint64_t size = 0;
        if (!ReadVarint(&size) || size > rest_.size()) return false;
        bytes_ = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
    }
    return false;
  }

  std::string_view rest_;
  bool malformed_ = false;
  uint32_t number_ = 0;
  Type type_ = Type::kVarint;
  uint64_t scalar_ = 0;
  std::string_view bytes_;
};

static_assert(std::endian::native == std::endian::little);

}  // namespace sojourn::model
