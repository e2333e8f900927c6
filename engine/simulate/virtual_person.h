// One person on a virtual clock, in the production runtime: a worker with one partition, whose log
// gets the test's events one at a time and whose clock is turned from one moment to the next.
//
// Threads: one owner. Errors: what the runtime cannot go on after is told by `failure`; from then
// on nothing happens any more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/person.h"
#include "engine/runtime/memory_ports.h"
#include "engine/runtime/observer.h"
#include "engine/runtime/rules_source.h"
#include "engine/runtime/worker.h"
#include "engine/simulate/test_file.h"
#include "engine/simulate/test_runner.h"
#include "engine/simulate/test_world.h"
#include "engine/step/step.h"

namespace sojourn::simulate {

// A fact that outlives its step; `action` where it stands for one.
struct Happening {
  model::FactKind kind = model::FactKind::kEventApplied;
  Timestamp time;
  std::string journey;
  std::string step;
  std::string name;
  std::string reason;
  std::string detail;
  std::optional<model::Action> action;
};

class VirtualPerson final : private runtime::Observer {
 public:
  VirtualPerson(const std::shared_ptr<const language::RuleSet>& rules, const TestCase& test,
                const TestOptions& options);
  ~VirtualPerson() override;
  VirtualPerson(const VirtualPerson&) = delete;
  VirtualPerson& operator=(const VirtualPerson&) = delete;

  // Called before each input with its logical time.
  void set_before_input(std::function<void(Timestamp)> before_input) {
    before_input_ = std::move(before_input);
  }

  // One record, after all timers that are due before it.
  void Apply(const TestEvent& event);
  // All of them in one batch, with the timers due in between; what `set_before_input` gave is not
  // called.
  void ApplyAtOnce(const std::vector<TestEvent>& events);
  // Fires the timers that are due next, at or before `until`; false where there are none.
  bool FireNext(Timestamp until);

  // As committed.
  const model::Person& person() const { return person_; }
  const std::vector<Happening>& happenings() const { return happenings_; }
  const Status& failure() const { return failure_; }
  // A run timer or a flip is still to come.
  bool AwaitsSomething() const;

 private:
  void OnStep(const runtime::StepReport& report) override;
  void OnCommitted(const runtime::CommitReport& report) override;
  void OnRolledBack(Partition partition, runtime::CommitOutcome outcome,
                    const Status& status) override;

  void BuildAtStart(const TestCase& test);
  void TakeHistory(const step::Environment& environment, const TestEvent& event,
                   step::StepOutput* output);
  Status StoreAtStart();
  void StartWorker();
  void Settle();
  Status SettleOrFail();
  Status ReadPerson();

  const TestOptions options_;
  const std::shared_ptr<const language::RuleSet> rule_set_;
  const std::unique_ptr<runtime::RulesSource> rules_;
  runtime::ManualClock clock_;
  step::Secrets secrets_;
  step::Overrides overrides_;
  std::unique_ptr<TestWorld> world_;
  TestWorld::Ports ports_;
  std::unique_ptr<runtime::Worker> worker_;  // uses all above
  model::Person person_;
  Status failure_;
  std::vector<Happening> uncommitted_;
  std::vector<Happening> happenings_;
  std::function<void(Timestamp)> before_input_;
};

}  // namespace sojourn::simulate
