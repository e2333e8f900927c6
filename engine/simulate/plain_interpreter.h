// The journey language's sections 2 to 7 in the plainest way: a list of runs, and a loop that finds
// the smallest moment due. Slow, and of one mind with nothing of engine/step.
//
// Tests only. Threads: one owner. Inputs and entries are in plain_interpreter.cc, steps in
// plain_steps.cc, what they send in plain_actions.cc.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/simulate/plain_journey.h"
#include "engine/simulate/plain_person.h"
#include "engine/simulate/plain_run.h"

namespace sojourn::simulate {

class PlainInterpreter {
 public:
  // All three must outlive it.
  PlainInterpreter(const PlainRules& rules, const PlainLife& life, PlantedMistake mistake);

  std::vector<std::string> Run();
  const PlainCounts& counts() const { return counts_; }

 private:
  void Tell(const std::string& what) { trace_.push_back(PlainTime(now_) + " " + what); }

  void Rest(PlainRun* run, int64_t until, const std::string& id, const std::string& what);

  // Time (section 6.2).
  bool FireNext(int64_t until);
  int64_t NextFlip() const;
  void FireFlips(int64_t due);
  void FireRun(PlainRun* run);
  void Begin(int64_t now);
  PlainRun* NextRun();

  // Dates and schedules (section 3), in plain_dates.cc.
  void Plan(PlainPlan* plan, int64_t after) const;
  void PlanAll();
  void PlanAgain();
  PlainPlan* NextPlan();
  void FirePlan(PlainPlan* plan);

  // One input (section 6.3).
  void Take(const PlainEvent& record);
  void DrainQueue();
  void TakeEvent(const PlainEvent& event);
  PlainItem Judge();
  void Enqueue(PlainItem item);
  void Handle(const PlainItem& item);
  std::vector<PlainRun*> OldestFirst(bool active);
  void EndOrNot(PlainRun* run, const PlainItem& item);
  bool ReachesGoal(const PlainRun& run, const PlainEvent& event) const;
  std::string ExitReason(const PlainRun& run, const PlainItem& item) const;
  void End(PlainRun* run, const std::string& reason);
  void Remember(PlainRun* run);
  void Advance(PlainRun* run, const PlainItem& item);
  bool IsAwaited(const PlainRun& run, const PlainChanges& changes) const;

  // Entries (section 2).
  void StartOrNot(const PlainJourney& journey, const PlainItem& item);
  bool MatchesAny(const std::vector<PlainMatch>& matches, const PlainEvent& event) const;
  void Start(const PlainJourney& journey, const PlainEvent& event);
  void Refuse(const PlainJourney& journey, const std::string& reason);
  void RememberEntry(const PlainJourney& journey, const std::string& key);
  bool MayReenter(const PlainJourney& journey, const std::string& key) const;
  void Enter(const PlainJourney& journey, const std::string& key, const PlainEvent& event);

  // Steps (section 4).
  void Walk(PlainRun* run);
  void Do(PlainRun* run, const PlainStep& step, const std::string& id);
  bool HoldsIn(const PlainRun& run, const PlainCondition& condition) const;
  void Choose(PlainRun* run, const PlainStep& step, const std::string& id);
  void TakePath(PlainRun* run, const PlainStep& step, const std::string& id);
  void Decide(PlainRun* run, const PlainStep& step, const std::string& id);
  void Wait(PlainRun* run, const PlainStep& step, const std::string& id);
  void WaitUntil(PlainRun* run, const PlainStep& step, const std::string& id);
  void WaitForMoment(PlainRun* run, const PlainStep& step, const std::string& id);
  bool HoldsOnArrival(const PlainRun& run, const PlainStep& step) const;
  void GoOn(PlainRun* run, const std::vector<PlainStep>& steps, const std::string& prefix);
  void Update(const PlainRun& run, const PlainStep& step, const std::string& id);
  void Emit(const PlainRun& run, const PlainStep& step, const std::string& id);
  void Skip(const PlainRun& run, const std::string& id, const std::string& reason);

  // Actions (section 7), in plain_actions.cc.
  void Send(PlainRun* run, const PlainStep& step, const std::string& id);
  void Call(const PlainRun& run, const PlainStep& step, const std::string& id);
  void Allot(PlainRun* run, const PlainStep& step, const std::string& id);
  std::string TakeCode(const PlainPool& pool);
  std::string ZoneOf(const PlainJourney& journey) const;

  // Conditions (section 5).
  bool Matches(const PlainMatch& match, const PlainEvent& event, const PlainEvent& trigger) const;
  bool Holds(const PlainCondition& condition, const PlainEvent& event,
             const PlainEvent& trigger) const;

  const PlainRules& rules_;
  const PlainLife& life_;
  const PlantedMistake mistake_;
  int64_t now_ = 0;
  int depth_ = 0;       // of the item at hand
  int queued_ = 0;      // by the input at hand
  int64_t judged_ = 0;  // when segments and awaited conditions were judged last
  int ended_ = 0;       // runs that ended by themselves
  PlainPerson person_;
  // Run keys with the moments of their last entries, oldest first; by journey.
  std::map<std::string, std::vector<std::pair<std::string, int64_t>>> last_entries_;
  std::vector<PlainPlan> plans_;
  std::map<std::string, size_t> codes_taken_;  // by pool
  std::vector<std::unique_ptr<PlainRun>> runs_;
  std::deque<PlainItem> queue_;
  std::vector<std::string> trace_;
  PlainCounts counts_;
};

}  // namespace sojourn::simulate
