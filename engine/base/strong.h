// Strong types: two numbers or two strings of different meaning do not mix.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sojourn {

template <typename Tag, typename Rep>
class StrongInt {
 public:
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongInt&) const = default;

 private:
  Rep value_ = 0;
};

template <typename Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}
  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }
  auto operator<=>(const StrongString&) const = default;

 private:
  std::string value_;
};

using Partition = StrongInt<struct PartitionTag, int32_t>;
using Offset = StrongInt<struct OffsetTag, int64_t>;  // of one record in one partition of a topic
using PersonId = StrongString<struct PersonIdTag>;    // the record key's bytes, unchanged
using JourneyName = StrongString<struct JourneyNameTag>;
using StepId = StrongString<struct StepIdTag>;

}  // namespace sojourn

template <typename Tag, typename Rep>
struct std::hash<sojourn::StrongInt<Tag, Rep>> {
  size_t operator()(sojourn::StrongInt<Tag, Rep> v) const { return std::hash<Rep>()(v.value()); }
};
template <typename Tag>
struct std::hash<sojourn::StrongString<Tag>> {
  size_t operator()(const sojourn::StrongString<Tag>& v) const {
    return std::hash<std::string>()(v.value());
  }
};
