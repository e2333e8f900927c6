// Backtests for people to read, and what another set of rules would have changed.
//
// Threads: pure functions. The same tallies give the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/simulate/tally.h"

namespace sojourn::simulate {

// Who gets a thing under the new rules only, or under the old ones only.
struct ChangedPeople {
  int64_t newly = 0;
  int64_t no_longer = 0;
  std::vector<std::string> newly_sample;      // sorted
  std::vector<std::string> no_longer_sample;  // sorted
};

struct ActionChange {
  int64_t old_count = 0;
  int64_t new_count = 0;
  ChangedPeople people;
};

struct Comparison {
  // By journey, then by template, URL or pool; only where something differs.
  std::map<std::string, std::map<ActionKey, ActionChange>> journeys;
  ChangedPeople mailed;  // by any send of any journey
};

// At most `sample` people are named for each change; `seed` chooses whom.
Comparison Compare(const Tally& old_rules, const Tally& new_rules, const People& people,
                   size_t sample, uint64_t seed);

// What a report is about.
struct BacktestFrame {
  std::string rules;    // directory
  std::string against;  // directory; empty: none
  Timestamp first_event;
  Timestamp last_event;
  Timestamp until;     // timers ran so long, included
  Window window;       // what was counted
  std::string source;  // "events.ndjson", "the log in data"
  // The log is known to have lost its beginning: what people did before is not known.
  bool begins_late = false;
};

std::string BacktestText(const BacktestFrame& frame, const Tally& tally,
                         const Comparison* comparison);
std::string BacktestJson(const BacktestFrame& frame, const Tally& tally,
                         const Comparison* comparison);

}  // namespace sojourn::simulate
