#include "engine/step/civil_moments.h"

#include <gtest/gtest.h>

#include "engine/base/rfc3339.h"

namespace sojourn::step {
namespace {

using language::DateEvery;
using language::QuietHours;
using language::ScheduleEvery;
using language::Trigger;

Timestamp At(std::string_view text) { return *ParseRfc3339(text); }
std::string Text(Timestamp time) {
  return time == Timestamp::Max() ? "never" : FormatRfc3339(time);
}
TimeZone Berlin() { return *FindTimeZone("Europe/Berlin"); }

TEST(CivilMomentsTest, DaysZeroIsTodayOnlyWhereStrictlyAhead) {
  const TimeOfDay at{10, 0};
  EXPECT_EQ(Text(NextDays(At("2026-03-02T08:59:59Z"), 0, at, Berlin())), "2026-03-02T09:00:00Z");
  EXPECT_EQ(Text(NextDays(At("2026-03-02T09:00:00Z"), 0, at, Berlin())), "2026-03-03T09:00:00Z");
  EXPECT_EQ(Text(NextDays(At("2026-03-02T09:00:00Z"), 3, at, Berlin())), "2026-03-05T09:00:00Z");
}

TEST(CivilMomentsTest, WeekdayIsStrictlyLater) {
  const TimeOfDay at{9, 0};
  // 2 March 2026 is a Monday.
  EXPECT_EQ(Text(NextWeekday(At("2026-03-02T07:00:00Z"), {1}, at, Berlin())),
            "2026-03-02T08:00:00Z");
  EXPECT_EQ(Text(NextWeekday(At("2026-03-02T08:00:00Z"), {1}, at, Berlin())),
            "2026-03-09T08:00:00Z");
  EXPECT_EQ(Text(NextWeekday(At("2026-03-02T08:00:00Z"), {1, 5}, at, Berlin())),
            "2026-03-06T08:00:00Z");
}

TEST(CivilMomentsTest, QuietHoursAreHalfOpenAndWrapMidnight) {
  const QuietHours night{{21, 0}, {8, 0}};
  EXPECT_FALSE(QuietUntil(At("2026-03-02T19:59:59Z"), night, Berlin()));
  EXPECT_EQ(Text(*QuietUntil(At("2026-03-02T20:00:00Z"), night, Berlin())), "2026-03-03T07:00:00Z");
  EXPECT_EQ(Text(*QuietUntil(At("2026-03-03T06:59:59Z"), night, Berlin())), "2026-03-03T07:00:00Z");
  EXPECT_FALSE(QuietUntil(At("2026-03-03T07:00:00Z"), night, Berlin()));
  const QuietHours noon{{12, 0}, {13, 0}};
  EXPECT_EQ(Text(*QuietUntil(At("2026-03-02T11:30:00Z"), noon, Berlin())), "2026-03-02T12:00:00Z");
}

// 02:00 to 03:00 comes twice on 25 October 2026 in Berlin, from 00:00Z and from 01:00Z.
TEST(CivilMomentsTest, QuietHoursBeginAndEndAtTheFirstOfRepeatedTimes) {
  const QuietHours early{{1, 0}, {2, 30}};
  EXPECT_EQ(Text(*QuietUntil(At("2026-10-25T00:29:59Z"), early, Berlin())), "2026-10-25T00:30:00Z");
  EXPECT_FALSE(QuietUntil(At("2026-10-25T00:30:00Z"), early, Berlin()));
  EXPECT_FALSE(QuietUntil(At("2026-10-25T01:15:00Z"), early, Berlin()));
  const QuietHours late{{2, 30}, {8, 0}};
  EXPECT_FALSE(QuietUntil(At("2026-10-25T00:29:59Z"), late, Berlin()));
  EXPECT_EQ(Text(*QuietUntil(At("2026-10-25T00:30:00Z"), late, Berlin())), "2026-10-25T07:00:00Z");
  EXPECT_EQ(Text(*QuietUntil(At("2026-10-25T01:10:00Z"), late, Berlin())), "2026-10-25T07:00:00Z");
}

// 02:00 to 03:00 does not come on 29 March 2026; 01:00Z is 03:00.
TEST(CivilMomentsTest, QuietHoursBeginAndEndBehindAGap) {
  const QuietHours early{{1, 0}, {2, 30}};
  EXPECT_EQ(Text(*QuietUntil(At("2026-03-29T00:59:59Z"), early, Berlin())), "2026-03-29T01:00:00Z");
  EXPECT_FALSE(QuietUntil(At("2026-03-29T01:00:00Z"), early, Berlin()));
  const QuietHours late{{2, 30}, {8, 0}};
  EXPECT_FALSE(QuietUntil(At("2026-03-29T00:59:59Z"), late, Berlin()));
  EXPECT_EQ(Text(*QuietUntil(At("2026-03-29T01:00:00Z"), late, Berlin())), "2026-03-29T06:00:00Z");
}

TEST(CivilMomentsTest, YearlyDateWithOffsetAndLeapDay) {
  Trigger trigger;
  trigger.at = {9, 0};
  const cctz::civil_day leap(1996, 2, 29);
  EXPECT_EQ(Text(NextDate(trigger, leap, {At("2026-01-01T00:00:00Z")}, Berlin())),
            "2026-02-28T08:00:00Z");
  EXPECT_EQ(Text(NextDate(trigger, leap, {At("2026-02-28T08:00:00Z")}, Berlin())),
            "2027-02-28T08:00:00Z");
  EXPECT_EQ(Text(NextDate(trigger, leap, {At("2027-12-01T00:00:00Z")}, Berlin())),
            "2028-02-29T08:00:00Z");
  trigger.offset_days = -3;
  const cctz::civil_day new_year(1990, 1, 2);
  EXPECT_EQ(Text(NextDate(trigger, new_year, {At("2026-12-01T00:00:00Z")}, Berlin())),
            "2026-12-30T08:00:00Z");
  trigger.offset_days = 365;
  EXPECT_EQ(Text(NextDate(trigger, new_year, {At("2026-12-01T00:00:00Z")}, Berlin())),
            "2027-01-02T08:00:00Z");
}

TEST(CivilMomentsTest, DateOnceIsThatDateOnly) {
  Trigger trigger;
  trigger.at = {9, 0};
  trigger.date_every = DateEvery::kOnce;
  const cctz::civil_day day(2026, 5, 1);
  EXPECT_EQ(Text(NextDate(trigger, day, {At("2026-01-01T00:00:00Z")}, Berlin())),
            "2026-05-01T07:00:00Z");
  EXPECT_EQ(Text(NextDate(trigger, day, {At("2026-05-01T07:00:00Z")}, Berlin())), "never");
}

Timestamp Next(const Trigger& trigger, std::string_view after, Duration shift = {}) {
  return NextOccurrence(trigger, shift, {At(after)}, Berlin());
}

TEST(CivilMomentsTest, SchedulesOfEveryKind) {
  Trigger trigger;
  trigger.at = {10, 0};
  EXPECT_EQ(Text(Next(trigger, "2026-03-02T09:00:00Z")), "2026-03-03T09:00:00Z");
  trigger.schedule_every = ScheduleEvery::kWeek;
  trigger.weekday = 3;
  EXPECT_EQ(Text(Next(trigger, "2026-03-02T09:00:00Z")), "2026-03-04T09:00:00Z");
  trigger.schedule_every = ScheduleEvery::kMonth;
  trigger.day = 31;
  EXPECT_EQ(Text(Next(trigger, "2026-02-02T09:00:00Z")), "2026-02-28T09:00:00Z");
  EXPECT_EQ(Text(Next(trigger, "2026-02-28T09:00:00Z")), "2026-03-31T08:00:00Z");
  trigger.schedule_every = ScheduleEvery::kYearlyDate;
  trigger.month = 12;
  trigger.day = 24;
  EXPECT_EQ(Text(Next(trigger, "2026-12-24T09:00:00Z")), "2027-12-24T09:00:00Z");
  trigger.schedule_every = ScheduleEvery::kOnceDate;
  trigger.year = 2026;
  EXPECT_EQ(Text(Next(trigger, "2026-01-01T00:00:00Z")), "2026-12-24T09:00:00Z");
  EXPECT_EQ(Text(Next(trigger, "2026-12-24T09:00:00Z")), "never");
}

TEST(CivilMomentsTest, ASpreadOccurrenceOfTodayIsStillAhead) {
  Trigger trigger;
  trigger.at = {23, 0};
  const Duration shift = Hours(2);
  // 00:30 in Berlin: yesterday's occurrence, shifted to 01:00, is the next.
  EXPECT_EQ(Text(Next(trigger, "2026-03-02T23:30:00Z", shift)), "2026-03-03T00:00:00Z");
}

TEST(CivilMomentsTest, AtMostOneOccurrenceOnACivilDay) {
  Trigger trigger;
  trigger.at = {10, 0};
  const cctz::civil_day second(2026, 3, 2);
  const TimeZone new_york = *FindTimeZone("America/New_York");
  const TimeZone tokyo = *FindTimeZone("Asia/Tokyo");
  // Judged at 10:00 of 2 March, then the person moved west: 10:00 comes again on that day.
  const Before before{At("2026-03-02T09:00:00Z"), second};
  EXPECT_EQ(Text(NextOccurrence(trigger, {}, before, new_york)), "2026-03-03T15:00:00Z");
  // East it is the evening of that day; late on the day before it would be the 3rd already.
  EXPECT_EQ(Text(NextOccurrence(trigger, {}, before, tokyo)), "2026-03-03T01:00:00Z");
  const Before late{At("2026-03-02T20:00:00Z"), second};
  EXPECT_EQ(Text(NextOccurrence(trigger, {}, late, tokyo)), "2026-03-03T01:00:00Z");
  EXPECT_EQ(Text(NextDate(trigger, cctz::civil_day(1990, 3, 2), before, new_york)),
            "2027-03-02T15:00:00Z");
  trigger.date_every = DateEvery::kOnce;
  EXPECT_EQ(Text(NextDate(trigger, second, before, new_york)), "never");
}

}  // namespace
}  // namespace sojourn::step
