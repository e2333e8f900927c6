#include "engine/runtime/person_questions.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "engine/runtime/ports.h"

namespace sojourn::runtime {

InputLog* PersonQuestions::FindWorker(Partition partition) const {
  for (const auto& [worker, partitions] : workers_) {
    if (partitions && partitions->contains(partition)) return worker;
  }
  return nullptr;
}

// Every worker knows what it has, and that is not among it.
bool PersonQuestions::IsElsewhere(Partition partition) const {
  return std::ranges::all_of(workers_, [&](const auto& worker) {
    return worker.second && !worker.second->contains(partition);
  });
}

PersonQuestions::Answer PersonQuestions::Ask(Partition partition, std::string_view person,
                                             Duration timeout) {
  const auto question = std::make_shared<Question>();
  question->partition = partition;
  question->person = person;
  std::unique_lock lock(mutex_);
  waiting_.push_back(question);
  if (InputLog* const worker = FindWorker(partition)) worker->Wake();
  answered_.wait_for(lock, std::chrono::milliseconds(timeout.milliseconds()),
                     [&] { return question->answer || IsElsewhere(partition); });
  std::erase(waiting_, question);
  if (question->answer) return *std::move(question->answer);
  return IsElsewhere(partition) ? FailedPrecondition("another process has the person's state")
                                : Unavailable("the person's state could not be looked up in time");
}

void PersonQuestions::SetPartitions(InputLog* worker,
                                    std::optional<std::set<Partition>> partitions) {
  const std::lock_guard lock(mutex_);
  workers_[worker] = std::move(partitions);
  answered_.notify_all();
}

void PersonQuestions::Leave(InputLog* worker) {
  const std::lock_guard lock(mutex_);
  workers_.erase(worker);
  answered_.notify_all();
}

void PersonQuestions::AnswerAll(InputLog* worker, const Finder& find) {
  std::vector<std::shared_ptr<Question>> mine;
  {
    const std::lock_guard lock(mutex_);
    const auto own = workers_.find(worker);
    if (own == workers_.end() || !own->second) return;
    std::ranges::copy_if(waiting_, std::back_inserter(mine), [&](const auto& question) {
      return !question->answer && own->second->contains(question->partition);
    });
  }
  for (const std::shared_ptr<Question>& question : mine) {
    Answer answer = find(question->partition, question->person);
    const std::lock_guard lock(mutex_);
    question->answer = std::move(answer);
  }
  if (!mine.empty()) answered_.notify_all();
}

}  // namespace sojourn::runtime
