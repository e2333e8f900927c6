// Journeys and lives by chance. Moments and spans come from a coarse grid, so that many things are
// due together.
#include <algorithm>

#include "engine/simulate/random_chance.h"

namespace sojourn::simulate {
namespace {

constexpr int64_t kStart = 1'772'442'000'000;  // 2026-03-02T09:00:00Z

// In the months of the lives.
std::string Birthday(Chance* chance) {
  return chance->Of({"2026-", "1990-"}) +
         std::string(chance->Of({"03-03", "03-08", "03-10", "03-29", "04-02", "10-24", "10-25",
                                 "10-31", "11-01", "11-04"}));
}

PlainDated Dated(Chance* chance) {
  using enum PlainDated::Every;
  PlainDated dated;
  dated.every =
      chance->Of({kDay, kWeek, kMonth, kYear, kOnce, kBirthday, kBirthday, kBirthdayOnce});
  dated.minute_of_day = chance->Is(50) ? chance->Between(2, 5) * 30 : chance->Below(48) * 30;
  dated.month = chance->Of({3, 3, 4, 10, 11});
  dated.day = dated.every == kWeek ? chance->Between(1, 7) : chance->Between(1, 30);
  if (dated.every == kMonth && chance->Is(50)) dated.day = 31;
  dated.offset = chance->Of({0, 0, -3, 2, 365, -365});
  if (dated.every == kBirthday || dated.every == kBirthdayOnce) return dated;
  if (chance->Is(30)) dated.spread = chance->Of({1, 5}) * kPlainHour;
  if (chance->Is(30)) dated.segment = SegmentName(chance);
  return dated;
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
  for (int left = chance->Is(35) ? chance->Between(1, 2) : 0; left > 0; --left) {
    journey.dated.push_back(Dated(chance));
  }
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
    const std::string trait = chance->Of({"level", "level", "email", "timezone", "birthday"});
    if (chance->Is(25)) {
      event->nulls.insert(trait);
    } else if (trait == "level") {
      event->numbers["level"] = chance->Between(0, 3);
    } else if (trait == "birthday") {
      event->texts["birthday"] = Birthday(chance);
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

// One of these seeds has more run keys than are remembered, or more runs than may be active.
bool IsCrowded(uint32_t seed) { return seed % 50 == 0; }

void Crowd(Chance* chance, PlainJourney* journey) {
  journey->triggers[0] = {"Seen", {}};
  journey->only_if = {};
  journey->one_run_per_key = true;
  journey->reentry = PlainJourney::Reentry::kNever;
  if (chance->Is(50)) {
    PlainStep wait;
    wait.kind = PlainStep::Kind::kWait;
    wait.span = 5 * kPlainDay;
    journey->steps.insert(journey->steps.begin(), wait);
  } else {
    journey->steps.resize(1);
    journey->steps[0] = {};
    journey->steps[0].text = "orders";
    journey->goal = PlainMatch{"Bought", {}};
    journey->goal_within = 5 * kPlainDay;
  }
}

std::vector<PlainEvent> CrowdedEvents(Chance* chance, int64_t at) {
  std::vector<PlainEvent> events;
  for (int number = 0; number < 300; ++number, at += chance->Below(2) * kPlainGrid) {
    PlainEvent event = Event(chance, at, number);
    if (chance->Is(96)) event = {at, at, "e" + std::to_string(number), "Seen"};
    const int key = number > 260 ? chance->Below(20) : number;
    event.texts["key"] = "k" + std::to_string(key);
    events.push_back(event);
  }
  return events;
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
  if (IsCrowded(seed)) Crowd(&chance, &rules.journeys[0]);
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
  if (chance.Is(60)) life.birthday = Birthday(&chance);
  if (chance.Is(90)) life.email = "a@b.example";
  if (chance.Is(60)) life.level = chance.Of({0, 0, 1, 3});
  int64_t at = life.start;
  for (int left = chance.Between(4, 24), number = 0; left > 0; --left, ++number) {
    at += chance.Of({0, 1, 1, 2, 3, 4, 8, 48}) * kPlainGrid;
    life.events.push_back(Event(&chance, at, number));
  }
  if (IsCrowded(seed)) life.events = CrowdedEvents(&chance, life.start);
  life.until = at + 20 * kPlainDay;
  return life;
}

}  // namespace sojourn::simulate
