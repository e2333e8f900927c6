// What a partition knows about itself beyond its persons: one record, committed together with every
// change (locally in `meta`; under Kafka also in the changelog). FORMAT.md has the grammar.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"

namespace sojourn::store {

inline constexpr uint8_t kPartitionMetaVersion = 2;

// A place in the order of timer rows: by time, then by the person's id as bytes. The default stands
// before every row.
struct TimerRow {
  Timestamp time = Timestamp::Min();
  std::string person;
  auto operator<=>(const TimerRow&) const = default;
};

struct InputPosition {
  std::string topic;
  Partition partition;
  Offset next_offset;  // the first that is not applied yet
  bool operator==(const InputPosition&) const = default;
};

// A pass over all persons of the partition that is under way.
struct SweepCursor {
  std::string name;          // what sweeps: a journey's name, or the runtime's own
  Timestamp occurrence;      // the moment it belongs to
  std::string after_person;  // the last one done, in the order of PartitionStore::Scan; empty: none
  bool operator==(const SweepCursor&) const = default;
};

struct NamedText {
  std::string name;
  std::string value;
  bool operator==(const NamedText&) const = default;
};

// The codes of a listed coupon pool that the partition has given away.
struct PoolUse {
  std::string pool;
  std::vector<uint32_t> taken;  // marks of the codes (FORMAT.md), rising
  bool operator==(const PoolUse&) const = default;
};

// What version 1 knew instead: how many were given of the codes whose index in the list, modulo the
// number of partitions, is the partition.
struct CountedPoolUse {
  std::string pool;
  uint32_t taken = 0;
  bool operator==(const CountedPoolUse&) const = default;
};

struct PartitionMeta {
  std::vector<InputPosition> inputs;
  Timestamp clock = Timestamp::Min();      // logical time of the input handled last
  Timestamp watermark = Timestamp::Min();  // timers up to here may have fired
  TimerRow timer_cursor;                   // the timer row passed last; the local store's own
  std::vector<SweepCursor> sweeps;
  std::vector<PoolUse> coupons_taken;  // by pool
  // Only ever read, from version 1: then also pools that are not in it may have been used by other
  // partitions.
  std::optional<std::vector<CountedPoolUse>> counted_coupons;
  uint32_t bundle = 0;                      // number of the rules bundle in force
  bool import_open = false;                 // between an import's begin and end records
  bool timers_incomplete = false;           // a rebuild of the timer index did not finish
  std::vector<NamedText> key_fingerprints;  // of configured secrets, by key name
  std::vector<NamedText> identities;        // what must not change under a store: app, topic ids
  Offset changelog_next_offset{-1};         // local store under Kafka: the first offset not in it
  Timestamp written_at;                     // wall clock of the writer
  uint64_t persons = 0;                     // who have a record

  bool operator==(const PartitionMeta&) const = default;
};

// Requires that there are no counted coupons any more.
std::string EncodePartitionMeta(const PartitionMeta& meta);

// Takes any bytes. Errors: kDataLoss; kFailedPrecondition for a newer version.
Result<PartitionMeta> DecodePartitionMeta(std::string_view bytes);

}  // namespace sojourn::store
