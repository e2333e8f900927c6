// One partition at work: its records and timers, in order, through the pure step into a commit.
//
// task.cc is an event's way through it; task_interval.cc is what frames the work; task_merge.cc is
// what merges need. Everything between two commits is an interval. It is committed as a whole
// (Prepare, the committer, Committed) or undone as a whole (RollBack) and then made again, with the
// same result.
//
// Threads: one owner, the worker. Nothing here locks. Errors: a Status is fatal for the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/suppression.h"
#include "engine/runtime/input_merge.h"
#include "engine/runtime/observer.h"
#include "engine/runtime/person_table.h"
#include "engine/runtime/ports.h"
#include "engine/runtime/rules_source.h"
#include "engine/runtime/size_guard.h"
#include "engine/step/step.h"
#include "engine/store/partition_store.h"

namespace sojourn::runtime {

struct TaskOptions {
  // When every input is at its end, timers fire once the wall clock has passed them by this.
  Duration watermark_slack = kDefaultWatermarkSlack;
  // How much later than all that is copied from other topics a record may be and need not wait.
  Duration most_ahead_of_copies = Seconds(1);
  size_t fetch_records = 512;      // of each input at once
  size_t slice_inputs = 2048;      // records and timers handled in one RunSlice
  size_t load_ahead_timers = 256;  // persons of due timers loaded with one read
  // While more timers are due than this, as when millions wait for one moment, they and the records
  // that come meanwhile take turns of so many. Each person's order stands; only between people
  // (who gets which code of a coupon pool) it then depends on when records came.
  size_t turn_inputs = 1000;
  size_t upgrade_slice_persons = 64;  // looked at by the background pass in one RunSlice
  // An interval of this size wants a commit before its time.
  size_t max_interval_persons = 20'000;
  size_t max_interval_actions = 20'000;
  size_t max_interval_own_bytes = 16u << 20;
  // Configured keys may differ from those that the state was made with.
  bool accept_changed_keys = false;
};

// What all tasks of a worker share. Everything outlives the tasks.
struct TaskEnvironment {
  InputLog* log = nullptr;
  Decoder* decoder = nullptr;
  const WallClock* clock = nullptr;
  RulesSource* rules = nullptr;
  const step::Secrets* secrets = nullptr;
  Observer* observer = nullptr;
  const step::Overrides* overrides = nullptr;  // tests of rules only
  bool tracing = false;                        // facts about every step and condition, too
  // Listed coupon pools give no code: see step::PartitionState::lists_held.
  bool hold_coupon_lists = false;
  // Of suppressed addresses; empty: they are not kept.
  std::string address_key = {};
  TaskOptions options = {};
};

class Task {
 public:
  // Continues where `opened` was committed. Errors: kFailedPrecondition where the rules in force
  // then are not known any more, or a configured key has changed.
  static Result<std::unique_ptr<Task>> Open(const TaskEnvironment& environment, Partition partition,
                                            OpenedPartition opened);

  Partition partition() const { return partition_; }

  // Handles what is at hand, at most options.slice_inputs. True: there is more at once.
  Result<bool> RunSlice();

  // Whether every input was at its end when last looked at, and all before it is handled.
  bool AtEnd() const;

  // When RunSlice will have something to do without any new record: the moment at which the next
  // timer is due and its slack is over; Max: never.
  Result<Timestamp> NextWakeUp();

  // Whether other rules are in force than this task goes by.
  bool HasNewerRules() const;
  // Takes them and begins the background pass. Only between two commits.
  void SwitchRules();

  // --- The interval.

  // Whether anything happened that a commit would make durable.
  bool HasWork() const;
  // Whether the interval is as large as it may get.
  bool IsFull() const;
  // Everything of the interval. Its views live until Committed or RollBack. nullopt: the interval
  // turned out to be impossible to commit and was rolled back; go on with RunSlice.
  Result<std::optional<CommitBatch>> Prepare();
  // The batch is durable and the store was told.
  void Committed(Duration commit_latency);
  // Writes what is committed to the store, so that whoever opens the partition next need not replay
  // it. Errors: the store's.
  Status Flush() { return store_->Flush(store::Sync::kYes); }
  // Back to the last commit; the log is told to deliver from there again.
  Status RollBack();

