// What the log beneath a process offers to it, whichever log it is: ports for the workers, a way in
// for events and imports, a way out for actions. `run`, `import`, `actions`, `enroll` and
// `backfill` know only this.
//
// Threads: every member from any thread, unless it says otherwise. Errors: one line for people.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/observer.h"
#include "connectors/kafka/router.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/cli/config.h"
#include "engine/cli/imports.h"
#include "engine/deliver/delivery_log.h"
#include "engine/deliver/suppression.h"
#include "engine/model/event.h"
#include "engine/runtime/person_questions.h"
#include "engine/runtime/ports.h"
#include "engine/store/partition_meta.h"
#include "engine/store/partition_store.h"

namespace sojourn::cli {

// The ports of one worker; `owner` keeps them alive.
struct BackendWorker {
  runtime::InputLog* input = nullptr;
  runtime::Committer* committer = nullptr;
  runtime::StateKeeper* keeper = nullptr;
  std::unique_ptr<runtime::Decoder> decoder;
  runtime::PersonQuestions* questions = nullptr;  // that the worker is to answer; may be null
  std::shared_ptr<void> owner;
};

struct CommittedAction {
  Partition partition;
  Offset offset;
  std::string json;  // model::ActionToJson
};

// An event of a person as it stands in the log; views live for the call that shows it.
struct LoggedEvent {
  std::string_view topic;
  Partition partition;
  Offset offset;
  Timestamp log_time;
  std::string_view person;
  std::string_view bytes;  // protobuf sojourn.v1.Event
};

// A reading of a part of the log.
struct LogScan {
  Offset first;             // of the records that are still there
  Offset next;              // where it goes on
  bool ended = false;       // there is no more
  int64_t passed_over = 0;  // records that are no events of a person, which makes them dead letters
};

// A reading of what a partition has committed.
struct StateScan {
  Offset next;                               // where it goes on
  std::optional<store::PartitionMeta> meta;  // the newest, where one came; inputs as in LogParts
};

// What a partition has committed of coupon pools.
struct PoolsOfPartition {
  std::vector<store::PoolUse> pools;
  store::TakenCodes taken;
};

// How far a part of the log is worked off.
struct LogProgress {
  Offset next;          // the first record that is not applied yet
  Timestamp watermark;  // timers before it have fired
  uint32_t bundle = 0;  // number of the rules that it goes by; 0: none yet
};

// By partition: the next offset to be read.
using ActionCursors = std::vector<Offset>;
using LetterCursors = std::vector<Offset>;  // one more: of those that reached no partition

// How long ReadPerson may take where nobody waits for a page to be shown.
inline constexpr Duration kPersonPatience = Seconds(5);

class Backend {
 public:
  virtual ~Backend() = default;

  virtual int32_t partition_count() const = 0;

  // --- Runtime.
  virtual Result<BackendWorker> MakeWorker(int index, int count) = 0;
  virtual runtime::BundleStore* bundles() = 0;
  // Copies the topics of others. Only over Kafka, and where the configuration names some. Dies
  // before the backend.
  virtual Result<std::unique_ptr<kafka::Router>> MakeRouter() {
    return FailedPrecondition("only over Kafka there are topics to be routed");
  }

  // When the bundle came to be kept, by the wall clock; nullopt: not known.
  virtual Result<std::optional<Timestamp>> BundleStoredAt(uint32_t /*number*/) {
    return std::optional<Timestamp>();
  }

  // --- In.
  // All or, after an error, perhaps some; durable when it is ok. kResourceExhausted, kUnavailable,
  // kFailedPrecondition: try again later.
  Status Append(std::span<const model::Event> events) { return AppendBoth(events, {}); }
  // Calls that are no events with those that are, in one append. On the embedded log all of it or
  // nothing.
  virtual Status AppendBoth(std::span<const model::Event> events,
                            std::span<const runtime::DeadLetter> letters) = 0;
  // Keeps calls that are no events.
  virtual Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) = 0;
  // Ids of what stands in the log, the newest first, until `visit` gives false. Over Kafka none:
  // who appended what is not known there without reading all of it.
  using IdVisitor =
      std::function<bool(std::string_view person, std::string_view id, Timestamp log_time)>;
  virtual Status VisitNewestIds(const IdVisitor& /*visit*/) { return Status::Ok(); }
  // Whether nothing was ever appended, so that an import may replay.
  virtual Result<bool> IsEmpty() = 0;
  // What came of this fingerprint so far, by mode.
  virtual Result<ImportLedger> FindImports(const std::string& fingerprint) = 0;
  // kFailedPrecondition where the import does not stand where the piece begins, or where another
  // one replays; the message names that one and the way out.
  virtual Status AppendImport(const ImportIdentity& identity, const ImportPiece& piece) = 0;
  virtual Result<std::optional<OpenReplay>> FindOpenReplay() = 0;
  // Ends an import where it stands. kFailedPrecondition where it is not under way.
  virtual Status AbandonImport(const ImportIdentity& identity) = 0;

