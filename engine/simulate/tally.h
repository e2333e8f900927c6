// What rules did to people in a backtest: counts by journey, and who got what.
//
// Threads: one owner. Memory grows with the people who get something (about 100 bytes each), not
// with the events.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/runtime/observer.h"
#include "engine/step/step.h"

namespace sojourn::simulate {

// Numbers people, the same for all backtests that are compared.
class People {
 public:
  uint32_t IndexOf(std::string_view id);
  const std::string& id(uint32_t index) const { return *ids_[index]; }
  uint32_t count() const { return static_cast<uint32_t>(ids_.size()); }

 private:
  std::unordered_map<std::string, uint32_t> indexes_;
  std::vector<const std::string*> ids_;
};

class PersonSet {
 public:
  void Add(uint32_t person);
  void AddAll(const PersonSet& other);
  bool Has(uint32_t person) const { return person < members_.size() && members_[person]; }
  int64_t size() const { return size_; }

 private:
  std::vector<bool> members_;
  int64_t size_ = 0;
};

// A template, URL or pool and how it was used.
struct ActionKey {
  model::ActionKind kind = model::ActionKind::kSendEmail;
  std::string name;
  auto operator<=>(const ActionKey&) const = default;
};

struct ActionTally {
  int64_t count = 0;
  PersonSet people;
};

struct JourneyTally {
  using Counts = std::map<std::string, int64_t, std::less<>>;

  int64_t entered = 0;
  int64_t goals = 0;
  int64_t errors = 0;   // expressions that ended in one
  int64_t running = 0;  // entered and not exited at the end, whatever the window
  Counts refused;       // entries, by reason
  Counts exited;        // by reason
  Counts skipped;       // sends, webhooks, coupons and steps, by reason
  std::map<ActionKey, ActionTally> actions;
  std::map<std::pair<std::string, std::string>, int64_t> paths;  // A/B test and path

  void Add(const JourneyTally& other);
};

struct Tally {
  int64_t events = 0;    // applied or dropped, all of them
  int64_t rejected = 0;  // that no person could take: too large, or no event
  int64_t timers = 0;
  int64_t people = 0;
  std::map<std::string, JourneyTally, std::less<>> journeys;

  // Who got a send of any template.
  PersonSet Mailed() const;
};

// What is counted: happenings from `from` to `to`, both included.
struct Window {
  Timestamp from = Timestamp::Min();
  Timestamp to = Timestamp::Max();
};

// Counts what a task reports. What it rolls back is counted once it is made again.
class TallyObserver final : public runtime::Observer {
 public:
  TallyObserver(Window window, People* people) : window_(window), people_(people) {}

  void OnStep(const runtime::StepReport& report) override;
  void OnCommitted(const runtime::CommitReport& report) override;
  // The task goes back to its last commit.
  void Forget() { open_.clear(); }

  // From now on keeps the codes of coupons that this person is given.
  void WatchCodes(std::string person) { watched_ = std::move(person); }
  const step::GivenCodes& codes() const { return codes_; }

  const Tally& tally() const { return tally_; }
  Tally* mutable_tally() { return &tally_; }

 private:
  void Count(const model::Fact& fact);
  void CountAction(const model::Action& action);

  const Window window_;
  People* const people_;
  std::map<std::string, JourneyTally, std::less<>> open_;  // since the last commit
  Tally tally_;
  std::string watched_;
  step::GivenCodes codes_;  // by action id
};

}  // namespace sojourn::simulate
