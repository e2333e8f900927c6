// One person on a virtual clock: the pure step driven as a partition's task drives it, timers
// before records, one input at a time.
//
// Threads: one owner. The rules must outlive it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/person.h"
#include "engine/simulate/test_file.h"
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

class VirtualPerson {
 public:
  VirtualPerson(const language::RuleSet& rules, const TestCase& test);
  VirtualPerson(const VirtualPerson&) = delete;
  VirtualPerson& operator=(const VirtualPerson&) = delete;

  // Called before each input with its logical time.
  void set_before_input(std::function<void(Timestamp)> before_input) {
    before_input_ = std::move(before_input);
  }

  // One record, after all timers that are due before it.
  void Apply(const TestEvent& event);
  // Fires the next timer due at or before `until`; false where there is none.
  bool FireNext(Timestamp until);

  const model::Person& person() const { return person_; }
  const std::vector<Happening>& happenings() const { return happenings_; }
  // A run timer or a flip is still to come.
  bool AwaitsSomething() const;

 private:
  void TakeHistory(const TestCase& test);
  void ApplyNow(const TestEvent& event, bool historical);
  void Keep();

  step::Secrets secrets_;
  step::PartitionState partition_;
  step::Overrides overrides_;
  step::Environment environment_;
  model::Person person_;
  step::StepOutput output_;
  std::vector<Happening> happenings_;
  std::function<void(Timestamp)> before_input_;
  int64_t records_ = 0;
};

}  // namespace sojourn::simulate
