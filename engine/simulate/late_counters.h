// Which counters of the rules in force have not counted since the log begins, and which of them its
// events can make good.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/language/bundle.h"
#include "engine/simulate/counter_readers.h"

namespace sojourn::simulate {

// A counter as a backfill has filled it.
struct FilledCounter {
  uint64_t id = 0;
  uint32_t needs = 0;
  Duration window;
  uint32_t keep = 0;
  uint32_t bundle = 0;  // in force at that time
};

// As a note; a text that is none gives nothing.
std::string EncodeFilledCounters(const std::vector<FilledCounter>& filled);
std::vector<FilledCounter> DecodeFilledCounters(std::string_view text);

// The rules as they were under each bundle, oldest first, the last in force (RulesSource::History).
using RulesHistory = std::vector<std::shared_ptr<const language::RuleSet>>;

// What is known of the log.
struct LogReach {
  // Where it has lost its past: the log time of the first event that it still has.
  std::optional<Timestamp> begins;
  // When a bundle came into force, by its number; nullopt: not known.
  std::function<std::optional<Timestamp>(uint32_t)> in_force_since;
};

struct LateCounter {
  const expr::CounterDefinition* counter = nullptr;  // as all rules that are still of use read it
  std::vector<CounterReader> readers;                // in the rules in force
  std::string refusal;                               // why it cannot be filled; empty: it can
};

// By event, then by condition and value. Requires a history that is not empty. What was filled
// under an older bundle still holds while every later one has counted all of it.
std::vector<LateCounter> FindLateCounters(const RulesHistory& history,
                                          const std::vector<FilledCounter>& filled,
                                          const LogReach& log);

// `"Order Completed" for which event.total > 20.0, value event.total`.
std::string DescribeCounter(const expr::CounterDefinition& counter);

}  // namespace sojourn::simulate
