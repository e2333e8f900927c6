#include "engine/runtime/record_check.h"

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/model/event_codec.h"

namespace sojourn::runtime {

bool IsImportBracket(model::EventType type) {
  return type == model::EventType::kImportBegin || type == model::EventType::kImportEnd;
}

std::optional<Rejection> CheckRecord(std::string_view key, const model::Event& event,
                                     const InputDescription& input, Partition partition,
                                     int32_t partition_count) {
  const bool outside_type =
      event.type == model::EventType::kTrack || event.type == model::EventType::kIdentify;
  if (!outside_type && !input.internal) {
    return Rejection{DeadLetterReason::kReservedType, "a record of a reserved type"};
  }
  if (IsImportBracket(event.type)) return std::nullopt;
  if (!model::IsValidPersonId(key)) {
    return Rejection{DeadLetterReason::kBadPersonId,
                     fmt::format("the key is no person's id: 1 to {} bytes of UTF-8 are wanted",
                                 kMaxPersonIdBytes)};
  }
  if (!event.person.empty() && event.person != key) {
    return Rejection{DeadLetterReason::kKeyMismatch,
                     "the person's id in the record is not the record's key"};
  }
  if (const int32_t home = PartitionOfKey(key, partition_count); home != partition.value()) {
    return Rejection{DeadLetterReason::kWrongPartition,
                     fmt::format("the key belongs into partition {} of {}, not into {}", home,
                                 partition_count, partition.value())};
  }
  return std::nullopt;
}

}  // namespace sojourn::runtime
