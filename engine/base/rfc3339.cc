#include "engine/base/rfc3339.h"

#include <cctz/civil_time.h>
#include <fmt/format.h>

namespace sojourn {
namespace {

// Reads `count` digits at `*position`, moving it; -1 where there is no digit.
int ReadDigits(std::string_view text, size_t* position, int count) {
  int value = 0;
  for (int i = 0; i < count; ++i, ++*position) {
    if (*position >= text.size()) return -1;
    const char c = text[*position];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool ReadChar(std::string_view text, size_t* position, char expected) {
  if (*position >= text.size() || text[*position] != expected) return false;
  ++*position;
  return true;
}

std::optional<cctz::civil_day> ReadDay(std::string_view text, size_t* position) {
  const int year = ReadDigits(text, position, 4);
  if (year < 1 || !ReadChar(text, position, '-')) return std::nullopt;
  const int month = ReadDigits(text, position, 2);
  if (month < 1 || month > 12 || !ReadChar(text, position, '-')) return std::nullopt;
  const int day = ReadDigits(text, position, 2);
  if (day < 1) return std::nullopt;
  const cctz::civil_day civil(year, month, day);
  if (civil.month() != month || civil.day() != day)
    return std::nullopt;  // 30 February and the like
  return civil;
}

std::optional<int64_t> ReadClock(std::string_view text, size_t* position) {
  const int hour = ReadDigits(text, position, 2);
  if (hour < 0 || hour > 23 || !ReadChar(text, position, ':')) return std::nullopt;
  const int minute = ReadDigits(text, position, 2);
  if (minute < 0 || minute > 59 || !ReadChar(text, position, ':')) return std::nullopt;
  const int second = ReadDigits(text, position, 2);
  if (second < 0 || second > 59) return std::nullopt;
  return (hour * 60 + minute) * 60 + second;
}

std::optional<int32_t> ReadFraction(std::string_view text, size_t* position) {
  if (*position >= text.size() || text[*position] != '.') return 0;
  ++*position;
  int32_t nanoseconds = 0;
  int digits = 0;
  while (*position < text.size() && text[*position] >= '0' && text[*position] <= '9') {
    if (++digits > 9) return std::nullopt;
    nanoseconds = nanoseconds * 10 + (text[*position] - '0');
    ++*position;
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanoseconds *= 10;
  return nanoseconds;
}

// Seconds east of UTC.
std::optional<int64_t> ReadOffset(std::string_view text, size_t* position) {
  if (*position >= text.size()) return std::nullopt;
  const char sign = text[(*position)++];
  if (sign == 'Z' || sign == 'z') return 0;
  if (sign != '+' && sign != '-') return std::nullopt;
  const int hour = ReadDigits(text, position, 2);
  if (hour < 0 || hour > 23 || !ReadChar(text, position, ':')) return std::nullopt;
  const int minute = ReadDigits(text, position, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  const int64_t seconds = (hour * 60 + minute) * 60;
  return sign == '-' ? -seconds : seconds;
}

}  // namespace

std::optional<PreciseTime> ParseRfc3339Precise(std::string_view text) {
  size_t position = 0;
  const auto day = ReadDay(text, &position);
  if (!day || position >= text.size()) return std::nullopt;
  const char separator = text[position++];
  if (separator != 'T' && separator != 't' && separator != ' ') return std::nullopt;
  const auto clock = ReadClock(text, &position);
  if (!clock) return std::nullopt;
  const auto fraction = ReadFraction(text, &position);
  if (!fraction) return std::nullopt;
  const auto offset = ReadOffset(text, &position);
  if (!offset || position != text.size()) return std::nullopt;
  const int64_t days = *day - cctz::civil_day(1970, 1, 1);
  return PreciseTime{days * 86400 + *clock - *offset, *fraction};
}

std::optional<Timestamp> ParseRfc3339(std::string_view text) {
  const auto precise = ParseRfc3339Precise(text);
  if (!precise) return std::nullopt;
  return Timestamp(precise->seconds * 1000 + precise->nanoseconds / 1000000);
}

std::optional<Timestamp> ParseDate(std::string_view text) {
  size_t position = 0;
  const auto day = ReadDay(text, &position);
  if (!day || position != text.size()) return std::nullopt;
  return Timestamp((*day - cctz::civil_day(1970, 1, 1)) * int64_t{86400000});
}

std::string FormatRfc3339(PreciseTime time) {
  const cctz::civil_second civil = cctz::civil_second(1970, 1, 1) + time.seconds;
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", civil.year(), civil.month(),
                                 civil.day(), civil.hour(), civil.minute(), civil.second());
  if (time.nanoseconds != 0) {
    if (time.nanoseconds % 1000000 == 0) {
      text += fmt::format(".{:03}", time.nanoseconds / 1000000);
    } else if (time.nanoseconds % 1000 == 0) {
      text += fmt::format(".{:06}", time.nanoseconds / 1000);
    } else {
      text += fmt::format(".{:09}", time.nanoseconds);
    }
  }
  return text + "Z";
}

std::string FormatRfc3339(Timestamp time) {
  int64_t seconds = time.milliseconds() / 1000;
  int64_t remainder = time.milliseconds() % 1000;
  if (remainder < 0) {
    remainder += 1000;
    --seconds;
  }
  return FormatRfc3339(PreciseTime{seconds, static_cast<int32_t>(remainder * 1000000)});
}

}  // namespace sojourn
