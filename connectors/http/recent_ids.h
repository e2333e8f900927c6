// Which events were appended a moment ago.
//
// Libraries send a request again while the first one is still being answered, and batches in which
// one person has more events than the engine remembers ids of. What is forgotten here the engine
// still finds by its own memory of each person.
//
// Threads: one owner.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_set>

#include "engine/model/event.h"

namespace sojourn::http {

class RecentIds {
 public:
  using Clock = std::chrono::steady_clock;

  // The newest `max_count` (at least 1), for `age` at most: shorter than the engine's memory, so
  // that nothing is dropped that it would take.
  explicit RecentIds(size_t max_count = 200'000, Clock::duration age = std::chrono::hours(1));

  // An event without id is never found.
  bool Contains(const model::Event& event, Clock::time_point now);
  void Add(const model::Event& event, Clock::time_point now);
  // What was appended before everything that is known, `when`; an empty id is passed over. False:
  // what is older still is of no use.
  bool AddOlder(std::string_view person, std::string_view id, Clock::time_point when,
                Clock::time_point now);
  // It was not appended after all.
  void Remove(const model::Event& event) { known_.erase(HashOf(event.person, event.id)); }

 private:
  struct Added {
    uint64_t hash = 0;
    Clock::time_point when;
  };
  uint64_t HashOf(std::string_view person, std::string_view id) const;
  void Forget(Clock::time_point now);

  const size_t max_count_;
  const Clock::duration age_;
  const std::array<uint64_t, 2> key_;  // senders choose ids
  std::deque<Added> added_;            // the oldest first
  std::unordered_set<uint64_t> known_;
};

}  // namespace sojourn::http
