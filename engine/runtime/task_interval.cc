// What frames a task's work: how it opens, how its intervals are committed or undone, and how it
// changes to other rules.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/mutant.h"
#include "engine/runtime/key_fingerprints.h"
#include "engine/runtime/pool_uses.h"
#include "engine/runtime/task.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

// The sweep that upgrades everybody after a change of rules; `occurrence` is the watermark at the
// switch: every timer before it had fired by then. No journey's name has a colon.
constexpr std::string_view kUpgradePass = ":upgrade";

}  // namespace

// ---- opening ---------------------------------------------------------------------------------

Task::Task(const TaskEnvironment& environment, Partition partition, OpenedPartition opened)
    : environment_(environment),
      partition_(partition),
      store_(std::move(opened.store)),
      inputs_(environment.log, environment.decoder, partition, environment.options.fetch_records),
      persons_(store_.get()),
      meta_(store_->meta()),
      committed_positions_(std::move(opened.next)) {
  partition_state_.partition = partition;
  partition_state_.partition_count = environment.log->partition_count();
  partition_state_.lists_held = environment.hold_coupon_lists;
}

Result<std::unique_ptr<Task>> Task::Open(const TaskEnvironment& environment, Partition partition,
                                         OpenedPartition opened) {
  std::unique_ptr<Task> task(new Task(environment, partition, std::move(opened)));
  SOJOURN_RETURN_IF_ERROR(task->Start());
  return task;
}

Status Task::Start() {
  SOJOURN_RETURN_IF_ERROR(CheckKeys());
  SOJOURN_RETURN_IF_ERROR(environment_.rules->CatchUp(store_->meta().bundle));
  rules_ = environment_.rules->current();
  if (rules_ == nullptr) return FailedPrecondition("there are no rules yet");
  SOJOURN_RETURN_IF_ERROR(LoadCoupons());
  BeginInterval(store_->meta().watermark);
  inputs_.Reset(committed_positions_);
  return Status::Ok();
}

Status Task::CheckKeys() {
  if (environment_.options.accept_changed_keys) return Status::Ok();
  const std::string changed = ChangedKey(store_->meta().key_fingerprints, *environment_.secrets);
  if (changed.empty()) return Status::Ok();
  return FailedPrecondition(fmt::format(
      "the configured {} is not the one that partition {} was made with; configure the old key, "
      "or run once with --accept-changed-keys, after which codes and repetitions are judged anew",
      changed, partition_.value()));
}

// ---- commit ----------------------------------------------------------------------------------

bool Task::HasWork() const {
  return interval_.records > 0 || interval_.meta_changed || persons_.size() > 0;
}

bool Task::IsFull() const {
  return persons_.size() >= environment_.options.max_interval_persons ||
         interval_.own_bytes >= environment_.options.max_interval_own_bytes ||
         interval_.actions.size() + interval_.dead_letters.size() + interval_.suppressions.size() +
                 interval_.own_records.size() >=
             environment_.options.max_interval_actions;
}

// Each address once, as it came first, behind the mark of the key.
void Task::SortSuppressions() {
  auto& entries = interval_.suppressions;
  if (entries.empty()) return;
  entries.insert(entries.begin(), model::KeyMark(environment_.address_key));
  std::stable_sort(entries.begin() + 1, entries.end(),
                   [](const auto& a, const auto& b) { return a.hash < b.hash; });
  const auto end = std::unique(entries.begin() + 1, entries.end(),
                               [](const auto& a, const auto& b) { return a.hash == b.hash; });
  entries.erase(end, entries.end());
}

