// Moments on the civil calendar: waits, quiet hours, dates and schedules. Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "engine/base/civil.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"

namespace sojourn::step {

// `wait: {days, at}`: days 0 is today where that is strictly ahead, else tomorrow.
Timestamp NextDays(Timestamp now, int days, TimeOfDay at, const TimeZone& zone);

// `wait: {weekday, at}`: the next such moment, strictly later. `weekdays`: 1 = Monday.
Timestamp NextWeekday(Timestamp now, const std::vector<int>& weekdays, TimeOfDay at,
                      const TimeZone& zone);

// The end of the quiet hours that `now` lies in; nullopt outside of them.
std::optional<Timestamp> QuietUntil(Timestamp now, const language::QuietHours& quiet_hours,
                                    const TimeZone& zone);

// What dates and schedules are planned behind: a moment, and the civil day of the occurrence
// before. The two are apart where the person has moved to another time zone since.
struct Before {
  Timestamp after;                                    // the next moment is strictly later
  cctz::civil_day last_day = cctz::civil_day::min();  // and on a later civil day than this
};

// The next moment of a date trigger for the person's date `day`; Max: none.
Timestamp NextDate(const language::Trigger& trigger, cctz::civil_day day, const Before& before,
                   const TimeZone& zone);

// The next moment of a schedule, each occurrence shifted by `shift`; Max: none.
Timestamp NextOccurrence(const language::Trigger& trigger, Duration shift, const Before& before,
                         const TimeZone& zone);

}  // namespace sojourn::step
