#include "connectors/kafka/schema_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPause(10);
constexpr std::chrono::milliseconds kLongestPause(1000);
constexpr std::chrono::seconds kBetweenComplaints(30);

}  // namespace

SchemaLookup::SchemaLookup(std::unique_ptr<SchemaRegistry> registry,
                           std::function<void()> on_answer, KafkaObserver* observer)
    : registry_(std::move(registry)),
      on_answer_(std::move(on_answer)),
      observer_(observer),
      thread_([this] { Run(); }) {}

SchemaLookup::~SchemaLookup() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<RegisteredSchema> SchemaLookup::FindById(int32_t id) {
  return Find(fmt::format("{}", id), [this, id] { return registry_->FindById(id); });
}

Result<RegisteredSchema> SchemaLookup::FindVersion(const SchemaReference& reference) {
  return Find(fmt::format("{}/{}", reference.subject, reference.version),
              [this, reference] { return registry_->FindVersion(reference); });
}

SchemaLookup::Answer SchemaLookup::Find(const std::string& name, std::function<Answer()> ask) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = answers_.try_emplace(name);
  if (is_new) {
    questions_.push_back({name, std::move(ask)});
    changed_.notify_all();
  }
  if (!found->second) return Unavailable("the schema registry has not answered yet");
  if (found->second->ok()) return *found->second;
  const Status refusal = found->second->status();
  answers_.erase(found);  // it may be another one next time
  return refusal;
}

void SchemaLookup::Run() {
  auto pause = kFirstPause;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    Question question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    Answer answer = question.ask();
    if (answer.status().code() == StatusCode::kUnavailable) {
      Complain(answer.status());
      lock.lock();
      questions_.push_back(std::move(question));  // last: others may have an answer
      changed_.wait_for(lock, pause, [this] { return stopping_; });
      pause = std::min(kLongestPause, pause * 2);
      continue;
    }
    pause = kFirstPause;
    lock.lock();
    answers_[question.name] = std::move(answer);
    lock.unlock();
    on_answer_();
    lock.lock();
  }
}

void SchemaLookup::Complain(const Status& why) {
  if (SteadyClock::now() < next_complaint_) return;
  next_complaint_ = SteadyClock::now() + kBetweenComplaints;
  observer_->OnLog(LogLevel::kWarning, "schema registry",
                   fmt::format("{}; inputs with records that need it wait", why.message()));
}

}  // namespace sojourn::kafka
