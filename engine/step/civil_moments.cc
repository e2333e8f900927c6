#include "engine/step/civil_moments.h"

#include <algorithm>

namespace sojourn::step {
namespace {

using cctz::civil_day;
using cctz::civil_month;
using language::DateEvery;
using language::ScheduleEvery;
using language::Trigger;

// A yearly date comes at least once in this many days, 29 February standing for the 28th.
constexpr int kSearchDays = 367;

int DaysInMonth(civil_day day) {
  const civil_month month(day);
  return static_cast<int>(civil_day(month + 1) - civil_day(month));
}

bool IsYearlyDate(civil_day day, int month, int day_of_month) {
  if (day.month() != month) return false;
  return day.day() == std::min(day_of_month, DaysInMonth(day));
}

bool FallsOn(const Trigger& trigger, civil_day day) {
  switch (trigger.schedule_every) {
    case ScheduleEvery::kDay:
      return true;
    case ScheduleEvery::kWeek:
      return WeekdayNumber(day) == trigger.weekday;
    case ScheduleEvery::kMonth:
      return day.day() == std::min(trigger.day, DaysInMonth(day));
    case ScheduleEvery::kYearlyDate:
      return IsYearlyDate(day, trigger.month, trigger.day);
    case ScheduleEvery::kOnceDate:
      return day == civil_day(trigger.year, trigger.month, trigger.day);
  }
  return false;
}

// The day in `year` on which a birthday of `day` is kept.
civil_day InYear(civil_day day, cctz::year_t year) {
  const civil_day first(year, day.month(), 1);
  return civil_day(year, day.month(), std::min(day.day(), DaysInMonth(first)));
}

}  // namespace

Timestamp NextDays(Timestamp now, int days, TimeOfDay at, const TimeZone& zone) {
  const civil_day today = ToCivilDay(now, zone);
  if (days > 0) return FromCivil(today + days, at, zone);
  const Timestamp later_today = FromCivil(today, at, zone);
  return later_today > now ? later_today : FromCivil(today + 1, at, zone);
}

Timestamp NextWeekday(Timestamp now, const std::vector<int>& weekdays, TimeOfDay at,
                      const TimeZone& zone) {
  const civil_day today = ToCivilDay(now, zone);
  for (int ahead = 0; ahead <= 8; ++ahead) {
    const civil_day day = today + ahead;
    if (std::find(weekdays.begin(), weekdays.end(), WeekdayNumber(day)) == weekdays.end()) continue;
    const Timestamp moment = FromCivil(day, at, zone);
    if (moment > now) return moment;
  }
  return now;
}

std::optional<Timestamp> QuietUntil(Timestamp now, const language::QuietHours& quiet_hours,
                                    const TimeZone& zone) {
  const civil_day today = ToCivilDay(now, zone);
  const int days = quiet_hours.from > quiet_hours.to ? 1 : 0;
  // Both ends are moments, so that clocks which are set back over one do not come to it twice.
  for (const civil_day day : {today - 1, today}) {
    const Timestamp begin = FromCivil(day, quiet_hours.from, zone);
    const Timestamp end = FromCivil(day + days, quiet_hours.to, zone);
    if (begin <= now && now < end) return end;
  }
  return std::nullopt;
}

Timestamp NextDate(const Trigger& trigger, civil_day day, const Before& before,
                   const TimeZone& zone) {
  const auto moment_on = [&](civil_day occurrence) {
    const Timestamp moment = FromCivil(occurrence, trigger.at, zone);
    const bool later = moment > before.after && occurrence > before.last_day;
    return later ? moment : Timestamp::Max();
  };
  if (trigger.date_every == DateEvery::kOnce) return moment_on(day + trigger.offset_days);
  // The offset can reach into the years around.
  const cctz::year_t year = ToCivilDay(before.after, zone).year();
  for (cctz::year_t y = year - 1; y <= year + 2; ++y) {
    const Timestamp moment = moment_on(InYear(day, y) + trigger.offset_days);
    if (moment != Timestamp::Max()) return moment;
  }
  return Timestamp::Max();
}

Timestamp NextOccurrence(const Trigger& trigger, Duration shift, const Before& before,
                         const TimeZone& zone) {
  const Timestamp unshifted = before.after - shift;
  const civil_day first = ToCivilDay(unshifted, zone);
  civil_day day = before.last_day < first ? first : before.last_day + 1;
  if (trigger.schedule_every == ScheduleEvery::kOnceDate) {
    const civil_day once(trigger.year, trigger.month, trigger.day);
    if (once < day) return Timestamp::Max();
    day = once;
  }
  for (int ahead = 0; ahead <= kSearchDays; ++ahead, ++day) {
    if (!FallsOn(trigger, day)) continue;
    const Timestamp moment = FromCivil(day, trigger.at, zone);
    if (moment > unshifted) return moment + shift;
    if (trigger.schedule_every == ScheduleEvery::kOnceDate) break;
  }
  return Timestamp::Max();
}

}  // namespace sojourn::step
