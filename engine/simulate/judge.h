// Holds what happened against what a test expects.
#pragma once

#include <string>
#include <vector>

#include "engine/simulate/test_runner.h"
#include "engine/simulate/virtual_person.h"

namespace sojourn::simulate {

// Collects the outcome of one test. Expectations about state are judged while it runs, at their
// moment; the others when it has ended.
class Judge {
 public:
  Judge(const language::Bundle& bundle, const TestCase& test);

  // Judges the expectations about state whose moment lies before `now`.
  void BeforeInput(const VirtualPerson& person, Timestamp now);
  // Judges the rest.
  TestResult Finish(const VirtualPerson& person);

 private:
  struct Match {
    const Expectation* expectation = nullptr;
    bool met = false;
    std::string why_not;
  };

  void JudgeState(const VirtualPerson& person, Match* match);
  void JudgeTrait(const model::Person& person, Match* match);
  void JudgePath(const VirtualPerson& person, Match* match);
  void JudgeActions(const std::vector<const Happening*>& actions);
  void JudgePartly(const std::vector<const Happening*>& actions);
  void JudgeFacts(const std::vector<Happening>& happenings);
  void JudgeNothingMore(const std::vector<const Happening*>& actions);
  // What differs; empty: it is the expected action.
  std::string Difference(const Expectation& expectation, const model::Action& action) const;
  std::string RenderedDifference(const Expectation& expectation, const model::Action& action) const;
  std::string ActualText(const model::Action& action) const;
  void Report(const std::vector<const Happening*>& actions, const std::vector<Happening>& all);

  const language::Bundle& bundle_;
  const TestCase& test_;
  std::vector<Match> matches_;  // as the expectations
  std::vector<bool> action_wrong_;
  TestResult result_;
};

}  // namespace sojourn::simulate
