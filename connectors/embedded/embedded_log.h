// The log without Kafka: events, state, timers and actions in one directory of one process.
//
// An append is acknowledged after fsync; appends that come together share one. A task's commit is
// one synced batch with state, timers, actions, dead letters and positions, so everything that can
// be read here is durable. Partitions, offsets and the order of log times are those of a topic:
// offsets count from 0 without holes, log times never fall within a partition.
//
// Threads: every member of EmbeddedLog may be called from any thread. Errors: see Health. After a
// write that failed nothing more is written, and only opening the directory again tells what became
// of it; so the process has to stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/deliver/delivery_log.h"
#include "engine/deliver/suppression.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/runtime/ports.h"
#include "engine/store/database.h"
#include "engine/store/partition_store.h"

namespace sojourn::embedded {

// What `topic` is in origins and dead letters.
inline constexpr std::string_view kEventsTopic = "events";

struct EmbeddedOptions {
  std::string directory;        // made if missing
  std::string app = "sojourn";  // a directory belongs to one app
  int32_t partition_count = 4;  // of a new directory; an old one keeps its own
  bool create_if_missing = true;
  size_t block_cache_bytes = 64u << 20;
  size_t write_buffer_bytes = 64u << 20;
  size_t record_cache_bytes = 64u << 20;  // of each partition
  // Intake stops when less is free, so that there is still room for commits.
  uint64_t min_free_bytes = 64u << 20;
  // Log records and actions older than this that nobody has still to read may go; nullopt: kept.
  std::optional<Duration> retention;
  const runtime::WallClock* clock = nullptr;  // null: the machine's; else outlives the log
  // Puts something between the log and its database: for tests.
  std::function<std::unique_ptr<store::Database>(std::unique_ptr<store::Database>)> wrap_database;
};

// One appended event.
struct AppendedPlace {
  Partition partition;
  Offset offset;
};

// What a file's import has reached; kept under the file's fingerprint.
struct ImportState {
  uint64_t position = 0;  // of the reader: bytes or rows, as the importer counts
  bool replay = false;    // on the file's own time, between brackets
  bool finished = false;
  bool abandoned = false;     // ended before its file was
  uint64_t dead_letters = 0;  // kept so far
  Timestamp begun_at = {};    // wall clock
  std::string name = {};      // of the file, for people
};

// The note (ReadNote) that says when a rules bundle was stored, as RFC 3339; bundles of earlier
// versions have none.
std::string BundleTimeNote(uint32_t number);

// The note of a directory whose people were moved to Kafka, or were about to be: JSON, for people.
inline constexpr std::string_view kMovedNote = "moved_to_kafka";

struct OpenReplay {
  std::string fingerprint;
  ImportState state;
};

struct ImportRecord {
  model::Event event;
  Timestamp log_time;  // replay only; else the present
};

// One chunk of an import. Its records, its dead letters, its position and its brackets are durable
// together.
struct ImportChunk {
  std::string_view fingerprint;       // of the file's content, mapping and mode
  std::optional<uint64_t> continues;  // position this chunk goes on from; nullopt: the first
  ImportState state;                  // after this chunk
  std::span<const ImportRecord> records;
  std::span<const runtime::DeadLetter> dead_letters = {};  // lines that are no events
};

// A record of the log; views live for the call that shows it.
struct StoredRecord {
  Timestamp log_time;
  std::string_view key;    // the person's id; empty: a bracket of an import
  std::string_view event;  // protobuf sojourn.v1.Event
};

struct StoredAction {
  Partition partition;
  Offset offset;           // in the partition's actions
  Timestamp committed_at;  // wall clock
  std::string bytes;       // protobuf sojourn.v1.Action
};

struct StoredDeadLetter {
  Offset offset;  // in the partition's dead letters
  runtime::DeadLetter letter;
};

// By partition: the next offset to be read.
using Cursors = std::vector<Offset>;

class EmbeddedLog {
 public:
  // Errors, one line naming the directory and the way out: kFailedPrecondition (in use by another
  // process, of a newer format, of another app), kInvalidArgument (no permission, read-only),
  // kNotFound (missing, and not to be made), kResourceExhausted (disk full), kDataLoss.
  static Result<std::unique_ptr<EmbeddedLog>> Open(const EmbeddedOptions& options);
  virtual ~EmbeddedLog() = default;

  virtual int32_t partition_count() const = 0;

  // --- Intake.

  // Appends all events or none; durable when it returns. The record's key is `event.person`, which
  // must be valid (model::IsValidPersonId). kFailedPrecondition while an import replays; the
  // message names it and the way out.
  virtual Result<std::vector<AppendedPlace>> Append(std::span<const model::Event> events) = 0;

  // The records of all partitions, those of the newest log time first, until `visit` gives false.
  using RecordVisitor = std::function<bool(const StoredRecord& record)>;
  virtual Status VisitNewest(const RecordVisitor& visit) = 0;

  // Whether nothing was ever appended: only then may an import replay.
  virtual bool empty() const = 0;

