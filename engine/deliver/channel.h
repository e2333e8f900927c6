// What differs between the ways out: which actions a deliverer takes, when each may leave, what an
// outcome means, and how all that is counted.
//
// Threads: the deliverer's. It outlives the deliverer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/deliver/delivery_log.h"
#include "engine/deliver/lane_gate.h"
#include "engine/deliver/send_queue.h"
#include "engine/deliver/transport.h"
#include "engine/deliver/verdict.h"
#include "engine/model/action.h"

namespace sojourn::deliver {

// A committed record, to be counted.
struct Attempt {
  Partition partition;
  DeliveryState state = DeliveryState::kWaiting;
  std::string receiver;  // Channel::ReceiverOf
  std::string failure;   // kFailed
  std::string template_name;
  bool repeated = false;  // not the first attempt
};

struct QueueGauges {
  int64_t waiting = 0;
  int64_t held = 0;
  Duration oldest_age;
  std::vector<LaneGauge> lanes;  // where the channel asks for them
};

class Channel {
 public:
  virtual ~Channel() = default;

  // DeliveryRecord::channel of its records; empty for mails.
  virtual std::string_view name() const = 0;
  virtual bool Takes(model::ActionKind kind) const = 0;
  virtual LaneGate* gate() = 0;
  virtual LaneKey LaneOf(const model::Action& action) = 0;
  // Of stored actions that may wait in a lane that its gate has shut; more of it become dead
  // letters, so that what goes elsewhere has room. 0: without limit.
  virtual size_t max_shut_lane_bytes() const { return 0; }
  // After it nothing of the action is sent any more.
  virtual Timestamp UsefulUntil(const model::Action& action) const = 0;
  // What then becomes of it.
  virtual DeliveryRecord Expire(const CommittedAction& committed, int attempts, Timestamp now) = 0;
  // Before it nothing of the channel leaves. Min: at once.
  virtual Timestamp RestsUntil(Timestamp now) = 0;
  // What an attempt, `attempts` with it, has come to.
  virtual Verdict Hear(const CommittedAction& committed, int attempts, const SendResult& result,
                       Timestamp now) = 0;
  // Nothing was tried, for something could not be looked up; the reason is one line.
  virtual void PutOff(const model::Action& action, const std::string& reason, Timestamp now) = 0;
  // For metrics, of few values.
  virtual std::string ReceiverOf(const model::Action& action) const = 0;
  virtual void Count(const Attempt& attempt) = 0;
  // About once a second.
  virtual void Record(const QueueGauges& gauges, Timestamp now) = 0;
  virtual bool asks_for_lanes() const { return false; }
};

}  // namespace sojourn::deliver
