// Points in time and spans of time, both in whole milliseconds.
//
// Timestamp counts from 1970-01-01T00:00:00Z. Arithmetic saturates at the ends instead of wrapping,
// so that no input can make time run backwards. Values; safe everywhere.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace sojourn {

class Duration {
 public:
  constexpr Duration() = default;
  constexpr explicit Duration(int64_t milliseconds) : milliseconds_(milliseconds) {}
  constexpr int64_t milliseconds() const { return milliseconds_; }
  constexpr auto operator<=>(const Duration&) const = default;

 private:
  int64_t milliseconds_ = 0;
};

constexpr Duration Milliseconds(int64_t n) { return Duration(n); }
constexpr Duration Seconds(int64_t n) { return Duration(n * 1000); }
constexpr Duration Minutes(int64_t n) { return Seconds(n * 60); }
constexpr Duration Hours(int64_t n) { return Minutes(n * 60); }
constexpr Duration Days(int64_t n) { return Hours(n * 24); }

class Timestamp {
 public:
  constexpr Timestamp() = default;
  constexpr explicit Timestamp(int64_t milliseconds) : milliseconds_(milliseconds) {}
  constexpr int64_t milliseconds() const { return milliseconds_; }
  constexpr auto operator<=>(const Timestamp&) const = default;

  // "Never": later than every moment that an input can name.
  static constexpr Timestamp Max() { return Timestamp(std::numeric_limits<int64_t>::max()); }
  static constexpr Timestamp Min() { return Timestamp(std::numeric_limits<int64_t>::min()); }

 private:
  int64_t milliseconds_ = 0;
};

constexpr int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}
constexpr int64_t SaturatingSubtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

constexpr Timestamp operator+(Timestamp t, Duration d) {
  return Timestamp(SaturatingAdd(t.milliseconds(), d.milliseconds()));
}
constexpr Timestamp operator-(Timestamp t, Duration d) {
  return Timestamp(SaturatingSubtract(t.milliseconds(), d.milliseconds()));
}
constexpr Duration operator-(Timestamp a, Timestamp b) {
  return Duration(SaturatingSubtract(a.milliseconds(), b.milliseconds()));
}
constexpr Duration operator+(Duration a, Duration b) {
  return Duration(SaturatingAdd(a.milliseconds(), b.milliseconds()));
}

}  // namespace sojourn
