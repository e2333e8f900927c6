#include "engine/runtime/ports.h"

#include <chrono>

#include "engine/base/check.h"

namespace sojourn::runtime {

std::string_view DeadLetterReasonName(DeadLetterReason reason) {
  switch (reason) {
    case DeadLetterReason::kUndecodable:
      return "undecodable";
    case DeadLetterReason::kBadPersonId:
      return "bad_person_id";
    case DeadLetterReason::kKeyMismatch:
      return "key_mismatch";
    case DeadLetterReason::kWrongPartition:
      return "wrong_partition";
    case DeadLetterReason::kReservedType:
      return "reserved_type";
    case DeadLetterReason::kPersonTooLarge:
      return "person_too_large";
  }
  SOJOURN_CHECK(false);
}

Timestamp SystemClock::Now() const {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return Timestamp(duration_cast<milliseconds>(since_epoch).count());
}

}  // namespace sojourn::runtime
