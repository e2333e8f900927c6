#include "engine/simulate/random_chance.h"

namespace sojourn::simulate {

std::string EventName(Chance* chance) { return chance->Of({"Seen", "Bought", "Opened", "Echo"}); }

std::string SegmentName(Chance* chance) { return chance->Of({"few", "much"}); }

namespace {

bool ReadsHistory(const PlainCondition& condition) {
  using Kind = PlainCondition::Kind;
  return condition.kind == Kind::kCount || condition.kind == Kind::kFewer ||
         condition.kind == Kind::kLongAgo;
}

}  // namespace

PlainCondition Condition(Chance* chance, int percent_true) {
  using Kind = PlainCondition::Kind;
  PlainCondition condition;
  if (chance->Is(percent_true)) return condition;
  condition.kind = chance->Of({Kind::kEventValue, Kind::kTriggerValue, Kind::kLevel, Kind::kKey,
                               Kind::kCount, Kind::kFewer, Kind::kLongAgo, Kind::kInSegment});
  condition.number = chance->Between(1, 3);
  if (condition.kind == Kind::kKey) condition.text = chance->Of({"a", "b"});
  condition.window = chance->Of({1, 3, 24}) * kPlainHour;
  if (condition.kind == Kind::kInSegment) condition.text = SegmentName(chance);
  if (ReadsHistory(condition)) condition.text = EventName(chance);
  return condition;
}

PlainCondition OfPerson(Chance* chance) {
  using Kind = PlainCondition::Kind;
  PlainCondition condition = Condition(chance, 0);
  condition.kind =
      chance->Of({Kind::kCount, Kind::kFewer, Kind::kLevel, Kind::kLevel, Kind::kLongAgo});
  condition.text = ReadsHistory(condition) ? EventName(chance) : "";
  return condition;
}

PlainMatch Match(Chance* chance, bool is_trigger) {
  PlainMatch match{EventName(chance), Condition(chance, 60)};
  if (is_trigger && match.where.kind == PlainCondition::Kind::kTriggerValue) {
    match.where.kind = PlainCondition::Kind::kEventValue;
  }
  return match;
}

PlainMatch SegmentMatch(Chance* chance) {
  PlainMatch match;
  match.segment = SegmentName(chance);
  match.leaves = chance->Is(50);
  return match;
}

int64_t Span(Chance* chance) { return chance->Of({1, 1, 2, 3, 4, 6, 48, 96}) * kPlainGrid; }

std::string ZoneName(Chance* chance) {
  return chance->Of({"UTC", "Europe/Berlin", "Europe/Berlin", "America/New_York",
                     "America/New_York", "Asia/Kolkata"});
}

}  // namespace sojourn::simulate
