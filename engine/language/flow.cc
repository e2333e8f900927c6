#include "engine/language/flow.h"

#include <algorithm>
#include <map>

namespace sojourn::language {
namespace {

using Visit = std::function<void(uint32_t, const WaitAlternative*)>;

struct WaysOn {
  const Step& step;
  const Visit& visit;

  void operator()(const WaitUntilStep& wait) const {
    for (const WaitAlternative& alternative : wait.alternatives) {
      visit(alternative.then, &alternative);
    }
    if (wait.kind != WaitUntilKind::kEvents) visit(wait.then, nullptr);
    visit(wait.otherwise, nullptr);
  }
  void operator()(const BranchStep& branch) const {
    for (const BranchCase& one : branch.cases) visit(one.then, nullptr);
    visit(branch.otherwise, nullptr);
  }
  void operator()(const AbTestStep& test) const {
    for (const AbPath& path : test.paths) visit(path.then, nullptr);
  }
  void operator()(const RepeatStep& repeat) const {
    visit(repeat.body, nullptr);
    visit(step.next, nullptr);
  }
  void operator()(const ExitStep&) const {}
  template <typename Other>
  void operator()(const Other&) const {
    visit(step.next, nullptr);
  }
};

// A set of small numbers.
class NumberSet {
 public:
  bool Add(size_t number) {
    const size_t word = number / 64;
    if (words_.size() <= word) words_.resize(word + 1);
    const uint64_t bit = uint64_t{1} << (number % 64);
    const bool is_new = (words_[word] & bit) == 0;
    words_[word] |= bit;
    return is_new;
  }
  bool AddAll(const NumberSet& other) {
    if (words_.size() < other.words_.size()) words_.resize(other.words_.size());
    bool grown = false;
    for (size_t i = 0; i < other.words_.size(); ++i) {
      grown |= (other.words_[i] & ~words_[i]) != 0;
      words_[i] |= other.words_[i];
    }
    return grown;
  }
  void Remove(size_t number) {
    if (number / 64 < words_.size()) words_[number / 64] &= ~(uint64_t{1} << (number % 64));
  }
  bool Has(size_t number) const {
    return number / 64 < words_.size() && (words_[number / 64] >> (number % 64) & 1) != 0;
  }

 private:
  std::vector<uint64_t> words_;
};

struct State {
  bool reachable = false;
  NumberSet events;
  NumberSet waited_for;
  NumberSet ab_tests;
  NumberSet missed_tests;  // that can have been left out
  bool coupon = false;
  bool no_coupon = false;  // the coupon steps can have been left out
  bool after_wait = false;

  bool Merge(const State& other) {
    bool grown = !reachable;
    reachable = true;
    grown |= events.AddAll(other.events);
    grown |= waited_for.AddAll(other.waited_for);
    grown |= ab_tests.AddAll(other.ab_tests);
    grown |= missed_tests.AddAll(other.missed_tests);
    grown |= other.coupon && !coupon;
    grown |= other.no_coupon && !no_coupon;
    grown |= other.after_wait && !after_wait;
    coupon |= other.coupon;
    no_coupon |= other.no_coupon;
    after_wait |= other.after_wait;
    return grown;
  }
};

class Analysis {
 public:
  explicit Analysis(const std::vector<Step>& steps) : steps_(steps), states_(steps.size()) {}

  std::vector<StepFlow> Run(const std::vector<std::string>& trigger_events) {
    State start;
    for (const std::string& event : trigger_events) start.events.Add(Number(event));
    start.no_coupon = true;
    for (const Step& step : steps_) {
      const auto* test = std::get_if<AbTestStep>(&step.action);
      if (test != nullptr) start.missed_tests.Add(Number(test->test));
    }
    Reach(0, start);
    while (!pending_.empty()) {
      const uint32_t index = *pending_.begin();
      pending_.erase(pending_.begin());
      Leave(steps_[index], states_[index]);
    }
    std::vector<StepFlow> flows;
    for (const State& state : states_) flows.push_back(Describe(state));
    return flows;
  }

 private:
  void Leave(const Step& step, State state) {
    if (const auto* test = std::get_if<AbTestStep>(&step.action)) {
      state.ab_tests.Add(Number(test->test));
      state.missed_tests.Remove(Number(test->test));
    }
    const bool coupon = std::holds_alternative<CouponStep>(step.action);
    state.coupon |= coupon;
    state.no_coupon &= !coupon;
    state.after_wait |= IsWait(step);
    ForEachWayOn(step, [&](uint32_t next, const WaitAlternative* consumed) {
      if (consumed == nullptr) return Reach(next, state);
      State after = state;
      after.events = NumberSet();
      after.waited_for = NumberSet();
      after.events.Add(Number(consumed->event));
      after.waited_for.Add(Number(consumed->event));
      Reach(next, after);
    });
  }

