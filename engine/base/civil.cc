#include "engine/base/civil.h"

#include <chrono>

namespace sojourn {
namespace {

cctz::time_point<cctz::seconds> ToPoint(Timestamp time) {
  int64_t seconds = time.milliseconds() / 1000;
  if (time.milliseconds() % 1000 < 0) --seconds;
  return cctz::time_point<cctz::seconds>(cctz::seconds(seconds));
}

Timestamp FromPoint(cctz::time_point<cctz::seconds> point) {
  return Timestamp(point.time_since_epoch().count() * 1000);
}

}  // namespace

std::optional<TimeZone> FindTimeZone(std::string_view name) {
  if (name.empty() || name.size() > 64) return std::nullopt;
  for (const char c : name) {
    const bool allowed = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                         (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
    if (!allowed) return std::nullopt;
  }
  const bool letter = (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z');
  if (!letter || name == "localtime") return std::nullopt;
  TimeZone zone;
  if (!cctz::load_time_zone(std::string(name), &zone)) return std::nullopt;
  return zone;
}

std::optional<TimeOfDay> ParseTimeOfDay(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const size_t i : {0, 1, 3, 4}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  const TimeOfDay time{(text[0] - '0') * 10 + text[1] - '0', (text[3] - '0') * 10 + text[4] - '0'};
  if (time.hour > 23 || time.minute > 59) return std::nullopt;
  return time;
}

cctz::civil_second ToCivil(Timestamp time, const TimeZone& zone) {
  return cctz::convert(ToPoint(time), zone);
}

cctz::civil_day ToCivilDay(Timestamp time, const TimeZone& zone) {
  return cctz::civil_day(ToCivil(time, zone));
}

Timestamp FromCivil(cctz::civil_day day, TimeOfDay time, const TimeZone& zone) {
  const cctz::civil_second civil(day.year(), day.month(), day.day(), time.hour, time.minute, 0);
  const cctz::time_zone::civil_lookup lookup = zone.lookup(civil);
  // UNIQUE: all three agree. REPEATED: `pre` is the first. SKIPPED: `trans` is the gap's end.
  const bool skipped = lookup.kind == cctz::time_zone::civil_lookup::SKIPPED;
  return FromPoint(skipped ? lookup.trans : lookup.pre);
}

int WeekdayNumber(cctz::civil_day day) {
  return static_cast<int>(cctz::get_weekday(day)) + 1;  // cctz counts from Monday = 0
}

}  // namespace sojourn
