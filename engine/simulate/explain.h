// Why somebody got a mail or did not: one person's past, repeated input by input through the pure
// step with all its facts, each with the rule that it goes by.
//
// Threads: one owner. Ownership: an explanation owns its texts; it holds the rules it was made
// with.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"
#include "engine/model/fact.h"
#include "engine/model/person.h"
#include "engine/step/step.h"

namespace sojourn::simulate {

struct RulesInForce {
  Timestamp since;
  std::shared_ptr<const language::RuleSet> rules;
};

// An event as it stands in a log.
struct PersonEvent {
  Timestamp log_time;
  std::string topic;
  Partition partition;
  Offset offset;
  std::string bytes;  // protobuf sojourn.v1.Event
};

struct PersonPast {
  std::string person;
  std::vector<RulesInForce> rules;  // not empty; by `since`; the first counts from the beginning
  std::vector<PersonEvent> events;  // of that person, in the log's order
  Timestamp until;                  // timers ran until then, included
  step::Secrets secrets;
  // What listed pools gave, by action id; nullopt: as if the person had the pools alone.
  std::optional<step::GivenCodes> codes;
};

struct ExplainedFact {
  model::FactKind kind = model::FactKind::kEventApplied;
  std::string journey;
  std::string step;
  std::string name;
  std::string reason;
  std::string detail;
  std::string address;                             // of a send
  std::string code;                                // of a coupon that is given
  std::string because;                             // the event behind a lost consent or address
  std::optional<language::SourcePosition> rule;    // the step, trigger, condition or segment
  std::optional<language::SourcePosition> beside;  // the gate's own: a cap, quiet hours, a holdout
};

// One input of the person and what came of it.
struct ExplainedInput {
  Timestamp time;          // logical
  std::string name;        // the event's, "timer", or "rules" where others came into force
  std::string id;          // the event's
  std::string place;       // "events/2@17"; empty for timers
  std::string properties;  // JSON; empty for timers
  bool historical = false;
  std::vector<ExplainedFact> facts;
};

struct Explanation {
  std::vector<ExplainedInput> inputs;
  std::unique_ptr<model::Person> person;           // as they are at the end
  std::shared_ptr<const language::RuleSet> rules;  // in force at the end
};

// Events that are none (they became dead letters) are passed over.
Explanation ExplainPast(const PersonPast& past);

// A run at rest, or something else that will wake the person.
struct Pending {
  std::string what;  // "cart waits at pause for Order Completed, until": the moment follows
  std::string journey;
  Timestamp at;  // the next moment
  std::optional<language::SourcePosition> rule;
};
// By `at`. Only what has a moment.
std::vector<Pending> PendingOf(const model::Person& person, const language::RuleSet& rules);

}  // namespace sojourn::simulate
