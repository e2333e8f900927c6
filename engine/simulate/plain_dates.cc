// Dates and schedules of the plain interpreter (section 3): days of the calendar, looked through
// one by one.
#include <algorithm>

#include "engine/simulate/plain_interpreter.h"

namespace sojourn::simulate {
namespace {

int DaysIn(int year, int month) {
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (month == 2) return is_leap ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

struct Civil {
  int year = 1970;
  int month = 1;
  int day = 1;
};

Civil CivilOf(int64_t days) {
  Civil civil;
  while (days >= DaysIn(civil.year, civil.month)) {
    days -= DaysIn(civil.year, civil.month);
    civil.year += civil.month == 12 ? 1 : 0;
    civil.month = civil.month % 12 + 1;
  }
  civil.day += static_cast<int>(days);
  return civil;
}

// "2026-03-02"
Civil CivilOf(const std::string& date) {
  return {std::stoi(date.substr(0, 4)), std::stoi(date.substr(5, 2)), std::stoi(date.substr(8, 2))};
}

// A day past the month's end means its last day.
bool IsDay(const Civil& civil, int day) {
  return civil.day == std::min(day, DaysIn(civil.year, civil.month));
}

bool FallsOn(const PlainDated& dated, int64_t day, const std::optional<std::string>& birthday) {
  using Every = PlainDated::Every;
  const Civil civil = CivilOf(day);
  switch (dated.every) {
    case Every::kDay:
      return true;
    case Every::kWeek:
      return (day + 3) % 7 + 1 == dated.day;  // 1970-01-01 was a Thursday
    case Every::kMonth:
      return IsDay(civil, dated.day);
    case Every::kYear:
      return civil.month == dated.month && civil.day == dated.day;
    case Every::kOnce:
      return civil.year == 2026 && civil.month == dated.month && civil.day == dated.day;
    case Every::kBirthday:
    case Every::kBirthdayOnce:
      break;
  }
  if (!birthday) return false;
  const Civil born = CivilOf(*birthday);
  const Civil kept = CivilOf(day - dated.offset);
  const bool any_year = dated.every == Every::kBirthday;
  return kept.month == born.month && IsDay(kept, born.day) && (any_year || kept.year == born.year);
}

}  // namespace

// The first occurrence strictly after `after`, on a later civil day than the last one.
void PlainInterpreter::Plan(PlainPlan* plan, int64_t after) const {
  const PlainDated& dated = *plan->dated;
  const std::string zone = ZoneOf(*plan->journey);
  const int64_t bucket = PlainBucket("spread", plan->journey->name, "", life_.person);
  const int64_t shift = dated.spread * bucket / 10'000;
  const int64_t today = PlainLocal(after, zone) / kPlainDay;
  plan->due = kPlainNever;
  for (int64_t day = std::max(today - 2, plan->last_day + 1); day < today + 400; ++day) {
    if (!FallsOn(dated, day, person_.birthday)) continue;
    const int64_t at = day * kPlainDay + dated.minute_of_day * kPlainMinute;
    const int64_t moment = PlainMoment(at, zone) + shift;
    if (moment <= after) continue;
    plan->due = moment;
    plan->day = day;
    return;
  }
}

void PlainInterpreter::PlanAll() {
  for (const PlainJourney& journey : rules_.journeys) {
    for (const PlainDated& dated : journey.dated) {
      plans_.push_back({&journey, &dated});
      Plan(&plans_.back(), now_);
    }
  }
}

// After traits have changed. What is due at this very moment stays due.
void PlainInterpreter::PlanAgain() {
  for (PlainPlan& plan : plans_) {
    const int64_t due = plan.due;
    Plan(&plan, std::min(due, now_ + 1) - 1);
    if (plan.due != due && plan.due <= now_) Plan(&plan, now_);
  }
}

// The first by journey and place.
PlainPlan* PlainInterpreter::NextPlan() {
  PlainPlan* next = nullptr;
  for (PlainPlan& plan : plans_) {
    if (plan.due != kPlainNever && (next == nullptr || plan.due < next->due)) next = &plan;
  }
  return next;
}

void PlainInterpreter::FirePlan(PlainPlan* plan) {
  using Every = PlainDated::Every;
  const PlainDated& dated = *plan->dated;
  Begin(plan->due);
  plan->last_day = plan->day;
  Plan(plan, now_);
  if (!dated.segment.empty() && person_.segments.count(dated.segment) == 0) {
    ++counts_["schedule, not in its segment"];
    return;
  }
  const bool is_date = dated.every == Every::kBirthday || dated.every == Every::kBirthdayOnce;
  static constexpr const char* kNames[] = {"schedule, day",  "schedule, week", "schedule, month",
                                           "schedule, year", "schedule, once", "date, year",
                                           "date, once"};
  ++counts_[kNames[static_cast<int>(dated.every)]];
  PlainEvent event;
  event.at = event.time = now_;
  event.name = is_date ? "date" : "schedule";
  Start(*plan->journey, event);
  DrainQueue();
}

}  // namespace sojourn::simulate