  // nullopt: no import of this fingerprint was begun.
  virtual Result<std::optional<ImportState>> FindImport(std::string_view fingerprint) = 0;

  // Appends a chunk durably. A replay's first chunk opens the brackets in every partition (requires
  // empty()), its finished chunk closes them. Records should be sorted by log time: one that is
  // older than its predecessor in the partition gets the predecessor's. kFailedPrecondition where
  // the import does not stand at `chunk.continues` and the dead letters before `chunk`'s, or is
  // finished.
  virtual Status AppendImport(const ImportChunk& chunk) = 0;

  // The import that replays and has not finished; until it has, timers stand still.
  virtual Result<std::optional<OpenReplay>> FindOpenReplay() = 0;
  // Ends an import where it stands: closes its brackets; it is finished. kFailedPrecondition where
  // it was not begun or is finished.
  virtual Status AbandonImport(std::string_view fingerprint) = 0;

  // --- Readers of what was committed.

  // Up to `max_count` actions of one partition from `from` on; empty at the end.
  virtual Result<std::vector<StoredAction>> ReadActions(Partition partition, Offset from,
                                                        size_t max_count) = 0;
  // Where each partition's actions end now.
  virtual Cursors ActionEnds() const = 0;
  // Waits until some partition's actions reach behind `seen`, or `timeout`; true: they do.
  virtual bool WaitForActions(const Cursors& seen, Duration timeout) = 0;

  // Named readers' places survive the process. A reader that is not known begins at 0.
  virtual Result<Cursors> ReadCursors(std::string_view reader) = 0;
  virtual Result<bool> KnowsReader(std::string_view reader) = 0;
  virtual Status WriteCursors(std::string_view reader, const Cursors& cursors) = 0;

  // Small texts that survive the process; "" where there is none of that name.
  virtual Result<std::string> ReadNote(std::string_view name) = 0;
  virtual Status WriteNote(std::string_view name, std::string_view text) = 0;
  // All of them, by name.
  virtual Result<std::map<std::string, std::string>> ReadNotes() = 0;

  virtual Result<std::vector<StoredDeadLetter>> ReadDeadLetters(Partition partition, Offset from,
                                                                size_t max_count) = 0;

  // What has become of mails: the records of the partition's actions from `from` on, in their
  // order, until `visit` gives false. They go when their actions go.
  virtual Status VisitDeliveries(Partition partition, Offset from,
                                 const std::function<bool(deliver::DeliveryRecord)>& visit) = 0;

  // Both as one: all of it or nothing.
  virtual Status AppendWithLetters(std::span<const model::Event> events,
                                   std::span<const runtime::DeadLetter> letters) = 0;

  // Keeps what never became a record: calls of the intake that are no events. They stand in a
  // partition of their own, behind the last: Partition(partition_count()).
  virtual Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) = 0;

  // One persons' state, as committed, encoded (engine/store); nullopt: unknown.
  virtual Result<std::optional<std::string>> ReadPerson(std::string_view id) = 0;
  // Every person as committed when this began, by partition, encoded. An error of `visit` ends it.
  using PersonVisitor = std::function<Status(std::string_view id, std::string_view record)>;
  virtual Status ScanPersons(const PersonVisitor& visit) = 0;
  // The partition's committed meta, encoded; nullopt: never committed.
  virtual Result<std::optional<std::string>> ReadMeta(Partition partition) = 0;
  // The listed coupon codes that the partition has given; `meta`: as ReadMeta gave it.
  virtual Result<store::TakenCodes> ReadTakenCodes(Partition partition,
                                                   const store::PartitionMeta& meta) = 0;

  // --- Runtime.

  // The ports of worker `index` of `count`, which owns the partitions p with p % count == index.
  // Dies before the log.
  struct WorkerPorts {
    std::unique_ptr<runtime::InputLog> input;
    std::unique_ptr<runtime::Committer> committer;
    std::unique_ptr<runtime::StateKeeper> keeper;
  };
  virtual WorkerPorts MakeWorkerPorts(int index, int count) = 0;
  virtual std::unique_ptr<runtime::Decoder> MakeDecoder() = 0;
  // For the deliverer of this name; one at a time. Dies before the log.
  virtual Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog(std::string reader) = 0;
  virtual deliver::SuppressionList* suppressions() = 0;
  virtual runtime::BundleStore* bundles() = 0;

  // --- Upkeep.

  // kResourceExhausted, nearly full: intake refuses until there is room again, the rest goes on.
  // kInternal and everything else: a write has failed, and the process has to stop. Each is one
  // line that names the directory and the way out.
  virtual Status Health() = 0;
  // Deletes what `options.retention` lets go. Call now and then.
  virtual Status ApplyRetention() = 0;
  virtual store::DatabaseSizes Sizes() = 0;
  // A consistent copy of the whole directory that opens as one of its own.
  virtual Status Checkpoint(const std::string& directory) = 0;
};

}  // namespace sojourn::embedded
