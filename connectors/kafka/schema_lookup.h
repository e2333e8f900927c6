// A schema registry that is asked in the background: whoever reads records never waits for it.
//
// A question without an answer yet is kUnavailable; `on_answer` is called when there is one. A
// registry that does not answer is asked again, up to once a second, and the log says so.
//
// Threads: one owner asks; `on_answer` is called by a thread of this object, never after its end.
// The observer outlives it. Destroying it waits for the question that is under way (seconds).
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "connectors/kafka/observer.h"
#include "connectors/kafka/schema_registry.h"
#include "engine/base/status.h"

namespace sojourn::kafka {

class SchemaLookup final : public SchemaRegistry {
 public:
  SchemaLookup(std::unique_ptr<SchemaRegistry> registry, std::function<void()> on_answer,
               KafkaObserver* observer);
  ~SchemaLookup() override;

  Result<RegisteredSchema> FindById(int32_t id) override;
  Result<RegisteredSchema> FindVersion(const SchemaReference& reference) override;

 private:
  using Answer = Result<RegisteredSchema>;
  struct Question {
    std::string name;
    std::function<Answer()> ask;
  };

  Answer Find(const std::string& name, std::function<Answer()> ask);
  void Run();
  void Complain(const Status& why);

  const std::unique_ptr<SchemaRegistry> registry_;  // of the thread
  const std::function<void()> on_answer_;
  KafkaObserver* const observer_;
  std::chrono::steady_clock::time_point next_complaint_;  // of the thread

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool stopping_ = false;
  std::deque<Question> questions_;
  // By question; nullopt: not answered yet. Schemas stay: one that imports others is read in
  // several goes. There are never more than the registry has.
  std::map<std::string, std::optional<Answer>> answers_;

  std::thread thread_;  // last: it uses all that is above
};

}  // namespace sojourn::kafka
