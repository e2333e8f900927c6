// What the runtime tells whoever counts, logs or reports: one method per kind of occurrence, each
// with an empty default, so that an observer takes what it needs.
//
// Threads: one observer is shared by all workers; every method may be called by several threads at
// once. Ownership: views are valid during the call only. Steps are reported when they are made;
// what a rollback undoes is reported again when it is made again, after OnRolledBack. Everything
// durable is in OnCommitted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/model/fact.h"
#include "engine/runtime/ports.h"

namespace sojourn::runtime {

// One input of one person was applied.
struct StepReport {
  Partition partition;
  std::string_view person;
  const model::Event* event = nullptr;  // null: a timer
  std::string_view topic;               // of the event's record
  Timestamp log_time;                   // of the event's record, or when the timer was due
  Timestamp logical_time;
  std::span<const model::Fact> facts;
  std::span<const model::Action> actions;
};

struct CommitReport {
  Partition partition;
  std::span<const model::Action> actions;  // in order
  std::span<const DeadLetter> dead_letters;
  int64_t records = 0;       // read since the last commit, dead letters included
  int64_t timers_fired = 0;  // persons' timers since the last commit
  int64_t persons_changed = 0;
  int64_t record_bytes = 0;   // of the changed persons, encoded
  Timestamp oldest_log_time;  // of the records read; Timestamp::Max() where there is none
  Timestamp newest_log_time;  // likewise; Timestamp::Min()
  Duration commit_latency;    // of the whole worker's commit
  Timestamp committed_at;     // wall clock
};

struct PoolGauge {
  std::string_view pool;
  int64_t left = 0;    // codes of the partition's share that were not given yet
  int64_t share = 0;   // all codes of it
  int64_t codes = 0;   // of the whole pool
  int64_t low_at = 0;  // likewise, as its file says; 0: nobody is told
};

// Where a partition stands; reported about once a second.
struct PartitionGauges {
  Partition partition;
  // Over all inputs; nullopt: the end of some input is not known.
  std::optional<int64_t> lag_records;
  // Wall clock minus the next record's log time; 0 at the end; nullopt: neither is at hand.
  std::optional<Duration> lag;
  Timestamp watermark;
  int64_t persons = 0;           // as committed
  int64_t timers_pending = 0;    // estimate: rows of the timer index
  Duration oldest_overdue;       // wall clock minus the oldest due timer; 0 where none is due
  bool importing = false;        // between the brackets of an import
  uint32_t bundle = 0;           // number of the rules in force
  std::vector<PoolGauge> pools;  // with listed codes
  int32_t partition_count = 1;   // that share them
  bool upgrading = false;        // the background pass after a change of rules is under way
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnStep(const StepReport&) {}
  virtual void OnCommitted(const CommitReport&) {}
  virtual void OnRolledBack(Partition, CommitOutcome, const Status&) {}
  virtual void OnAssigned(Partition) {}  // restoring begins
  virtual void OnRestored(Partition, Duration /*took*/) {}
  virtual void OnReleased(Partition) {}
  virtual void OnGauges(const PartitionGauges&) {}
  // The wall clock was behind a record's log time by more than the limit.
  virtual void OnClamped(Partition, Timestamp /*log_time*/) {}
  virtual void OnRulesSwitched(Partition, uint32_t /*bundle*/) {}
};

}  // namespace sojourn::runtime
