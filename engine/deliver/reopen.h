// An operator's wish that failed mails are sent again, and what became of it.
//
// Threads: targets is constant; Wait is called by whoever asks, Answer and Hear by the deliverer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/deliver/delivery.h"

namespace sojourn::deliver {

// At most so many in one request; it is worked off between two commits.
inline constexpr size_t kMaxReopenedAtOnce = 500;

struct ReopenTarget {
  ActionPlace place;
  std::string action_id;  // what must stand there
};

enum class ReopenAnswer : uint8_t {
  kNotAnswered,  // nobody came to it in time
  kReopened,     // durably
  kUnderWay,     // it was reopened before and is not at its end yet
  kNotFailed,    // it is in another state
  kUnknown,      // there is no record of this action at this place
  kGone,         // its action is not in the log any more
  kElsewhere,    // another process has the partition
  kNotNow,       // the queue is full or still being read, or nobody answers; try again
};

// "reopened", "under_way", ...
std::string_view ReopenAnswerName(ReopenAnswer answer);
std::optional<ReopenAnswer> ParseReopenAnswer(std::string_view name);

struct ReopenResult {
  ReopenTarget target;
  ReopenAnswer answer = ReopenAnswer::kNotAnswered;
  std::optional<DeliveryRecord> record;  // the newest that is committed, where one is known
};

class ReopenRequest {
 public:
  // Each place once.
  explicit ReopenRequest(const std::vector<ReopenTarget>& targets);

  // Waits at most `for_answers` until each is answered, then at most `for_ends` until what was
  // reopened has come to its end. In the order of the targets.
  std::vector<ReopenResult> Wait(Duration for_answers, Duration for_ends);

  std::vector<ReopenTarget> targets() const;
  void Answer(const ActionPlace& place, ReopenAnswer answer, std::optional<DeliveryRecord> record);
  // A record was committed; of a target that has no other answer it says that it is reopened.
  void Hear(const DeliveryRecord& record);
  // Nothing more is to be heard.
  bool IsOver() const;

 private:
  bool AllAnswered() const;
  bool AllEnded() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ReopenResult> results_;       // guarded by mutex_
  std::map<ActionPlace, size_t> by_place_;  // into results_; constant
};

}  // namespace sojourn::deliver
