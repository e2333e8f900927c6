// Calendar moments, from the few changes of the clocks that the lives of these tests can meet.
#include <algorithm>
#include <vector>

#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {
namespace {

struct ClockChange {
  int64_t at = INT64_MIN;
  int64_t offset = 0;  // local time - UTC from then on
};

// In 2026.
const std::vector<ClockChange>& ChangesOf(const std::string& zone) {
  static const std::vector<ClockChange> kUtc = {{INT64_MIN, 0}};
  static const std::vector<ClockChange> kKolkata = {{INT64_MIN, 330 * kPlainMinute}};
  static const std::vector<ClockChange> kBerlin = {
      {INT64_MIN, 1 * kPlainHour},
      {1'774'746'000'000, 2 * kPlainHour},   // 2026-03-29T01:00:00Z
      {1'792'890'000'000, 1 * kPlainHour}};  // 2026-10-25T01:00:00Z
  static const std::vector<ClockChange> kNewYork = {
      {INT64_MIN, -5 * kPlainHour},
      {1'772'953'200'000, -4 * kPlainHour},   // 2026-03-08T07:00:00Z
      {1'793'512'800'000, -5 * kPlainHour}};  // 2026-11-01T06:00:00Z
  if (zone == "Europe/Berlin") return kBerlin;
  if (zone == "America/New_York") return kNewYork;
  return zone == "Asia/Kolkata" ? kKolkata : kUtc;
}

int64_t OffsetAt(int64_t moment, const std::string& zone) {
  int64_t offset = 0;
  for (const ClockChange& change : ChangesOf(zone)) {
    if (change.at <= moment) offset = change.offset;
  }
  return offset;
}

int64_t LocalDay(int64_t moment, const std::string& zone) {
  return PlainLocal(moment, zone) / kPlainDay;
}

}  // namespace

bool IsPlainZone(const std::string& name) {
  return name == "UTC" || &ChangesOf(name) != &ChangesOf("UTC");
}

int64_t PlainLocal(int64_t moment, const std::string& zone) {
  return moment + OffsetAt(moment, zone);
}

// Of a time that is repeated the first; of one that is skipped the first instant after the gap.
int64_t PlainMoment(int64_t local, const std::string& zone) {
  int64_t first = INT64_MAX;
  for (const ClockChange& change : ChangesOf(zone)) {
    const int64_t moment = local - change.offset;
    if (PlainLocal(moment, zone) == local) first = std::min(first, moment);
  }
  if (first != INT64_MAX) return first;
  for (const ClockChange& change : ChangesOf(zone)) {
    if (change.at != INT64_MIN && change.at + change.offset > local) return change.at;
  }
  return first;
}

int64_t PlainDayMoment(const PlainStep& step, int64_t now, const std::string& zone) {
  const int64_t at = step.minute_of_day * kPlainMinute;
  const int64_t today = LocalDay(now, zone);
  const int64_t moment = PlainMoment((today + step.number) * kPlainDay + at, zone);
  if (step.number > 0 || moment > now) return moment;
  return PlainMoment((today + 1) * kPlainDay + at, zone);
}

int64_t PlainWeekdayMoment(const PlainStep& step, int64_t now, const std::string& zone) {
  const int64_t at = step.minute_of_day * kPlainMinute;
  for (int64_t day = LocalDay(now, zone);; ++day) {
    // 1970-01-01 was a Thursday, the fourth day of its week.
    const int weekday = static_cast<int>((day + 3) % 7 + 1);
    const auto& meant = step.weekdays;
    const int64_t moment = PlainMoment(day * kPlainDay + at, zone);
    if (std::count(meant.begin(), meant.end(), weekday) > 0 && moment > now) return moment;
  }
}

int64_t PlainQuietEnd(const PlainQuietHours& hours, int64_t now, const std::string& zone) {
  const int64_t day = LocalDay(now, zone) * kPlainDay;
  const int64_t local = PlainLocal(now, zone);
  const int64_t from = day + hours.from * kPlainMinute;
  const int64_t to = day + hours.to * kPlainMinute;
  const bool wraps = hours.from > hours.to;
  if (!wraps) return local >= from && local < to ? PlainMoment(to, zone) : now;
  if (local >= from) return PlainMoment(to + kPlainDay, zone);
  return local < to ? PlainMoment(to, zone) : now;
}

}  // namespace sojourn::simulate
