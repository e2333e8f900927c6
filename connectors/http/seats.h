// Who may stay when connections are short: those that ask something. A newcomer takes the place of
// the connection that has been idle longest, so that whoever opens thousands and says nothing only
// pushes out his own.
//
// Threads: one at a time. No connection is closed here: its owner does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sojourn::http {

class Seats {
 public:
  Seats(size_t max_count, size_t max_count_per_client)
      : max_count_(max_count), max_count_per_client_(max_count_per_client) {}

  struct Admission {
    bool admitted = true;
    std::optional<uint64_t> leaver;  // is to be closed; it counts no more
  };
  // `id` is new. It is busy until Idle; one that was not admitted is not counted.
  Admission Enter(uint64_t id, const std::string& client);

  // Of ids that are not counted: nothing.
  void Idle(uint64_t id);
  void Busy(uint64_t id);
  void Leave(uint64_t id);

 private:
  struct Seat {
    std::string client;
    uint64_t idle_since = 0;  // a turn; 0: busy
  };

  std::optional<uint64_t> LongestIdle(const std::string* client) const;

  const size_t max_count_;
  const size_t max_count_per_client_;
  uint64_t next_turn_ = 1;
  std::map<uint64_t, Seat> seats_;           // by id
  std::map<uint64_t, uint64_t> idle_;        // ids by the turn since when they are idle
  std::map<std::string, size_t> by_client_;  // how many
};

}  // namespace sojourn::http
