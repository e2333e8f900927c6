#include "engine/runtime/worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/mutant.h"

namespace sojourn::runtime {
namespace {

// All waiting is measured on this clock: the wall clock may jump, or be turned by hand.
Timestamp SteadyNow() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return Timestamp(duration_cast<milliseconds>(now).count());
}

}  // namespace

Worker::Worker(WorkerOptions options, const TaskEnvironment& environment, Committer* committer,
               StateKeeper* keeper)
    : options_(options),
      environment_(environment),
      committer_(committer),
      keeper_(keeper),
      retry_pause_(options.retry_pause_min) {
  environment_.log->SetListener(this);
  TellPartitions(/*settled=*/false);
}

Worker::~Worker() {
  if (options_.questions != nullptr) options_.questions->Leave(environment_.log);
  environment_.log->SetListener(nullptr);
}

Status Worker::Run() {
  const Status ended = RunUntilStopped();
  TellPartitions(/*settled=*/false);  // nobody answers any more
  return ended;
}

Status Worker::RunUntilStopped() {
  while (!stop_) SOJOURN_RETURN_IF_ERROR(RunOnce(options_.max_poll));
  SOJOURN_RETURN_IF_ERROR(CommitAll().status());
  for (auto& [partition, task] : tasks_) SOJOURN_RETURN_IF_ERROR(task->Flush());
  return Status::Ok();
}

void Worker::Stop() {
  stop_ = true;
  environment_.log->Stop();
}

Status Worker::RunOnce(Duration max_wait) {
  AnswerQuestions();
  bool busy = false;
  if (halted_) {
    if (has_work_) SOJOURN_RETURN_IF_ERROR(CommitAll().status());
  } else if (SteadyNow() >= paused_until_) {
    SOJOURN_RETURN_IF_ERROR(SwitchRules());
    SOJOURN_ASSIGN_OR_RETURN(busy, RunTasks());
    if (CommitIsDue(busy)) SOJOURN_RETURN_IF_ERROR(CommitAll().status());
  }
  idle_ = !busy && !has_work_ && std::all_of(tasks_.begin(), tasks_.end(), [](const auto& entry) {
    return entry.second->AtEnd();
  });
  SOJOURN_RETURN_IF_ERROR(ReportGauges());
  SOJOURN_ASSIGN_OR_RETURN(const Duration timeout, PollTimeout(busy, max_wait));
  return environment_.log->Poll(timeout);
}

// One slice of every task; true: at least one has more.
Result<bool> Worker::RunTasks() {
  bool busy = false;
  bool has_work = false;
  for (auto& [partition, task] : tasks_) {
    SOJOURN_ASSIGN_OR_RETURN(const bool more, task->RunSlice());
    busy |= more;
    has_work |= task->HasWork();
  }
  if (has_work && !has_work_) work_since_ = SteadyNow();
  has_work_ = has_work;
  return busy;
}

bool Worker::CommitIsDue(bool busy) {
  if (!has_work_) return false;
  if (!busy && options_.commit_when_idle) return true;
  if (SteadyNow() - work_since_ >= options_.commit_interval) return true;
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const auto& entry) { return entry.second->IsFull(); });
}

Result<bool> Worker::CommitAll() {
  std::vector<CommitBatch> batches;
  std::vector<Task*> committing;
  bool all_prepared = true;
  for (auto& [partition, task] : tasks_) {
    if (!task->HasWork()) continue;
    SOJOURN_ASSIGN_OR_RETURN(std::optional<CommitBatch> batch, task->Prepare());
    all_prepared &= batch.has_value();
    if (!batch.has_value()) continue;
    batches.push_back(*batch);
    committing.push_back(task.get());
  }
  has_work_ = false;
  if (batches.empty()) return all_prepared;
  const Timestamp began = SteadyNow();
  const CommitResult result = committer_->Commit(batches);
  if (result.outcome != CommitOutcome::kCommitted) {
    SOJOURN_RETURN_IF_ERROR(HandleFailure(result, batches));
    return false;
  }
  SOJOURN_RETURN_IF_ERROR(result.status);
  for (Task* task : committing) task->Committed(SteadyNow() - began);
  retry_pause_ = options_.retry_pause_min;
  return all_prepared;
}

Status Worker::HandleFailure(const CommitResult& result, std::span<const CommitBatch> batches) {
  std::vector<Partition> partitions;
  for (const CommitBatch& batch : batches) partitions.push_back(batch.partition);
  if (result.outcome == CommitOutcome::kUncertain && !IsMutant(Mutant::kNoRestore)) {
    SOJOURN_RETURN_IF_ERROR(ReopenAll());
  } else {
    for (const Partition partition : partitions) {
      SOJOURN_RETURN_IF_ERROR(tasks_.at(partition)->RollBack());
    }
  }
  for (const Partition partition : partitions) {
    environment_.observer->OnRolledBack(partition, result.outcome, result.status);
  }
  Pause();
  return Status::Ok();
}

