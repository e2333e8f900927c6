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

// The first moment strictly after `after` of a date trigger for the person's date `day`; Max: none.
Timestamp NextDate(const language::Trigger& trigger, cctz::civil_day day, Timestamp after,
                   const TimeZone& zone);

// The first moment strictly after `after` of a schedule, each occurrence shifted by `shift`, and on
// a later civil day than `last_judged`; Max: none.
Timestamp NextOccurrence(const language::Trigger& trigger, Duration shift, Timestamp after,
                         Timestamp last_judged, const TimeZone& zone);

}  // namespace sojourn::step
