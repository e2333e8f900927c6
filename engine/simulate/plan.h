// What a change of rules does: to the rules themselves, to what they know, and to the people who
// are on the way.
//
// Threads: one owner. The same rules and people give the same plan, byte for byte.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"

namespace sojourn::simulate {

enum class ChangeKind : uint8_t { kAdded, kRemoved, kChanged };
// "added", "removed", "changed".
std::string_view ChangeKindName(ChangeKind kind);

struct NamedChange {
  ChangeKind kind = ChangeKind::kChanged;
  std::string name;
  language::SourcePosition position;  // in the new rules; of what is removed, in the old ones
};

struct JourneyChange {
  NamedChange journey;
  std::string old_revision;        // empty: added
  std::string new_revision;        // empty: removed
  bool moves = false;              // runs on the way go over to the new revision
  std::vector<NamedChange> steps;  // by id, in the order of the steps, removed ones last
  // Keys besides the steps that mean something else now: "trigger", "only_if", ...
  std::vector<std::string> keys;
};

// A condition or value that reads a counter which begins to count, or reaches back farther, only
// from the moment at which the new rules are loaded.
struct MissingHistory {
  std::string reader;   // "segment lapsed", "journey cart, step 3"
  std::string text;     // of the expression
  std::string event;    // that is counted
  bool longer = false;  // it is counted already, but not so far back
  language::SourcePosition position;
};

// Runs on the way have no place in the new revision.
struct PlanError {
  language::SourcePosition position;  // in the new rules
  std::string message;
  std::string hint;
};

struct RulesPlan {
  std::vector<JourneyChange> journeys;  // by name
  std::vector<NamedChange> segments;    // likewise, and so on
  std::vector<NamedChange> templates;
  std::vector<NamedChange> pools;
  bool company_changes = false;
  std::vector<MissingHistory> missing;
  std::vector<PlanError> errors;

  bool empty() const;
};

RulesPlan PlanRules(const language::Bundle& old_rules, const language::Bundle& new_rules);

// What becomes of a run on the way.
enum class Fate : uint8_t {
  kStays,     // its revision goes on to be the current one
  kFinishes,  // on its old revision
  kMoves,     // to a step of the new one
  kEnds,      // `removed`
};
std::string_view FateName(Fate fate);

struct InFlight {
  std::string journey;
  std::string revision;  // 16 hexadecimal digits
  std::string step;      // where it rests
  Fate fate = Fate::kStays;
  std::string to;         // kMoves: the step
  bool no_place = false;  // kFinishes although the new revision says `on_change: move`
  auto operator<=>(const InFlight&) const = default;
};

// How people stand to a journey that is new and starts with a segment.
struct NewSegmentJourney {
  std::string segment;
  int64_t left_out = 0;  // members who do not enter
  int64_t enter = 0;     // `existing: enter`
};

struct PeoplePlan {
  int64_t people = 0;
  std::map<InFlight, int64_t> in_flight;
  std::map<std::string, NewSegmentJourney> new_journeys;
  // Memberships that change silently: by segment, who is in it only after, only before.
  std::map<std::string, int64_t> silently_in;
  std::map<std::string, int64_t> silently_out;
};

// Counts people, one after another, by taking each through the change as the running system would.
class PeoplePlanner {
 public:
  // `before`, `after`: the rules in force before and after, with all that runs may still follow;
  // the current bundle of `after` has the larger number. `now`: the moment of the change.
  PeoplePlanner(std::shared_ptr<const language::RuleSet> before,
                std::shared_ptr<const language::RuleSet> after, Timestamp now);

  // A person's committed record (engine/store). Each person once. Errors: it cannot be read.
  Status Add(std::string_view id, std::string_view record);

  const PeoplePlan& plan() const { return plan_; }

 private:
  struct Before;

  void CountRuns(const Before& before, const model::Person& person);
  void CountMemberships(const Before& before, const model::Person& person);

  const std::shared_ptr<const language::RuleSet> before_;
  const std::shared_ptr<const language::RuleSet> after_;
  const Timestamp now_;
  PeoplePlan plan_;
};

}  // namespace sojourn::simulate
