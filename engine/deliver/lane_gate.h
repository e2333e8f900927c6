// What holds up a lane of a send queue: rates of mails, circuits of endpoints.
//
// Threads: one. Times are the caller's.
#pragma once

#include <string>
#include <utility>

#include "engine/base/time.h"

namespace sojourn::deliver {

// Whom it comes from or goes to, and the receiving domain where that has a rate of its own.
using LaneKey = std::pair<std::string, std::string>;

class LaneGate {
 public:
  virtual ~LaneGate() = default;
  // The moment from which one of the lane may leave: `now` where it may at once. Max: not before
  // one that is under way has come back.
  virtual Timestamp NextAllowed(const LaneKey& lane, Timestamp now) = 0;
  // Whether nothing of it may leave for a while, because its end does not answer.
  virtual bool IsShut(const LaneKey& /*lane*/) const { return false; }
  // One leaves.
  virtual void Take(const LaneKey& lane, Timestamp now) = 0;
  // It has come back, whatever became of it.
  virtual void Return(const LaneKey& lane) = 0;
  // Drops what need not be known any more. Call now and then.
  virtual void Forget(Timestamp now) = 0;
};

}  // namespace sojourn::deliver
