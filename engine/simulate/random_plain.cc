// Journeys and lives by chance. Moments and spans come from a coarse grid, so that many things are
// due together.
#include <algorithm>
#include <random>

#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {
namespace {

constexpr int64_t kStart = 1'772'442'000'000;  // 2026-03-02T09:00:00Z
constexpr int64_t kGrid = 30 * kPlainMinute;
constexpr int kDeepest = 3;

class Chance {
 public:
  explicit Chance(uint32_t seed) : random_(seed) {}

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }
  int Between(int low, int high) { return low + Below(high - low + 1); }
  bool Is(int percent) { return Below(100) < percent; }
  template <typename T>
  T Of(std::initializer_list<T> choices) {
    return choices.begin()[Below(static_cast<int>(choices.size()))];
  }

 private:
  std::mt19937 random_;
};

std::string EventName(Chance* chance) { return chance->Of({"Seen", "Bought", "Opened", "Echo"}); }

// There are two segments.
std::string SegmentName(Chance* chance) { return chance->Of({"few", "much"}); }

bool ReadsHistory(const PlainCondition& condition) {
  using Kind = PlainCondition::Kind;
  return condition.kind == Kind::kCount || condition.kind == Kind::kFewer ||
         condition.kind == Kind::kLongAgo;
}

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

// Of a segment or an awaited condition, which read no event.
PlainCondition OfPerson(Chance* chance) {
  using Kind = PlainCondition::Kind;
  PlainCondition condition = Condition(chance, 0);
  condition.kind =
      chance->Of({Kind::kCount, Kind::kFewer, Kind::kLevel, Kind::kLevel, Kind::kLongAgo});
  condition.text = ReadsHistory(condition) ? EventName(chance) : "";
  return condition;
}

// Of a trigger, where `trigger` cannot be read.
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

int64_t Span(Chance* chance) { return chance->Of({1, 1, 2, 3, 4, 6, 48, 96}) * kGrid; }

std::vector<PlainStep> Steps(Chance* chance, int most, int depth);

void FillRepeat(Chance* chance, PlainStep* step) {
  step->condition = Condition(chance, 50);
  step->number = chance->Between(1, 4);
  PlainStep wait;
  wait.kind = PlainStep::Kind::kWait;
  wait.span = Span(chance);
  step->then.insert(step->then.begin() + chance->Below(2), wait);
}

void FillWaitUntil(Chance* chance, int depth, PlainStep* step) {
  step->then.clear();
  for (int left = chance->Of({1, 1, 2, 3}); left > 0; --left) {
    PlainWay way{Match(chance, false), {}};
    if (chance->Is(70)) way.steps = Steps(chance, 2, depth + 1);
    step->ways.push_back(std::move(way));
  }
}

void FillFlow(Chance* chance, int depth, PlainStep* step) {
  using Kind = PlainStep::Kind;
  step->then = Steps(chance, 2, depth + 1);
  if (step->kind == Kind::kRepeat) return FillRepeat(chance, step);
  if (chance->Is(70)) step->otherwise = Steps(chance, 2, depth + 1);
  if (step->kind == Kind::kIf) {
    step->condition = Condition(chance, 0);
    return;
  }
  step->span = chance->Of({2, 6, 48, 96, 192, 384}) * kGrid;
  if (chance->Is(20)) step->then.clear();
  if (step->kind == Kind::kWaitSegment) step->text = SegmentName(chance);
  if (step->kind == Kind::kWaitUntil) FillWaitUntil(chance, depth, step);
  if (step->kind != Kind::kWaitCondition) return;
  step->condition = OfPerson(chance);
  if (step->condition.kind == PlainCondition::Kind::kFewer && chance->Is(70)) {
    step->condition = OfPerson(chance);
  }
  if (chance->Is(20)) {
    step->condition.kind = PlainCondition::Kind::kInSegment;
    step->condition.text = SegmentName(chance);
  }
}

PlainStep::Kind StepKind(Chance* chance, int depth) {
  using Kind = PlainStep::Kind;
  const int roll = chance->Below(depth < kDeepest ? 100 : 68);
  if (roll < 26) return Kind::kSend;
  if (roll < 38) return Kind::kWait;
  if (roll < 43) return Kind::kWaitDay;
  if (roll < 47) return Kind::kWaitWeekday;
  if (roll < 58) return Kind::kUpdate;
  if (roll < 66) return Kind::kEmit;
  if (roll < 68) return Kind::kExit;
  if (roll < 78) return Kind::kWaitUntil;
  if (roll < 82) return Kind::kWaitSegment;
  if (roll < 87) return Kind::kWaitCondition;
  if (roll < 94) return Kind::kIf;
  return Kind::kRepeat;
}

PlainStep StepOf(Chance* chance, PlainStep::Kind kind, int depth) {
  using Kind = PlainStep::Kind;
  PlainStep step;
  step.kind = kind;
  step.number = chance->Between(0, 3);
  step.span = Span(chance);
  step.minute_of_day = chance->Below(48) * 30;
  step.relative = chance->Is(50);
  if (step.kind == Kind::kSend)
    step.text = chance->Of({"marketing", "marketing", "newsletter", "orders"});
  if (step.kind == Kind::kExit) step.text = "left";
  if (step.kind == Kind::kEmit) step.text = chance->Of({"Echo", "Echo", "Seen"});
  if (step.kind == Kind::kWaitWeekday) step.number = chance->Between(1, 7);
  const bool is_wait_until = step.kind == Kind::kWaitUntil || step.kind == Kind::kWaitSegment ||
                             step.kind == Kind::kWaitCondition;
  if (is_wait_until || step.kind == Kind::kIf || step.kind == Kind::kRepeat)
    FillFlow(chance, depth, &step);
  return step;
}

