// Questions of other threads about persons' committed state, answered by the worker that has it.
//
// Where a partition's state is in the memory of its worker alone (Kafka), whoever else wants to
// know something about a person asks here. The worker answers between two slices of its work, from
// what is committed.
//
// Threads: Ask from any; the rest is a worker's side, each worker from its own thread. Outlives the
// workers.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"

namespace sojourn::runtime {

class InputLog;

class PersonQuestions {
 public:
  // The person's record (engine/store) as of the last commit; nullopt: unknown or erased.
  using Answer = Result<std::optional<std::string>>;

  // kFailedPrecondition: another process has the partition, or this one has no workers.
  // kUnavailable: no answer within `timeout`, as while partitions are shared out or restored.
  Answer Ask(Partition partition, std::string_view person, Duration timeout);

  // --- A worker's side. A worker is known by its log, which is woken when there is a question.

  // From now on, until Leave, questions about these partitions are the worker's. nullopt: which
  // they are is not settled.
  void SetPartitions(InputLog* worker, std::optional<std::set<Partition>> partitions);
  void Leave(InputLog* worker);
  // Answers all that wait for this worker. `find` is called on this thread.
  using Finder = std::function<Answer(Partition partition, std::string_view person)>;
  void AnswerAll(InputLog* worker, const Finder& find);

 private:
  struct Question {
    Partition partition;
    std::string person;
    std::optional<Answer> answer;
  };
  using Partitions = std::optional<std::set<Partition>>;

  InputLog* FindWorker(Partition partition) const;
  bool IsElsewhere(Partition partition) const;

  std::mutex mutex_;  // guards what follows, and the answers
  std::condition_variable answered_;
  std::map<InputLog*, Partitions> workers_;
  std::vector<std::shared_ptr<Question>> waiting_;  // at most one for each thread that asks
};

}  // namespace sojourn::runtime
