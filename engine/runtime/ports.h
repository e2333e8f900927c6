// What the runtime needs from the world outside: where records come from, where a commit goes,
// where a partition's state is restored from, and what time it is.
//
// A connector (Kafka, the embedded log, memory) implements InputLog, Committer and StateKeeper for
// one worker thread, as a rule as three faces of one object.
//
// The life of a partition, all calls on the worker's thread:
//
//   InputLog::Poll          -> AssignmentListener::OnAssigned(partition)
//   StateKeeper::Open       -> the partition's store, brought to what is committed, and positions
//   InputLog::SetPositions  the log starts to deliver from there
//   InputLog::Poll, Fetch   records, in offset order for each input
//   Committer::Commit       everything since the last commit, for all partitions of the worker
//     kCommitted     the store is told, and the task goes on
//     kNotCommitted  the task drops what it did since; SetPositions to the last commit
//     kUncertain     the task drops all its memory; StateKeeper::Open again; SetPositions
//   InputLog::Poll          -> OnRevoked (commits inside, then closes) or OnLost (only closes)
//
// Threads: one instance of each port belongs to one worker thread; only InputLog::Wake and Stop may
// be called by others. Times are milliseconds. Errors: a Status is fatal for the worker (the
// process stops, readiness red); what heals by itself (a broker that is away, a lost session) never
// surfaces as one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/model/suppression.h"

namespace sojourn::store {
class PartitionStore;
struct PartitionMeta;
struct PersonChange;
}  // namespace sojourn::store

namespace sojourn::runtime {

// ---- records in ------------------------------------------------------------------------------

// One input of every task: a topic, or the embedded log. Task p reads partition p of each.
struct InputDescription {
  std::string topic;      // as origins and dead letters name it
  bool internal = false;  // written by the product itself: may carry enrolments and brackets
};

// Where a record stood before the product copied it (records of `<app>.events`).
struct OriginalPlace {
  std::string topic;
  Partition partition;
  Offset offset;
  Timestamp log_time;
};

// What a record says beside its value: name and bytes.
using RecordHeader = std::pair<std::string_view, std::string_view>;

struct InputRecord {
  uint16_t input = 0;  // index into InputLog::inputs()
  Offset offset;
  Timestamp log_time;      // decides the order among the task's inputs; not yet clamped
  std::string_view key;    // the person's id
  std::string_view value;  // in the input's format
  const OriginalPlace* original = nullptr;     // null: this is the first place
  std::span<const RecordHeader> headers = {};  // of inputs of others, where the log keeps any
};

// What Fetch found in one input of one partition.
struct FetchedRecords {
  // Offsets rise; holes are possible. Views (of keys, values, headers) stay valid until the next
  // Fetch of the same partition and input, SetPositions, or the end of the partition's assignment.
  std::span<const InputRecord> records;
  // Where the next Fetch goes on. May lie behind the last record's offset + 1 (control records).
  Offset next;
  // Behind `records` there was nothing more when this was found out.
  bool at_end = false;
  // At the end: records of this log time or a later one are being made durable, or may be there
  // unfetched, and will follow; a Poll ends when they have, or when there are none. nullopt: none,
  // or the log cannot tell.
  std::optional<Timestamp> under_way_since;
};

// By input: the offset of the next record that is not yet applied.
using Positions = std::vector<Offset>;

struct PartitionPositions {
  Partition partition;
  Positions next;  // as many as inputs(); never an invalid offset
};

// Told of changes from inside InputLog::Poll.
class AssignmentListener {
 public:
  virtual ~AssignmentListener() = default;
  // Nothing of these partitions is delivered before SetPositions names them.
  virtual Status OnAssigned(std::span<const Partition> partitions) = 0;
  // Still ours until this returns: commits what is open and closes the partitions.
  virtual Status OnRevoked(std::span<const Partition> partitions) = 0;
  // Not ours any more: drops what is open without a commit.
  virtual Status OnLost(std::span<const Partition> partitions) = 0;
};

class InputLog {
 public:
  virtual ~InputLog() = default;

  // In topic order: the order that breaks ties between records of one log time.
  virtual const std::vector<InputDescription>& inputs() const = 0;
  // The same for every input.
  virtual int32_t partition_count() const = 0;

  // Serves the connection and the listener (which outlives this object). Returns when some owned
  // input may have something new for Fetch, after Wake, or after `timeout`.
  virtual Status Poll(Duration timeout) = 0;
  virtual void SetListener(AssignmentListener* listener) = 0;

  // Up to `max_records` next records of one input; never waits. Nothing there and `at_end` false
  // means: not known yet, ask again after Poll.
  virtual Result<FetchedRecords> Fetch(Partition partition, uint16_t input, size_t max_records) = 0;

  // From here on Fetch delivers from these offsets, for these partitions. Records fetched before
  // die; `at_end` must be found out anew.
  virtual Status SetPositions(std::span<const PartitionPositions> positions) = 0;

  // How many records lie between the current end and `next`; nullopt: not known.
  virtual std::optional<int64_t> Lag(Partition partition, uint16_t input, Offset next) = 0;

  // Where records of other topics are copied into an input: whatever was written to those before
  // this moment stands in the input, fetched or not (if not, Fetch says so by under_way_since).
  // What is later waits, for a copy may still come before it; a Poll ends when the moment moves.
  // Min(): nothing is known yet. Max(): nothing is copied.
  virtual Timestamp CopiedUntil() const { return Timestamp::Max(); }

