#include "engine/simulate/late_counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"

namespace sojourn::simulate {
namespace {

using expr::CounterDefinition;

// The index of the first rules since which the counter has counted all that is wanted.
size_t CountsSince(const RulesHistory& history, const CounterDefinition& wanted) {
  size_t since = history.size();
  while (since > 0) {
    const CounterDefinition* kept = history[since - 1]->FindCounter(wanted.id);
    if (kept == nullptr || !Covers(*kept, wanted)) break;
    --since;
  }
  return since;
}

bool IsFilled(const std::vector<FilledCounter>& filled, const CounterDefinition& wanted,
              uint32_t since_bundle) {
  return std::any_of(filled.begin(), filled.end(), [&](const FilledCounter& one) {
    CounterDefinition kept;
    kept.needs = one.needs;
    kept.window = one.window;
    kept.keep = one.keep;
    return one.id == wanted.id && one.bundle >= since_bundle && Covers(kept, wanted);
  });
}

bool ReadsPerson(const CounterDefinition& counter) {
  const auto reads = [](const std::shared_ptr<const expr::Program>& program) {
    return program != nullptr &&
           (!program->traits().empty() || program->reads_consent() || program->reads_seen());
  };
  return reads(counter.condition) || reads(counter.value);
}

// The journey that emits the event, in whatever rules there were; empty: none.
std::string EmittedBy(const RulesHistory& history, const std::string& event) {
  for (const auto& rules : history) {
    for (const auto& journey : rules->current().journeys) {
      for (const language::Step& step : journey->steps) {
        const auto* emits = std::get_if<language::EmitEventStep>(&step.action);
        if (emits != nullptr && emits->name == event) return journey->name;
      }
    }
  }
  return "";
}

// A counter becomes what the log tells: that must not be less than it has counted by itself.
std::string WhatTheLogLacks(const RulesHistory& history, size_t since, uint64_t counter,
                            const LogReach& log) {
  if (!log.begins) return "";
  const auto counted = [&](const auto& rules) { return rules->FindCounter(counter) != nullptr; };
  if (std::any_of(history.begin(), history.begin() + static_cast<ptrdiff_t>(since), counted)) {
    return fmt::format(
        "it has counted before, and the log, which begins only on {}, may tell less than that",
        FormatRfc3339(*log.begins));
  }
  const auto in_force = log.in_force_since(history[since]->current().number);
  if (in_force && *log.begins <= *in_force) return "";
  return fmt::format("it counts since {}, and the log begins only on {}",
                     in_force ? FormatRfc3339(*in_force) : "a time that is not known",
                     FormatRfc3339(*log.begins));
}

std::string RefusalOf(const RulesHistory& history, size_t since, const CounterDefinition& counter,
                      const LogReach& log) {
  if (ReadsPerson(counter)) {
    return "its condition reads `person`, and the log does not tell what they were like then";
  }
  const std::string journey = EmittedBy(history, counter.event);
  if (!journey.empty()) {
    return fmt::format("journey {} emits the event, and what journeys emit is not in the log",
                       journey);
  }
  return WhatTheLogLacks(history, since, counter.id, log);
}

}  // namespace

std::string EncodeFilledCounters(const std::vector<FilledCounter>& filled) {
  nlohmann::json list = nlohmann::json::array();
  for (const FilledCounter& one : filled) {
    list.push_back({{"counter", one.id},
                    {"needs", one.needs},
                    {"window_ms", one.window.milliseconds()},
                    {"keep", one.keep},
                    {"bundle", one.bundle}});
  }
  return DumpJson(list);
}

std::vector<FilledCounter> DecodeFilledCounters(std::string_view text) {
  const auto list = ParseJson(text);
  std::vector<FilledCounter> filled;
  if (!list.is_array()) return filled;
  for (const auto& one : list) {
    if (!one.is_object()) continue;
    const auto number = [&one](const char* name) {
      const auto found = one.find(name);
      return found != one.end() && found->is_number_integer() ? found->get<uint64_t>() : 0;
    };
    filled.push_back({number("counter"), static_cast<uint32_t>(number("needs")),
                      Milliseconds(static_cast<int64_t>(number("window_ms"))),
                      static_cast<uint32_t>(number("keep")),
                      static_cast<uint32_t>(number("bundle"))});
  }
  return filled;
}

std::vector<LateCounter> FindLateCounters(const RulesHistory& history,
                                          const std::vector<FilledCounter>& filled,
                                          const LogReach& log) {
  SOJOURN_CHECK(!history.empty());
  const language::RuleSet& rules = *history.back();
  const std::vector<CounterReader> readers = FindCounterReaders(rules.current());
  std::vector<LateCounter> late;
  for (const CounterDefinition& wanted : rules.current().counters.counters()) {
    const size_t since = CountsSince(history, wanted);
    if (since == 0 || IsFilled(filled, wanted, history[since]->current().number)) continue;
    LateCounter counter;
    counter.counter = rules.FindCounter(wanted.id);
    for (const CounterReader& reader : readers) {
      if (reader.counter->id == wanted.id) counter.readers.push_back(reader);
    }
    counter.refusal = RefusalOf(history, since, wanted, log);
    late.push_back(std::move(counter));
  }
  std::sort(late.begin(), late.end(), [](const LateCounter& a, const LateCounter& b) {
    const auto key = [](const CounterDefinition& counter) {
      return std::tie(counter.event, counter.condition_text, counter.value_text);
    };
    return key(*a.counter) < key(*b.counter);
  });
  return late;
}

std::string DescribeCounter(const CounterDefinition& counter) {
  std::string text = fmt::format("\"{}\"", counter.event);
  if (!counter.condition_text.empty()) text += " for which " + counter.condition_text;
  if (!counter.value_text.empty()) text += ", value " + counter.value_text;
  return text;
}

}  // namespace sojourn::simulate
