// What has become of an action's mail: the record that survives the process.
//
// An action without a record has not been tried. kStarted is written before the relay can take a
// mail over, so after a crash it says "perhaps sent". Every action ends in exactly one of the
// states that IsFinal names; kFailed alone can be reopened, by an operator.
//
// Threads: values and pure functions. Source: bytes are JSON, so that any tool can read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"

namespace sojourn::deliver {

enum class DeliveryState : uint8_t {
  kStarted,    // the relay may have it
  kWaiting,    // certainly not sent; to be tried again
  kDelivered,  // the relay took it over
  kRefused,    // the relay refused it for good
  kExpired,    // its latest useful time passed before it could be sent
  kUnknown,    // sent, and the answer was lost
  kSkipped,    // not wanted any more: suppressed, or consent withdrawn since
  kFailed,     // cannot be composed: a dead letter
};

bool IsFinal(DeliveryState state);
// DeliveryRecord::failure of a mail that is held back after a restore.
inline constexpr char kHeldFailure[] = "restored";
// Of one that has no room in the queue, for too much waits in its lane.
inline constexpr char kBacklogFailure[] = "endpoint_backlog";
// "started", "waiting", "delivered", ...
std::string_view DeliveryStateName(DeliveryState state);

// Where an action stands among the committed actions.
struct ActionPlace {
  Partition partition;
  Offset offset;
  auto operator<=>(const ActionPlace&) const = default;
};

struct DeliveryRecord {
  ActionPlace place;
  std::string action_id;
  DeliveryState state = DeliveryState::kWaiting;
  int attempts = 0;     // begun so far
  int code = 0;         // the relay's last answer; 0: none
  std::string detail;   // one line for people: the relay's words, why it was skipped, what is wrong
  std::string failure;  // kFailed: its kind, as Composition::failure
  std::string template_name;  // kFailed
  std::string channel;        // that took it; empty: mail
  bool reopened = false;      // by an operator, after it had failed
  Timestamp at;               // of the change to this state
  Timestamp next_attempt;     // kWaiting
};

// Without the place, which is the row's or record's own. Decode: kDataLoss.
std::string EncodeDelivery(const DeliveryRecord& record);
Result<DeliveryRecord> DecodeDelivery(const ActionPlace& place, std::string_view bytes);

}  // namespace sojourn::deliver
