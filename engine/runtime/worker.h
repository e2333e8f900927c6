// The loop of one thread: polls the log, lets its tasks work in slices, commits them together, and
// follows the assignment of partitions.
//
// Threads: everything happens on the thread that calls Run; Stop and the const members marked "any
// thread" may be called by others. Errors: Run ends with a Status on what the process cannot heal
// by itself; everything else (commits rolled back, outcomes unknown, partitions lost) is handled
// here.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/runtime/person_questions.h"
#include "engine/runtime/ports.h"
#include "engine/runtime/task.h"

namespace sojourn::runtime {

struct WorkerOptions {
  // A commit at the latest this long after the first uncommitted work.
  Duration commit_interval = Milliseconds(100);
  // Commit at once when there is nothing more to do: for logs whose commits are cheap.
  bool commit_when_idle = false;
  Duration gauge_interval = Seconds(1);
  // Longest sleep in Poll.
  Duration max_poll = Milliseconds(500);
  // Pause after a commit that did not succeed; doubles up to the second.
  Duration retry_pause_min = Milliseconds(10);
  Duration retry_pause_max = Seconds(1);
  // Answered between two turns; null: nobody asks. Outlives the worker.
  PersonQuestions* questions = nullptr;
};

class Worker final : public AssignmentListener {
 public:
  // All of `environment`, `committer` and `keeper` outlive the worker. `environment.log` gets this
  // as its listener.
  Worker(WorkerOptions options, const TaskEnvironment& environment, Committer* committer,
         StateKeeper* keeper);
  ~Worker() override;

  // Until Stop or a fatal error. What is uncommitted when Stop is seen is committed.
  Status Run();

  // One turn of the loop: work, commit if it is time, poll for at most `max_wait`. For callers that
  // turn a clock by hand.
  Status RunOnce(Duration max_wait);
  // Commits all open work now. False: it was rolled back and will be made again.
  Result<bool> CommitAll();

  // Any thread.
  void Stop();
  // While halted nothing is taken and no timer fires; what was done is committed, and partitions
  // come and go as ever. For where there is no room for what would follow. Any thread.
  void Halt(bool halted) { halted_ = halted; }
  // After the last turn all tasks were at the end of their inputs, with nothing left to do and
  // nothing uncommitted. Any thread.
  bool idle() const { return idle_; }
  // Every assigned partition is restored, and there has been an assignment. Any thread.
  bool ready() const { return ready_; }

  Status OnAssigned(std::span<const Partition> partitions) override;
  Status OnRevoked(std::span<const Partition> partitions) override;
  Status OnLost(std::span<const Partition> partitions) override;

 private:
  using TaskMap = std::map<Partition, std::unique_ptr<Task>>;

  Status RunUntilStopped();
  Result<bool> RunTasks();
  bool CommitIsDue(bool busy);
  Status SwitchRules();
  Status OpenPartitions(std::span<const Partition> partitions);
  Status ReopenAll();
  Status HandleFailure(const CommitResult& result, std::span<const CommitBatch> batches);
  void Pause();
  Result<Duration> PollTimeout(bool busy, Duration max_wait);
  Status ReportGauges();
  void AnswerQuestions();
  void TellPartitions(bool settled);
  void Release(std::span<const Partition> partitions);

  const WorkerOptions options_;
  const TaskEnvironment environment_;
  Committer* const committer_;
  StateKeeper* const keeper_;
  TaskMap tasks_;
  bool has_work_ = false;
  Timestamp work_since_;    // first uncommitted work, by the wall clock
  Timestamp paused_until_;  // after a failed commit
  Duration retry_pause_;
  Timestamp next_gauges_ = Timestamp::Min();
  std::atomic<bool> stop_ = false;
  std::atomic<bool> halted_ = false;
  std::atomic<bool> idle_ = false;
  std::atomic<bool> ready_ = false;
};

}  // namespace sojourn::runtime