  // Ends a running or the next Poll early. Any thread.
  virtual void Wake() = 0;
  // The owner is about to end: as Wake, and from now on an opening of state that waits for others
  // gives up with kAborted. Any thread.
  virtual void Stop() { Wake(); }
};

// Bytes to an event. One instance per worker thread.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // The event's views point into the record's bytes and into `arena`. A Status's message is the
  // reason of the dead letter: one line, without the record's content. Never crashes on any bytes.
  // kUnavailable: what it takes to read the record is not at hand yet. It waits, with all behind
  // it, and is asked for again after a Poll; whoever gets that at hand wakes the log. The person's
  // id is only taken from the payload here ("" where it names none); that it equals the key is
  // checked by the task.
  virtual Result<model::Event> Decode(const InputRecord& record, Arena* arena) = 0;
};

// ---- commits out -----------------------------------------------------------------------------

// Why a record is a dead letter; the label of its metric.
enum class DeadLetterReason : uint8_t {
  kUndecodable,     // the bytes are no event of the input's format
  kBadPersonId,     // empty, over 256 bytes, not UTF-8
  kKeyMismatch,     // the payload names another person than the key
  kWrongPartition,  // the key does not belong into this partition
  kReservedType,    // a record only the product may write, in an input of others
  kPersonTooLarge,  // the person's record would exceed its limit
};

// "undecodable", "bad_person_id", ...
std::string_view DeadLetterReasonName(DeadLetterReason reason);

struct DeadLetter {
  DeadLetterReason reason = DeadLetterReason::kUndecodable;
  std::string message;  // one line for people
  std::string topic;
  Partition partition;
  Offset offset;
  Timestamp log_time;
  std::string key;
  std::string value;
};

// An event that follows for somebody else, to be appended to the product's own input: in the
// partition of its key, and of the present, unless an import replays there.
struct OwnRecord {
  std::string key;    // the person's id
  std::string value;  // protobuf sojourn.v1.Event
  Timestamp time;     // logical
};

// Everything one partition did since the last commit. Views are valid during Commit only.
struct CommitBatch {
  Partition partition;
  store::PartitionStore* store = nullptr;        // the partition's, from StateKeeper::Open
  std::span<const model::Action> actions;        // in the order they arose
  std::span<const store::PersonChange> changes;  // each person at most once
  const store::PartitionMeta* meta = nullptr;    // `inputs`: every input, in the order of inputs()
  std::span<const DeadLetter> dead_letters;      // in the order they arose
  std::span<const OwnRecord> own_records;        // in the order they arose
  // Addresses that get no mail from now on, each once, and the mark of the key they are hashed
  // with. Written with the rest. Empty: none.
  std::span<const model::Suppression> suppressions;
};

enum class CommitOutcome : uint8_t {
  kCommitted,     // durable as a whole
  kNotCommitted,  // certainly nothing of it took effect
  kUncertain,     // may have taken effect as a whole, or not at all; Open tells
};

struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  Status status;  // why not
};

class Committer {
 public:
  virtual ~Committer() = default;
  // All batches or none; returns only when the outcome is known, or known to be uncertain. With
  // kCommitted the committer has told each batch's store (ApplyWritten or ApplyCommitted), and
  // flushes it when it sees fit; a failure of that is a Status with kCommitted, and fatal. With any
  // other outcome it has left the stores alone. A batch may be empty but for its meta.
  virtual CommitResult Commit(std::span<const CommitBatch> batches) = 0;
};

// ---- state -----------------------------------------------------------------------------------

struct OpenedPartition {
  std::unique_ptr<store::PartitionStore> store;  // holds exactly what is committed
  Positions next;                                // committed, or where a new partition begins
};

class StateKeeper {
 public:
  virtual ~StateKeeper() = default;
  // Opens the partition's state and brings it to what is committed (Kafka: replays the changelog;
  // embedded: nothing to do). May take minutes; keeps the connection alive meanwhile. The earlier
  // store of the partition, if there was one, is already destroyed. kAborted: the partition is not
  // ours any more, and Poll will say so.
  virtual Result<OpenedPartition> Open(Partition partition) = 0;
};

// ---- rules -----------------------------------------------------------------------------------

struct StoredBundle {
  uint32_t number = 0;                       // from 1, rising
  std::map<std::string, std::string> files;  // language::Bundle::files
};

// Bundles kept whole (embedded: in the database; Kafka: the topic `<app>.rules`).
// Threads: any, one call at a time.
class BundleStore {
 public:
  virtual ~BundleStore() = default;
  // All that are kept, by number.
  virtual Result<std::vector<StoredBundle>> ReadAll() = 0;
  // Durable when it returns; gives the bundle the next number. Files equal to the newest bundle's
  // give that bundle's number and write nothing.
  virtual Result<uint32_t> Append(const std::map<std::string, std::string>& files) = 0;
};

// ---- time ------------------------------------------------------------------------------------

// Threads: any.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual Timestamp Now() const = 0;
};

// The machine's clock.
class SystemClock : public WallClock {
 public:
  Timestamp Now() const override;
};

}  // namespace sojourn::runtime
