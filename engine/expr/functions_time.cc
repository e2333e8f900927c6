// Timestamps and durations: makers and accessors.
#include <fmt/format.h>

#include "engine/base/civil.h"
#include "engine/expr/function.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::Value;

template <int64_t kUnitSeconds>
Value MakeDuration(const Value* a, Arena*) {
  return CheckedDuration(static_cast<__int128>(a[0].int_value()) * kUnitSeconds * 1000000000);
}

// "+05:30", "-02:00", or "05:30"; nullopt where the text is no offset.
std::optional<TimeZone> FixedZone(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  const std::optional<TimeOfDay> offset = ParseTimeOfDay(text);
  if (!offset) return std::nullopt;
  const int seconds = (offset->hour * 60 + offset->minute) * 60;
  return cctz::fixed_time_zone(cctz::seconds(negative ? -seconds : seconds));
}

enum class Part {
  kYear,
  kMonth,
  kDayOfYear,
  kDayOfMonth,
  kDate,
  kDayOfWeek,
  kHour,
  kMinute,
  kSecond,
  kMillisecond
};

Value Field(Part part, const Value& time, const TimeZone& zone) {
  const cctz::civil_second civil =
      cctz::convert(cctz::time_point<cctz::seconds>(cctz::seconds(time.precise().seconds)), zone);
  switch (part) {
    case Part::kYear:
      return Value::Int(civil.year());
    case Part::kMonth:
      return Value::Int(civil.month() - 1);
    case Part::kDayOfYear:
      return Value::Int(cctz::get_yearday(cctz::civil_day(civil)) - 1);
    case Part::kDayOfMonth:
      return Value::Int(civil.day() - 1);
    case Part::kDate:
      return Value::Int(civil.day());
    case Part::kDayOfWeek:
      return Value::Int(WeekdayNumber(cctz::civil_day(civil)) % 7);
    case Part::kHour:
      return Value::Int(civil.hour());
    case Part::kMinute:
      return Value::Int(civil.minute());
    case Part::kSecond:
      return Value::Int(civil.second());
    case Part::kMillisecond:
      return Value::Int(time.precise().nanoseconds / 1000000);
  }
  return NoOverload();
}

template <Part kPart>
Value FieldUtc(const Value* a, Arena*) {
  return Field(kPart, a[0], cctz::utc_time_zone());
}

template <Part kPart>
Value FieldInZone(const Value* a, Arena*) {
  std::optional<TimeZone> zone = FixedZone(a[1].text());
  if (!zone) zone = FindTimeZone(a[1].text());
  if (!zone) return Value::Error("no such time zone");
  return Field(kPart, a[0], *zone);
}

template <int64_t kUnitNanoseconds>
Value WholeUnits(const Value* a, Arena*) {
  return Value::Int(static_cast<int64_t>(Nanoseconds(a[0].precise()) / kUnitNanoseconds));
}
Value MillisecondOfSecond(const Value* a, Arena*) {
  return Value::Int(static_cast<int64_t>(Nanoseconds(a[0].precise()) % 1000000000 / 1000000));
}

}  // namespace

std::vector<Function> TimeFunctions() {
  return {
      {"seconds", false, "i>p", MakeDuration<1>},
      {"minutes", false, "i>p", MakeDuration<60>},
      {"hours", false, "i>p", MakeDuration<3600>},
      {"days", false, "i>p", MakeDuration<86400>},
      {"weeks", false, "i>p", MakeDuration<604800>},
      {"getFullYear", true, "t>i", FieldUtc<Part::kYear>},
      {"getFullYear", true, "ts>i", FieldInZone<Part::kYear>},
      {"getMonth", true, "t>i", FieldUtc<Part::kMonth>},
      {"getMonth", true, "ts>i", FieldInZone<Part::kMonth>},
      {"getDayOfYear", true, "t>i", FieldUtc<Part::kDayOfYear>},
      {"getDayOfYear", true, "ts>i", FieldInZone<Part::kDayOfYear>},
      {"getDayOfMonth", true, "t>i", FieldUtc<Part::kDayOfMonth>},
      {"getDayOfMonth", true, "ts>i", FieldInZone<Part::kDayOfMonth>},
      {"getDate", true, "t>i", FieldUtc<Part::kDate>},
      {"getDate", true, "ts>i", FieldInZone<Part::kDate>},
      {"getDayOfWeek", true, "t>i", FieldUtc<Part::kDayOfWeek>},
      {"getDayOfWeek", true, "ts>i", FieldInZone<Part::kDayOfWeek>},
      {"getHours", true, "t>i", FieldUtc<Part::kHour>},
      {"getHours", true, "ts>i", FieldInZone<Part::kHour>},
      {"getHours", true, "p>i", WholeUnits<3600000000000>},
      {"getMinutes", true, "t>i", FieldUtc<Part::kMinute>},
      {"getMinutes", true, "ts>i", FieldInZone<Part::kMinute>},
      {"getMinutes", true, "p>i", WholeUnits<60000000000>},
      {"getSeconds", true, "t>i", FieldUtc<Part::kSecond>},
      {"getSeconds", true, "ts>i", FieldInZone<Part::kSecond>},
      {"getSeconds", true, "p>i", WholeUnits<1000000000>},
      {"getMilliseconds", true, "t>i", FieldUtc<Part::kMillisecond>},
      {"getMilliseconds", true, "ts>i", FieldInZone<Part::kMillisecond>},
      {"getMilliseconds", true, "p>i", MillisecondOfSecond},
  };
}

}  // namespace sojourn::expr
