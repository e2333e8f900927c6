// The keys of the store's column families (FORMAT.md). Pure functions.
//
// Every key of `state` and `timers` begins with the partition, so that several partitions can share
// a database.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/store/database.h"

namespace sojourn::store {

// state: partition ‖ 8-byte hash of the id ‖ id. The hash spreads the persons evenly.
std::string StateKey(Partition partition, std::string_view person);
// The id in a state key; nullopt where the key is too short to be one.
std::optional<std::string_view> PersonOfStateKey(std::string_view key);

// timers: partition ‖ time, big-endian with the sign bit flipped ‖ id.
std::string TimerKey(Partition partition, Timestamp time, std::string_view person);
struct TimerKeyParts {
  Timestamp time;
  std::string_view person;
};
std::optional<TimerKeyParts> ParseTimerKey(std::string_view key);

// meta: the row of one partition.
std::string PartitionMetaKey(Partition partition);

// meta: the rows of a partition's given coupon codes, by pool and place of the chunk.
std::string CodesKey(Partition partition, std::string_view pool, uint32_t chunk);
KeyRange CodesRange(Partition partition);
struct CodesKeyParts {
  std::string_view pool;
  uint32_t chunk = 0;
};
std::optional<CodesKeyParts> ParseCodesKey(std::string_view key);

// All keys of a partition in `state`, and in `timers`.
KeyRange PartitionRange(Partition partition);

// The first key behind `key`.
std::string KeyBehind(std::string_view key);

}  // namespace sojourn::store
