// Civil time in IANA time zones, with one rule for odd local times: what a clock change skips moves
// to the first instant after the gap, what it repeats means the first.
//
// Threads: a TimeZone is an immutable handle, freely copied and shared. Source: cctz with the
// machine's tzdata.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include "engine/base/time.h"

namespace sojourn {

using TimeZone = cctz::time_zone;

// nullopt where no such zone exists. Only IANA names ("Europe/Berlin", "UTC"), no files or offsets.
std::optional<TimeZone> FindTimeZone(std::string_view name);

struct TimeOfDay {
  int hour = 0;
  int minute = 0;
  auto operator<=>(const TimeOfDay&) const = default;
};

// "09:00" to "23:59".
std::optional<TimeOfDay> ParseTimeOfDay(std::string_view text);

// Civil time of an instant, and the day alone.
cctz::civil_second ToCivil(Timestamp time, const TimeZone& zone);
cctz::civil_day ToCivilDay(Timestamp time, const TimeZone& zone);

// The instant at which `day`, `time` begins in `zone`, by the rule above.
Timestamp FromCivil(cctz::civil_day day, TimeOfDay time, const TimeZone& zone);

// 1 = Monday ... 7 = Sunday.
int WeekdayNumber(cctz::civil_day day);

}  // namespace sojourn
