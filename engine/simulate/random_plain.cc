// Journeys and lives by chance. Moments and spans come from a coarse grid, so that many things are
// due together.
#include <algorithm>

#include "engine/simulate/random_chance.h"

namespace sojourn::simulate {
namespace {

constexpr int64_t kStart = 1'772'442'000'000;  // 2026-03-02T09:00:00Z

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
  journey.zone = chance->Is(40) ? "person" : chance->Is(40) ? "company" : ZoneName(chance);
  journey.holdout = chance->Is(30);
  journey.steps = Steps(chance, 6, 0);
  // What some runs wait for others do, seldom enough by itself.
  if (chance->Is(40)) journey.steps.insert(journey.steps.begin(), StepOf(chance, kUpdate, 0));
  if (chance->Is(20)) journey.steps.insert(journey.steps.begin(), StepOf(chance, kEmit, 0));
  const auto awaits = chance->Of({kWaitSegment, kWaitCondition});
  if (chance->Is(40)) journey.steps.insert(journey.steps.begin(), StepOf(chance, awaits, 0));
  FixReferences(chance, &journey.steps);
  return journey;
}

void FillProperties(Chance* chance, PlainEvent* event) {
  if (event->name == "Identify") {
    const std::string trait = chance->Of({"level", "level", "email", "timezone"});
    if (chance->Is(25)) {
      event->nulls.insert(trait);
    } else if (trait == "level") {
      event->numbers["level"] = chance->Between(0, 3);
    } else if (trait == "timezone") {
      event->texts["timezone"] = chance->Is(90) ? ZoneName(chance) : "nowhere";
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
  if (chance->Is(15)) event.time -= chance->Between(1, 8) * kPlainGrid;
  if (chance->Is(5)) event.time += kPlainGrid;
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
  rules.zone = ZoneName(&chance);
  rules.holdout = chance.Is(30);
  rules.pools = {{"exiting", {"X1"}, false, true},
                 {"few", {"A1", "A2"}},
                 {"many", {"MANY"}, true},
                 {"new", {}}};
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
  // Days before clocks change, among others.
  life.start = kStart + chance.Of({0, 4, 25, 235, 242}) * kPlainDay;
  life.person = "p" + std::to_string(seed);
  life.held_out = chance.Is(15);
  if (chance.Is(80)) life.zone = chance.Is(90) ? ZoneName(&chance) : "nowhere";
  if (chance.Is(90)) life.email = "a@b.example";
  if (chance.Is(60)) life.level = chance.Of({0, 0, 1, 3});
  int64_t at = life.start;
  for (int left = chance.Between(4, 24), number = 0; left > 0; --left, ++number) {
    at += chance.Of({0, 1, 1, 2, 3, 4, 8, 48}) * kPlainGrid;
    life.events.push_back(Event(&chance, at, number));
  }
  life.until = at + 20 * kPlainDay;
  return life;
}

}  // namespace sojourn::simulate
