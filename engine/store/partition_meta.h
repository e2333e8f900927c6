// What a partition knows about itself beyond its persons: one record, committed together with every
// change (locally in `meta`; under Kafka also in the changelog). FORMAT.md has the grammar.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/coupon_use.h"

namespace sojourn::store {

inline constexpr uint8_t kPartitionMetaVersion = 3;
// Hashes in one chunk of taken codes; all chunks of a pool but the last are full.
inline constexpr size_t kCodesPerChunk = 512;

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

// What the partition knows of one coupon pool.
struct PoolUse {
  std::string pool;
  uint64_t taken = 0;  // how many listed codes are given away; which ones, the chunks say
  std::vector<model::CouponSource> sources;  // by journey and path
  bool operator==(const PoolUse&) const = default;
};

// A piece of the list of the codes that a pool has given away, in the order in which they were:
// a row of its own, since it only ever grows at its end.
struct CodeChunk {
  std::string pool;
  uint32_t index = 0;            // holds the codes from index * kCodesPerChunk on
  std::vector<uint64_t> hashes;  // never empty
  bool operator==(const CodeChunk&) const = default;
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
  std::vector<PoolUse> coupons;  // by pool
  // What of the taken codes changes with this commit. Not in the record: rows of their own.
  std::vector<CodeChunk> code_chunks;
  // The codes stood in the record itself (version 2): no row of them was ever committed, and the
  // next commit has to write all of them.
  bool codes_without_rows = false;
  // From version 1, and only until the next commit, before which nothing else is known of coupons:
  // then also pools that are not in it may have been used by other partitions.
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

// With counted coupons as version 1, else as the newest. Requires that there are not both kinds.
std::string EncodePartitionMeta(const PartitionMeta& meta);

// The hashes of a chunk, and back. Errors: kDataLoss.
std::string EncodeCodes(const std::vector<uint64_t>& hashes);
Result<std::vector<uint64_t>> DecodeCodes(std::string_view bytes);

// The chunks that hold codes `from` and later of a pool's list.
std::vector<CodeChunk> ChunksOf(const std::string& pool, std::span<const uint64_t> codes,
                                size_t from);

// Takes any bytes. Errors: kDataLoss; kFailedPrecondition for a newer version.
Result<PartitionMeta> DecodePartitionMeta(std::string_view bytes);

}  // namespace sojourn::store
