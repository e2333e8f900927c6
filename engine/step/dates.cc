#include "engine/step/dates.h"

#include <algorithm>
#include <tuple>

#include "engine/base/limits.h"
#include "engine/step/bucket.h"
#include "engine/step/civil_moments.h"

namespace sojourn::step {
namespace {

using language::Journey;
using language::Trigger;
using language::TriggerKind;
using model::PlannedDate;

bool IsPlanned(const Trigger& trigger) {
  return trigger.kind == TriggerKind::kDate || trigger.kind == TriggerKind::kSchedule;
}

// A `date` is a day of its own; a timestamp means its day in the journey's zone.
std::optional<cctz::civil_day> DayOf(const Session& session, const Trigger& trigger,
                                     const TimeZone& zone) {
  const model::Value* value = session.person.FindTrait(trigger.trait);
  if (value == nullptr) return std::nullopt;
  const cctz::time_zone utc = cctz::utc_time_zone();
  if (value->kind() == model::ValueKind::kString) {
    if (const auto date = ParseDate(value->text())) return ToCivilDay(*date, utc);
  }
  const auto moment = expr::Coerce(*value, expr::TypeKind::kTimestamp);
  if (!moment || moment->kind() != model::ValueKind::kTimestamp) return std::nullopt;
  const auto type = session.rules.current().names->Trait(trigger.trait);
  const bool is_date = type && type->kind == expr::TypeKind::kDate;
  return ToCivilDay(moment->time(), is_date ? utc : zone);
}

// floor(spread * bucket / 10,000).
Duration ShiftOf(const Session& session, const Journey& journey, const Trigger& trigger) {
  if (trigger.spread == Duration()) return {};
  const int bucket = Bucket(BucketKind::kSpread, journey.name, {}, session.person.id);
  return Duration(trigger.spread.milliseconds() * bucket / kBuckets);
}

Timestamp NextMoment(Session& session, const Journey& journey, const Trigger& trigger,
                     const PlannedDate& plan, Timestamp after) {
  const TimeZone& zone = session.Zone(journey);
  Before before{after};
  if (plan.last_judged != Timestamp::Min()) {
    before.last_day = ToCivilDay(plan.last_judged, cctz::utc_time_zone());
  }
  if (trigger.kind == TriggerKind::kSchedule) {
    return NextOccurrence(trigger, ShiftOf(session, journey, trigger), before, zone);
  }
  const auto day = DayOf(session, trigger, zone);
  return day ? NextDate(trigger, *day, before, zone) : Timestamp::Max();
}

// The civil day of a planned moment, in the zone that it was planned in.
Timestamp DayOfMoment(Session& session, const Journey& journey, const Trigger& trigger,
                      Timestamp moment) {
  const bool shifted = trigger.kind == TriggerKind::kSchedule;
  const Duration shift = shifted ? ShiftOf(session, journey, trigger) : Duration();
  const cctz::civil_day day = ToCivilDay(moment - shift, session.Zone(journey));
  return FromCivil(day, {}, cctz::utc_time_zone());
}

void PlanAgain(Session& session, const Journey& journey, const Trigger& trigger,
               PlannedDate* plan) {
  if (plan->at <= session.now) {
    const Timestamp same = NextMoment(session, journey, trigger, *plan, plan->at - Milliseconds(1));
    if (same == plan->at) return;
  }
  plan->at = NextMoment(session, journey, trigger, *plan, session.now);
}

PlannedDate PlanOf(const model::Person& person, uint64_t journey, uint32_t trigger) {
  for (const PlannedDate& plan : person.planned_dates) {
    if (plan.journey == journey && plan.trigger == trigger) return plan;
  }
  PlannedDate plan;
  plan.journey = journey;
  plan.trigger = trigger;
  return plan;
}

bool WorthKeeping(const PlannedDate& plan) {
  return plan.at != Timestamp::Max() || plan.last_judged != Timestamp::Min();
}

}  // namespace

void PlanDates(Session& session) {
  std::vector<PlannedDate> plans;
  for (const language::TriggerReference& reference : session.rules.dated_triggers()) {
    const Journey& journey = *session.rules.current().journeys[reference.journey];
    PlannedDate plan = PlanOf(session.person, journey.id, reference.trigger);
    PlanAgain(session, journey, journey.triggers[reference.trigger], &plan);
    if (WorthKeeping(plan)) plans.push_back(plan);
  }
  auto& kept = session.person.planned_dates;
  kept.Clear();
  for (const PlannedDate& plan : plans) kept.Append(&session.person.arena, plan);
}

std::optional<uint32_t> FirstDueDate(const Session& session, Timestamp due) {
  const auto& dates = session.person.planned_dates;
  const auto rank = [&](uint32_t i) {
    const Journey* journey = session.rules.FindCurrent(dates[i].journey);
    return std::make_tuple(journey == nullptr ? std::string_view() : journey->name,
                           dates[i].trigger);
  };
  std::optional<uint32_t> first;
  for (uint32_t i = 0; i < dates.size(); ++i) {
    if (dates[i].at <= due && (!first || rank(i) < rank(*first))) first = i;
  }
  return first;
}

DueDate TakeDueDate(Session& session, uint32_t index) {
  PlannedDate& plan = session.person.planned_dates[index];
  const Journey* journey = session.rules.FindCurrent(plan.journey);
  const bool known = journey != nullptr && plan.trigger < journey->triggers.size() &&
                     IsPlanned(journey->triggers[plan.trigger]);
  if (!known) {
    session.person.planned_dates.Erase(index);
    return {};
  }
  const Trigger& trigger = journey->triggers[plan.trigger];
  plan.last_judged = DayOfMoment(session, *journey, trigger, plan.at);
  plan.at = NextMoment(session, *journey, trigger, plan, session.now);
  return {journey, &trigger};
}

}  // namespace sojourn::step