  Result<PartitionGauges> Gauges();

  // The person's record as of the last commit, whatever the interval did; nullopt: none.
  Result<std::optional<std::string>> FindCommitted(std::string_view person);

 private:
  // What happened since the last commit.
  struct Interval {
    std::vector<model::Action> actions;
    std::vector<DeadLetter> dead_letters;
    std::vector<OwnRecord> own_records;
    size_t own_bytes = 0;  // of their values
    std::vector<model::Suppression> suppressions;
    int64_t records = 0;
    int64_t timers_fired = 0;
    bool meta_changed = false;
    bool to_be_redone = false;  // see SizeGuard
    Timestamp oldest_log_time = Timestamp::Max();
    Timestamp newest_log_time = Timestamp::Min();
  };

  Task(const TaskEnvironment& environment, Partition partition, OpenedPartition opened);
  Status Start();
  void BeginInterval(Timestamp watermark);
  Status LoadCoupons();
  void RestoreCoupons();
  void PrepareCoupons();
  bool PositionsAreStored() const;
  std::optional<int64_t> LagRecords();
  Status CheckKeys();

  Status Fetch();
  struct NextInput {
    std::optional<store::TimerRow> timer;
    const PendingRecord* record = nullptr;
  };
  Result<NextInput> InOrder();
  bool IsRecordsTurn();
  Timestamp WatermarkAtEnd() const;
  Status LoadRecords(const std::vector<const PendingRecord*>& arrived);
  Status LoadTimers(Timestamp limit);
  Result<model::Person*> Touch(std::string_view id);

  Status ApplyRecord(const PendingRecord& record);
  Status ApplyToPerson(const PendingRecord& record);
  Status ApplyTimer(const store::TimerRow& row);
  Status FireUntil(Timestamp until, model::Person* person);
  void GiveUpTimers(Timestamp until, model::Person* person);
  Status Upgrade(model::Person* person);
  Status RunUpgradePass();
  store::SweepCursor* UpgradePass();

  Status BeforeStep(model::Person* person);
  Result<SizeGuard::Verdict> AfterStep(model::Person* person);
  void Bracket(model::EventType type);
  void Reject(const PendingRecord& record, Rejection rejection);
  void Accept(StepReport report);
  void KeepOwnEvents(Timestamp logical_time);
  void KeepSuppressed();
  step::EventInput InputOf(const PendingRecord& record) const;
  Result<bool> AwaitsRules(const PendingRecord& record);
  Result<bool> TakeMerged(const PendingRecord& record, step::EventInput* input);
  void SortSuppressions();
  step::Environment StepEnvironment();
  uint32_t bundle() const { return rules_->current().number; }

  const TaskEnvironment environment_;
  const Partition partition_;
  std::unique_ptr<store::PartitionStore> store_;
  std::shared_ptr<const language::RuleSet> rules_;
  InputMerge inputs_;
  PersonTable persons_;
  SizeGuard size_guard_;
  std::vector<store::PoolUse> pools_before_;  // the step, where the size guard can undo it

  // As it will be committed; begins as a copy of the store's.
  store::PartitionMeta meta_;
  step::PartitionState partition_state_;
  Positions committed_positions_;
  Interval interval_;
  step::StepOutput output_;
  std::unique_ptr<model::Person> merged_;  // who is being merged into another
  size_t timers_to_load_ = 0;              // until the next LoadTimers
  size_t timers_in_turn_ = 0;              // fired since records had their turn, or nothing was due
  size_t records_in_turn_ = 0;             // taken although timers are due
};

}  // namespace sojourn::runtime