  // --- Looking.
  // Every person's committed record (engine/store); empty: forgotten. A person may come several
  // times; the last time counts.
  using PersonVisitor = std::function<Status(std::string_view id, std::string_view record)>;
  virtual Status ScanPersons(const PersonVisitor& visit) = 0;
  virtual bool ShowsPersonsOnce() const { return false; }
  // One person's committed record; nullopt: unknown or erased. kFailedPrecondition: it cannot be
  // told here. kUnavailable: not within `patience`, where a worker has to be asked, as while its
  // partitions are restored.
  virtual Result<std::optional<std::string>> ReadPerson(const std::string& /*id*/,
                                                        Duration /*patience*/) {
    return FailedPrecondition("the person's state is not at hand here");
  }

  // What the partition has committed, from a place in its own history to the present end: people's
  // records as of ScanPersons. Only where shows_commits().
  virtual bool shows_commits() const { return false; }
  virtual Result<StateScan> ScanState(Partition /*partition*/, Offset /*from*/,
                                      const PersonVisitor& /*visit*/) {
    return FailedPrecondition("there is no history of what was committed");
  }

  virtual Result<PoolsOfPartition> ReadPools(Partition /*partition*/) {
    return FailedPrecondition("the state of coupon pools is not at hand here");
  }

  // The log consists of parts, each in order of its offsets: a partition, or over Kafka one of an
  // input topic; the parts of partition p are p, p + partition_count(), and so on.
  virtual Result<int32_t> LogParts() = 0;
  // False ends the reading behind that event.
  using LogVisitor = std::function<bool(const LoggedEvent&)>;
  // What a part still holds from `from` on. `person`: only that one's events; empty: everybody's.
  virtual Result<LogScan> ScanLog(int32_t part, Offset from, const std::string& person,
                                  const LogVisitor& visit) = 0;

  // nullopt: it cannot be told here.
  virtual Result<std::optional<LogProgress>> ProgressOf(int32_t /*part*/) {
    return std::optional<LogProgress>();
  }

  // --- Notes: small settings that survive the process, such as what is paused; every process of
  // the app has the same, some milliseconds after one has written it. Reading one is for every
  // second: it waits for nothing, but over Kafka the first time, until all notes are known.
  virtual Result<std::string> ReadNote(const std::string& /*name*/) { return std::string(); }
  // For who is about to change it: waits until what other processes have written is known.
  virtual Result<std::string> ReadNewestNote(const std::string& name) { return ReadNote(name); }
  virtual Status WriteNote(const std::string& /*name*/, const std::string& /*text*/) {
    return FailedPrecondition("notes are written by the process that has the log open");
  }

  // --- Out.
  virtual Result<ActionCursors> ActionEnds() = 0;
  // Reads on from `cursors` and moves them. Nothing there: waits up to `timeout`, then gives
  // nothing.
  virtual Result<std::vector<CommittedAction>> ReadActions(ActionCursors* cursors, size_t max_count,
                                                           Duration timeout) = 0;

  // Reads on from `cursors` and moves them; nothing: the end. kFailedPrecondition where another
  // tool has to read them.
  virtual Result<std::vector<runtime::DeadLetter>> ReadDeadLetters(LetterCursors* cursors,
                                                                   size_t max_count) = 0;

  // What has become of mails: the records of the partition's actions from `from` on. An action
  // comes once, in the order of the actions, where the log keeps them so; else in the order of
  // their writing, and then the last one counts. `visit` gives false: that is enough.
  using DeliveryVisitor = std::function<bool(const deliver::DeliveryRecord& record)>;
  virtual Status ScanDeliveries(Partition /*partition*/, Offset /*from*/,
                                const DeliveryVisitor& /*visit*/) {
    return FailedPrecondition("what became of mails is not at hand here");
  }
  virtual bool deliveries_come_once() const { return false; }

  // A deliverer's face of the log. `reader` is "mail" or "webhooks". At most one of each per
  // process, which dies before the backend.
  virtual Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog(
      const std::string& reader) = 0;

  // Addresses that get no mail. kFailedPrecondition where the log has none.
  virtual Result<deliver::SuppressionList*> suppressions() = 0;

  // --- Upkeep.
  // kResourceExhausted: nothing more is taken in until that is over. Everything else is an error
  // after which the process has to stop. One line that names the way out.
  virtual Status Health() { return Status::Ok(); }
  // Forgets what may go. Call now and then, one call at a time.
  virtual Status ApplyRetention() { return Status::Ok(); }

  // A consistent copy as a new data directory, while everything goes on.
  virtual Status CopyTo(const std::string& /*directory*/) {
    return FailedPrecondition("only the embedded log is backed up: over Kafka the topics hold all");
  }

  // Bytes by part ("disk", ...), for metrics.
  virtual std::vector<std::pair<std::string, int64_t>> Sizes() = 0;
};

// `need_existing`: a command that only looks must not make a directory. Errors also where another
// process uses it.
Result<std::unique_ptr<Backend>> OpenEmbeddedBackend(const Config& config, bool need_existing);
// Checks that the topics are there and right. `observer` outlives the backend.
Result<std::unique_ptr<Backend>> OpenKafkaBackend(const Config& config,
                                                  kafka::KafkaObserver* observer);

Result<std::unique_ptr<Backend>> OpenBackend(const Config& config, bool need_existing,
                                             kafka::KafkaObserver* observer);

}  // namespace sojourn::cli
