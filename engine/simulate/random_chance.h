// Chance for journeys and lives, and what both draw: the same seed draws the same.
//
// Tests only. Threads: one owner.
#pragma once

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {

inline constexpr int64_t kPlainGrid = 30 * kPlainMinute;

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

// Of four.
std::string EventName(Chance* chance);
// Of two.
std::string SegmentName(Chance* chance);
std::string ZoneName(Chance* chance);
// Of an event and its run; true in so many of a hundred cases.
PlainCondition Condition(Chance* chance, int percent_true);
// Of a segment or an awaited condition, which read no event.
PlainCondition OfPerson(Chance* chance);
// Of an event, for a trigger without `trigger`.
PlainMatch Match(Chance* chance, bool is_trigger);
PlainMatch SegmentMatch(Chance* chance);
int64_t Span(Chance* chance);

PlainStep StepOf(Chance* chance, PlainStep::Kind kind, int depth);
std::vector<PlainStep> Steps(Chance* chance, int most, int depth);
// Names the A/B tests of a journey, and has its steps read only tests and coupons that they can be
// behind.
void FixReferences(Chance* chance, std::vector<PlainStep>* steps);

}  // namespace sojourn::simulate