std::vector<PlainStep> Steps(Chance* chance, int most, int depth) {
  std::vector<PlainStep> steps;
  for (int left = chance->Between(1, most); left > 0; --left) {
    steps.push_back(StepOf(chance, StepKind(chance, depth), depth));
  }
  return steps;
}

PlainJourney Journey(Chance* chance, const std::string& name) {
  using Reentry = PlainJourney::Reentry;
  using enum PlainStep::Kind;
  PlainJourney journey;
  journey.name = name;
  for (int left = chance->Between(1, 2); left > 0; --left) {
    journey.triggers.push_back(Match(chance, true));
  }
  if (chance->Is(25)) journey.triggers.push_back(SegmentMatch(chance));
  journey.only_if = Condition(chance, 70);
  journey.reentry =
      chance->Of({Reentry::kAlways, Reentry::kAlways, Reentry::kAfter, Reentry::kNever});
  journey.reentry_after = Span(chance);
  journey.one_run_per_key = chance->Is(35);
  journey.restart = chance->Is(40);
  if (chance->Is(50)) journey.goal = Match(chance, false);
  if (journey.goal && chance->Is(60)) journey.goal_within = Span(chance);
  journey.exit_on_goal = journey.goal && chance->Is(40);
  if (chance->Is(35)) journey.exit_on.push_back(Match(chance, false));
  if (chance->Is(25)) {
    journey.exit_on.insert(journey.exit_on.begin(), SegmentMatch(chance));
  }
  journey.steps = Steps(chance, 6, 0);
  // What some runs wait for others do, seldom enough by itself.
  if (chance->Is(40)) journey.steps.insert(journey.steps.begin(), StepOf(chance, kUpdate, 0));
  const auto awaits = chance->Of({kWaitSegment, kWaitCondition});
  if (chance->Is(40)) journey.steps.insert(journey.steps.begin(), StepOf(chance, awaits, 0));
  return journey;
}

void FillProperties(Chance* chance, PlainEvent* event) {
  if (event->name == "Identify") {
    const std::string trait = chance->Of({"level", "level", "email"});
    if (chance->Is(25)) {
      event->nulls.insert(trait);
    } else if (trait == "level") {
      event->numbers["level"] = chance->Between(0, 3);
    } else {
      event->texts["email"] = chance->Of({"", "a@b.example", "a@b.example", "c@d.example"});
    }
  } else if (event->name == "Subscribed" || event->name == "Unsubscribed") {
    const std::string topic = chance->Of({"", "marketing", "newsletter", "orders"});
    if (!topic.empty()) event->texts["topic"] = topic;
  } else if (event->name == "Email Bounced") {
    event->texts["type"] = chance->Of({"hard", "soft"});
    if (chance->Is(30)) event->texts["email"] = "c@d.example";
  } else if (event->name != "Email Marked as Spam") {
    if (chance->Is(80)) event->numbers["value"] = chance->Between(0, 3);
    if (chance->Is(80)) event->texts["key"] = chance->Of({"a", "b", "c"});
  }
}

PlainEvent Event(Chance* chance, int64_t at, int number) {
  PlainEvent event;
  event.at = event.time = at;
  if (chance->Is(15)) event.time -= chance->Between(1, 8) * kGrid;
  if (chance->Is(5)) event.time += kGrid;
  // An id of few, so that some come again.
  event.id =
      chance->Is(15) ? "again" + std::to_string(chance->Below(2)) : "e" + std::to_string(number);
  const int roll = chance->Below(100);
  event.name = roll < 76   ? EventName(chance)
               : roll < 89 ? "Identify"
               : roll < 94 ? "Subscribed"
               : roll < 97 ? "Unsubscribed"
               : roll < 99 ? "Email Bounced"
                           : "Email Marked as Spam";
  FillProperties(chance, &event);
  return event;
}

}  // namespace

PlainRules RandomRules(uint32_t seed) {
  Chance chance(seed);
  PlainRules rules;
  for (int left = chance.Below(3); left > 0; --left) {
    rules.caps.push_back(
        {chance.Between(1, 3), Span(&chance), chance.Of({"", "marketing", "newsletter"})});
  }
  if (chance.Is(40)) {
    const int from = chance.Below(24) * 60;
    rules.quiet_hours = {from, (from + 60 * chance.Between(1, 14)) % (24 * 60), chance.Is(30)};
  }
  for (const char* const name : {"few", "much"}) {
    rules.segments.push_back({name, OfPerson(&chance)});
  }
  const char* const names[] = {"first", "second", "third"};
  const int journeys = chance.Between(1, 3);
  for (int i = 0; i < journeys; ++i) rules.journeys.push_back(Journey(&chance, names[i]));
  return rules;
}

PlainLife RandomLife(uint32_t seed) {
  Chance chance(seed + 1'000'000);
  PlainLife life;
  life.start = kStart;
  if (chance.Is(90)) life.email = "a@b.example";
  if (chance.Is(60)) life.level = chance.Of({0, 0, 1, 3});
  int64_t at = kStart;
  for (int left = chance.Between(4, 24), number = 0; left > 0; --left, ++number) {
    at += chance.Of({0, 1, 1, 2, 3, 4, 8, 48}) * kGrid;
    life.events.push_back(Event(&chance, at, number));
  }
  life.until = at + 20 * kPlainDay;
  return life;
}

}  // namespace sojourn::simulate
