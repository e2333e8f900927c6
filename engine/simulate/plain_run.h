// What the plain interpreter remembers of runs, and what it has yet to handle.
//
// Tests only. Threads: one owner; plain data. Pointers to steps and journeys are into the rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/simulate/plain_journey.h"
#include "engine/simulate/plain_person.h"

namespace sojourn::simulate {

inline constexpr int64_t kPlainNever = INT64_MAX;

struct PlainFrame {
  const std::vector<PlainStep>* steps = nullptr;
  std::string prefix;  // of the steps' ids
  size_t next = 0;
  const PlainStep* repeat = nullptr;  // whose body it is
  int passes = 1;
};

struct PlainRun {
  const PlainJourney* journey = nullptr;
  std::string key;
  int64_t entered = 0;
  PlainEvent trigger;
  PlainEvent event;  // consumed last
  std::vector<PlainFrame> frames;
  std::map<std::string, std::string> paths;  // by A/B test
  std::string code;                          // of its coupon; empty: none
  int64_t due = kPlainNever;
  const PlainStep* waits_for = nullptr;  // a wait_until
  std::string waits_at;                  // its id
  int64_t waits_since = 0;               // when it was reached
  bool goal_reached = false;
  bool active = true;
  bool is_ready = false;    // what it waits for has come, in an item yet to be handled
  bool remembered = false;  // ended, but its goal still counts
  int ended = 0;            // as the how manieth that did so by itself
};

// When a trigger by time comes next.
struct PlainPlan {
  const PlainJourney* journey = nullptr;
  const PlainDated* dated = nullptr;
  int64_t due = kPlainNever;
  int64_t day = 0;        // the civil day of `due`, since 1970
  int64_t last_day = -1;  // of the last one that came
};

// "wait_until event", ...
std::string PlainNameOf(const PlainStep& wait_until);

struct PlainItem {
  std::optional<PlainEvent> event;  // none: what update_person has changed
  PlainChanges changes;
  std::set<PlainRun*> ready;  // that waited for what came, when it came
  int depth = 0;
};

}  // namespace sojourn::simulate
