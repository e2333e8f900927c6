// Calendar moments in UTC, where every day has 24 hours.
#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {

int64_t PlainDayMoment(const PlainStep& step, int64_t now) {
  const int64_t at = step.minute_of_day * kPlainMinute;
  const int64_t moment = (now / kPlainDay + step.number) * kPlainDay + at;
  return moment > now ? moment : moment + kPlainDay;
}

int64_t PlainWeekdayMoment(const PlainStep& step, int64_t now) {
  const int64_t at = step.minute_of_day * kPlainMinute;
  int64_t day = now / kPlainDay;
  // 1970-01-01 was a Thursday, the fourth day of its week.
  while ((day + 3) % 7 + 1 != step.number || day * kPlainDay + at <= now) ++day;
  return day * kPlainDay + at;
}

int64_t PlainQuietEnd(const PlainQuietHours& hours, int64_t now) {
  const int64_t day = now / kPlainDay * kPlainDay;
  const int64_t from = day + hours.from * kPlainMinute;
  const int64_t to = day + hours.to * kPlainMinute;
  if (hours.from < hours.to) return now >= from && now < to ? to : now;
  if (now >= from) return to + kPlainDay;
  return now < to ? to : now;
}

}  // namespace sojourn::simulate