Result<std::optional<CommitBatch>> Task::Prepare() {
  Result<const std::vector<store::PersonChange>*> changes = persons_.Encode();
  if (!changes.ok() && changes.status().code() == StatusCode::kResourceExhausted) {
    SOJOURN_RETURN_IF_ERROR(RollBack());
    size_guard_.SetCareful(true);
    return std::optional<CommitBatch>();
  }
  SOJOURN_RETURN_IF_ERROR(changes.status());
  const Timestamp now = environment_.clock->Now();
  for (model::Action& action : interval_.actions) action.late = action.useful_until < now;
  meta_.inputs.clear();
  for (size_t input = 0; input < inputs_.next().size(); ++input) {
    meta_.inputs.push_back(
        {environment_.log->inputs()[input].topic, partition_, inputs_.next()[input]});
  }
  PrepareCoupons();
  meta_.written_at = now;
  meta_.persons = store_->meta().persons + static_cast<uint64_t>(persons_.Growth());
  SortSuppressions();
  CommitBatch batch;
  batch.partition = partition_;
  batch.store = store_.get();
  batch.actions = interval_.actions;
  batch.changes = **changes;
  batch.meta = &meta_;
  batch.dead_letters = interval_.dead_letters;
  batch.own_records = interval_.own_records;
  batch.suppressions = interval_.suppressions;
  return std::optional<CommitBatch>(batch);
}

// The given codes stand in rows of their own, of which only the end changes.
void Task::PrepareCoupons() {
  const store::PartitionMeta& committed = store_->meta();
  meta_.coupons = PoolUsesOf(partition_state_);
  meta_.code_chunks.clear();
  for (const store::PoolUse& use : meta_.coupons) {
    const auto before = std::ranges::find(committed.coupons, use.pool, &store::PoolUse::pool);
    const bool has_rows = before != committed.coupons.end() && !committed.codes_without_rows;
    const size_t from = has_rows ? before->taken : 0;
    if (from == use.taken) continue;
    const auto codes = partition_state_.pools[use.pool].taken.in_order();
    for (store::CodeChunk& chunk : store::ChunksOf(use.pool, codes, from)) {
      meta_.code_chunks.push_back(std::move(chunk));
    }
  }
  meta_.codes_without_rows = false;
  meta_.counted_coupons.reset();
}

void Task::Committed(Duration commit_latency) {
  CommitReport report;
  report.partition = partition_;
  report.actions = interval_.actions;
  report.dead_letters = interval_.dead_letters;
  report.records = interval_.records;
  report.timers_fired = interval_.timers_fired;
  report.persons_changed = static_cast<int64_t>(persons_.size());
  report.record_bytes = static_cast<int64_t>(persons_.encoded_bytes());
  report.oldest_log_time = interval_.oldest_log_time;
  report.newest_log_time = interval_.newest_log_time;
  report.commit_latency = commit_latency;
  report.committed_at = environment_.clock->Now();
  environment_.observer->OnCommitted(report);
  committed_positions_ = inputs_.next();
  size_guard_.SetCareful(false);
  BeginInterval(meta_.watermark);
}

Status Task::RollBack() {
  store_->Abort();
  RestoreCoupons();
  std::vector<model::Action> undone = std::move(interval_.actions);
  BeginInterval(store_->meta().watermark);
  if (IsMutant(Mutant::kEmitOnReplay)) interval_.actions = std::move(undone);
  inputs_.Reset(committed_positions_);
  const PartitionPositions positions{partition_, committed_positions_};
  return environment_.log->SetPositions({&positions, 1});
}

// Where an input is read for the first time: a restart must not choose another place, or what came
// in between would be left out.
bool Task::PositionsAreStored() const {
  const auto& inputs = environment_.log->inputs();
  const auto& stored = store_->meta().inputs;
  return std::all_of(inputs.begin(), inputs.end(), [&](const InputDescription& input) {
    return std::any_of(stored.begin(), stored.end(), [&](const store::InputPosition& known) {
      return known.topic == input.topic;
    });
  });
}

Status Task::LoadCoupons() {
  SOJOURN_ASSIGN_OR_RETURN(store::TakenCodes taken, store_->ReadTakenCodes());
  for (auto& [pool, codes] : taken) {
    partition_state_.pools[pool].taken = model::TakenCodes(std::move(codes));
  }
  RestoreCoupons();
  return Status::Ok();
}