void Worker::Pause() {
  paused_until_ = SteadyNow() + retry_pause_;
  retry_pause_ = std::min(retry_pause_ + retry_pause_, options_.retry_pause_max);
}

// The interval may be committed or not: only what is stored can tell.
Status Worker::ReopenAll() {
  std::vector<Partition> partitions;
  for (const auto& [partition, task] : tasks_) partitions.push_back(partition);
  tasks_.clear();
  return OpenPartitions(partitions);
}

Status Worker::OpenPartitions(std::span<const Partition> partitions) {
  ready_ = false;
  TellPartitions(/*settled=*/false);
  std::vector<PartitionPositions> positions;
  for (const Partition partition : partitions) {
    environment_.observer->OnAssigned(partition);
    const Timestamp began = SteadyNow();
    Result<OpenedPartition> opened = keeper_->Open(partition);
    if (opened.status().code() == StatusCode::kAborted) {
      environment_.observer->OnReleased(partition);  // Poll says so of those alone that have a task
      continue;
    }
    SOJOURN_RETURN_IF_ERROR(opened.status());
    positions.push_back({partition, opened->next});
    SOJOURN_ASSIGN_OR_RETURN(tasks_[partition],
                             Task::Open(environment_, partition, *std::move(opened)));
    environment_.observer->OnRestored(partition, SteadyNow() - began);
  }
  SOJOURN_RETURN_IF_ERROR(environment_.log->SetPositions(positions));
  ready_ = positions.size() == partitions.size();
  TellPartitions(ready_);
  return Status::Ok();
}

// Newer rules are taken between two commits.
Status Worker::SwitchRules() {
  for (auto& [partition, task] : tasks_) {
    if (!task->HasNewerRules()) continue;
    SOJOURN_ASSIGN_OR_RETURN(const bool committed, CommitAll());
    if (!committed) return Status::Ok();
    for (auto& entry : tasks_) entry.second->SwitchRules();
    return Status::Ok();
  }
  return Status::Ok();
}

Result<Duration> Worker::PollTimeout(bool busy, Duration max_wait) {
  if (busy) return Duration();
  if (halted_) return max_wait;
  const Timestamp now = SteadyNow();
  const Timestamp wall = environment_.clock->Now();
  Timestamp wake = std::min(now + max_wait, next_gauges_);
  if (has_work_) wake = std::min(wake, work_since_ + options_.commit_interval);
  for (auto& [partition, task] : tasks_) {
    SOJOURN_ASSIGN_OR_RETURN(const Timestamp due, task->NextWakeUp());
    wake = std::min(wake, now + (due - wall));
  }
  // What was rolled back waits for its pause alone: no new record would end it.
  if (paused_until_ > now) wake = paused_until_;
  return std::clamp(wake - now, Duration(), max_wait);
}

Status Worker::ReportGauges() {
  const Timestamp now = SteadyNow();
  if (now < next_gauges_) return Status::Ok();
  next_gauges_ = now + options_.gauge_interval;
  for (auto& [partition, task] : tasks_) {
    SOJOURN_ASSIGN_OR_RETURN(const PartitionGauges gauges, task->Gauges());
    environment_.observer->OnGauges(gauges);
  }
  return Status::Ok();
}

// ---- questions of others ---------------------------------------------------------------------

void Worker::AnswerQuestions() {
  if (options_.questions == nullptr) return;
  options_.questions->AnswerAll(environment_.log,
                                [this](Partition partition, std::string_view person) {
                                  return tasks_.at(partition)->FindCommitted(person);
                                });
}

// While it is not settled what this worker has, whoever asks waits.
void Worker::TellPartitions(bool settled) {
  if (options_.questions == nullptr) return;
  std::optional<std::set<Partition>> partitions;
  if (settled) {
    partitions.emplace();
    for (const auto& [partition, task] : tasks_) partitions->insert(partition);
  }
  options_.questions->SetPartitions(environment_.log, std::move(partitions));
}

// ---- assignment ------------------------------------------------------------------------------

Status Worker::OnAssigned(std::span<const Partition> partitions) {
  return OpenPartitions(partitions);
}

Status Worker::OnRevoked(std::span<const Partition> partitions) {
  SOJOURN_RETURN_IF_ERROR(CommitAll().status());
  for (const Partition partition : partitions) {
    const auto task = tasks_.find(partition);  // none where it could not be opened
    if (task != tasks_.end()) SOJOURN_RETURN_IF_ERROR(task->second->Flush());
  }
  Release(partitions);
  return Status::Ok();
}

Status Worker::OnLost(std::span<const Partition> partitions) {
  Release(partitions);
  return Status::Ok();
}

void Worker::Release(std::span<const Partition> partitions) {
  TellPartitions(/*settled=*/false);
  for (const Partition partition : partitions) {
    if (tasks_.erase(partition) > 0) environment_.observer->OnReleased(partition);
  }
  has_work_ = std::any_of(tasks_.begin(), tasks_.end(),
                          [](const auto& entry) { return entry.second->HasWork(); });
}

}  // namespace sojourn::runtime