  void Reach(uint32_t index, const State& state) {
    if (index < states_.size() && states_[index].Merge(state)) pending_.insert(index);
  }

  size_t Number(const std::string& name) {
    const auto [at, is_new] = numbers_.emplace(name, names_.size());
    if (is_new) names_.push_back(name);
    return at->second;
  }

  std::vector<std::string> Names(const NumberSet& set) const {
    std::vector<std::string> names;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (set.Has(i)) names.push_back(names_[i]);
    }
    return names;
  }

  StepFlow Describe(const State& state) const {
    StepFlow flow;
    flow.reachable = state.reachable;
    flow.events = Names(state.events);
    flow.waited_for = Names(state.waited_for);
    flow.ab_tests = Names(state.ab_tests);
    for (const std::string& test : flow.ab_tests) {
      if (!state.missed_tests.Has(numbers_.at(test))) flow.sure_tests.push_back(test);
    }
    flow.coupon = state.coupon;
    flow.sure_coupon = state.coupon && !state.no_coupon;
    flow.after_wait = state.after_wait;
    return flow;
  }

  const std::vector<Step>& steps_;
  std::vector<State> states_;
  std::set<uint32_t> pending_;
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> names_;
};

// Visits what can be reached from `start` without passing a wait; `visit` returns whether to go on
// behind that step.
void WalkWithoutWait(const std::vector<Step>& steps, const std::vector<uint32_t>& start,
                     const std::function<bool(uint32_t)>& visit,
                     const std::function<void(const Step&, std::vector<uint32_t>*)>& ways) {
  std::vector<bool> seen(steps.size());
  std::vector<uint32_t> pending = start;
  while (!pending.empty()) {
    const uint32_t index = pending.back();
    pending.pop_back();
    if (index >= steps.size() || seen[index]) continue;
    seen[index] = true;
    if (visit(index)) ways(steps[index], &pending);
  }
}

void AllWays(const Step& step, std::vector<uint32_t>* pending) {
  ForEachWayOn(step, [&](uint32_t next, const WaitAlternative*) { pending->push_back(next); });
}

}  // namespace

void ForEachWayOn(const Step& step, const Visit& visit) {
  std::visit(WaysOn{step, visit}, step.action);
}

bool IsWait(const Step& step) {
  return std::holds_alternative<WaitStep>(step.action) ||
         std::holds_alternative<WaitUntilStep>(step.action);
}

bool IsSend(const Step& step) { return std::holds_alternative<SendStep>(step.action); }

bool IsMail(const Step& step) {
  const auto* send = std::get_if<SendStep>(&step.action);
  return send != nullptr && send->channel == model::ActionKind::kSendEmail;
}

std::vector<StepFlow> AnalyzeFlow(const std::vector<Step>& steps,
                                  const std::vector<std::string>& trigger_events) {
  return Analysis(steps).Run(trigger_events);
}

bool CanRepeatWithoutWait(const std::vector<Step>& steps, uint32_t repeat) {
  bool found = false;
  const auto visit = [&](uint32_t index) {
    found |= index == repeat;
    return index != repeat && !IsWait(steps[index]);
  };
  const auto ways = [](const Step& step, std::vector<uint32_t>* pending) {
    const auto* inner = std::get_if<RepeatStep>(&step.action);
    if (inner == nullptr) return AllWays(step, pending);
    pending->push_back(inner->body);
    if (!inner->while_true.empty()) pending->push_back(step.next);
  };
  WalkWithoutWait(steps, {std::get<RepeatStep>(steps[repeat].action).body}, visit, ways);
  return found;
}

std::vector<uint32_t> MailsWithoutWaitBetween(const std::vector<Step>& steps,
                                              const std::vector<StepFlow>& flow) {
  std::set<uint32_t> found;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (!flow[i].reachable || !IsMail(steps[i])) continue;
    std::vector<uint32_t> start;
    AllWays(steps[i], &start);
    WalkWithoutWait(
        steps, start,
        [&](uint32_t index) {
          if (IsMail(steps[index])) found.insert(index);
          return !IsMail(steps[index]) && !IsWait(steps[index]);
        },
        AllWays);
  }
  return {found.begin(), found.end()};
}

}  // namespace sojourn::language