// Back to what is committed.
void Task::RestoreCoupons() {
  const store::PartitionMeta& meta = store_->meta();
  RestorePools(meta.coupons, &partition_state_);
  if (!meta.counted_coupons) return;
  const language::Bundle* counted_by = &rules_->current();
  for (const auto& bundle : rules_->older()) {
    if (bundle->number == meta.bundle) counted_by = bundle.get();
  }
  std::map<std::string, uint32_t> counts;
  for (const store::CountedPoolUse& use : *meta.counted_coupons) counts[use.pool] = use.taken;
  step::AdoptCountedCoupons(*counted_by, counts, &partition_state_);
}

// Everything as the store has it, but for what must be different from the start. `watermark` is
// where the partition stands: never before the committed one, since timers were looked for up to
// it.
void Task::BeginInterval(Timestamp watermark) {
  persons_.Clear();
  interval_ = Interval();
  timers_to_load_ = 0;
  meta_ = store_->meta();
  meta_.watermark = watermark;
  meta_.key_fingerprints = KeyFingerprints(*environment_.secrets);
  // Changed keys that were accepted need not be accepted again.
  interval_.meta_changed =
      !PositionsAreStored() || meta_.key_fingerprints != store_->meta().key_fingerprints;
  if (meta_.bundle == bundle()) return;
  if (store_->ever_committed()) {
    std::erase_if(meta_.sweeps,
                  [](const store::SweepCursor& sweep) { return sweep.name == kUpgradePass; });
    meta_.sweeps.push_back({std::string(kUpgradePass), meta_.watermark, ""});
    interval_.meta_changed = true;
  }
  meta_.bundle = bundle();
}

// ---- change of rules -------------------------------------------------------------------------

bool Task::HasNewerRules() const {
  return environment_.rules->current()->current().number > bundle();
}

void Task::SwitchRules() {
  SOJOURN_CHECK(!HasWork());
  if (!HasNewerRules()) return;
  rules_ = environment_.rules->current();
  BeginInterval(meta_.watermark);
  environment_.observer->OnRulesSwitched(partition_, bundle());
}

store::SweepCursor* Task::UpgradePass() {
  for (store::SweepCursor& sweep : meta_.sweeps) {
    if (sweep.name == kUpgradePass) return &sweep;
  }
  return nullptr;
}

// Silently, as of just before the switch: what is due at that very moment has not happened yet. Or
// as of the person's own clock, if that is later.
Status Task::Upgrade(model::Person* person) {
  const store::SweepCursor* pass = UpgradePass();
  const Timestamp switched_at = pass != nullptr ? pass->occurrence : meta_.watermark;
  const Timestamp deadline_before = person->next_deadline;
  const bool ever = switched_at != Timestamp::Min();
  const Timestamp at = std::max(person->clock, ever ? switched_at - Milliseconds(1) : switched_at);
  output_.Clear();
  step::UpgradePerson(StepEnvironment(), at, person, &output_);
  person->bundle = bundle();
  store_->timers().Arm(person->id, deadline_before, person->next_deadline);
  Accept({.person = person->id, .log_time = at, .logical_time = at});
  return Status::Ok();
}

// A slice of the background pass: only loads, upgrades and saves.
Status Task::RunUpgradePass() {
  store::SweepCursor* pass = UpgradePass();
  if (pass == nullptr) return Status::Ok();
  const size_t max_count = environment_.options.upgrade_slice_persons;
  std::vector<store::ScannedPerson> scanned;
  SOJOURN_RETURN_IF_ERROR(store_->Scan(pass->after_person, max_count, &scanned));
  for (const store::ScannedPerson& person : scanned) {
    if (store::RecordBundle(person.record) != bundle()) {
      SOJOURN_RETURN_IF_ERROR(Touch(person.id).status());
    }
    pass->after_person = person.id;
  }
  interval_.meta_changed = true;
  if (scanned.size() < max_count) {
    std::erase_if(meta_.sweeps,
                  [](const store::SweepCursor& sweep) { return sweep.name == kUpgradePass; });
  }
  return Status::Ok();
}

}  // namespace sojourn::runtime
