#include "engine/expr/duration_literal.h"

#include <array>

#include <fmt/format.h>

namespace sojourn::expr {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};
// Longer names first, so that "ms" is not read as "m".
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1000},
                                         {"\xC2\xB5s", 1000},
                                         {"\xCE\xBCs", 1000},
                                         {"ms", 1000000},
                                         {"s", 1000000000},
                                         {"m", 60000000000},
                                         {"h", 3600000000000}}};

class DurationParser {
 public:
  explicit DurationParser(std::string_view text) : text_(text) {}

  std::optional<__int128> Run() {
    const bool negative = !text_.empty() && text_[0] == '-';
    if (negative || (!text_.empty() && text_[0] == '+')) text_.remove_prefix(1);
    if (text_ == "0") return 0;
    if (text_.empty()) return std::nullopt;
    while (!text_.empty()) {
      if (!Part()) return std::nullopt;
    }
    return negative ? -total_ : total_;
  }

 private:
  bool AtDigit() const { return !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; }

  bool Part() {
    __int128 whole = 0;
    int digits = 0;
    for (; AtDigit(); ++digits, text_.remove_prefix(1)) {
      if (digits == 18) return false;
      whole = whole * 10 + (text_[0] - '0');
    }
    __int128 fraction = 0;
    __int128 scale = 1;
    if (!text_.empty() && text_[0] == '.') {
      text_.remove_prefix(1);
      for (; AtDigit(); ++digits, text_.remove_prefix(1)) {
        if (scale >= 1000000000000000000) continue;  // finer than a nanosecond of an hour
        fraction = fraction * 10 + (text_[0] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return false;
    for (const Unit& unit : kUnits) {
      if (text_.substr(0, unit.name.size()) != unit.name) continue;
      text_.remove_prefix(unit.name.size());
      total_ += whole * unit.nanoseconds + fraction * unit.nanoseconds / scale;
      return true;
    }
    return false;
  }

  std::string_view text_;
  __int128 total_ = 0;
};

}  // namespace

std::optional<__int128> ParseDurationLiteral(std::string_view text) {
  return DurationParser(text).Run();
}

std::string FormatDurationLiteral(PreciseTime span) {
  int64_t seconds = span.seconds;
  int64_t nanoseconds = span.nanoseconds;
  const bool negative = seconds < 0;
  if (negative && nanoseconds > 0) {
    ++seconds;
    nanoseconds = 1000000000 - nanoseconds;
  }
  std::string text = fmt::format("{}{}", negative ? "-" : "", negative ? -seconds : seconds);
  if (nanoseconds > 0) {
    std::string fraction = fmt::format("{:09}", nanoseconds);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += "." + fraction;
  }
  return text + "s";
}

}  // namespace sojourn::expr
