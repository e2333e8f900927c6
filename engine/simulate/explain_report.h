// Explanations for people and tools to read.
//
// Threads: pure functions. The same explanation gives the same bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/simulate/explain.h"

namespace sojourn::simulate {

struct ExplainFilter {
  std::string journey;        // empty: all
  std::string template_name;  // only journeys that can send it; empty: all
};

// An action of the log, as far as it says why it was given out.
struct RecordedAction {
  Timestamp time;
  std::string text;  // "send_email cart-reminder to u1@shop.example"
  std::string journey;
  std::string template_name;
  std::vector<std::string> conditions;  // "3: event.total > 20: true (...)"
};

// What is said about one person.
struct PersonReport {
  std::string person;
  std::vector<std::string> notes;  // what is not known, and why
  Timestamp now;                   // how far it goes
  // Null: the log does not hold enough of the past to repeat it.
  const Explanation* past = nullptr;
  // Where the past is not known: what the log still has.
  std::vector<RecordedAction> actions;
  // As they are now, and the rules that are in force; null: nobody of that id is known.
  const model::Person* state = nullptr;
  const language::RuleSet* rules = nullptr;
};

std::string ExplainText(const PersonReport& report, const ExplainFilter& filter);
std::string ExplainJson(const PersonReport& report, const ExplainFilter& filter);

}  // namespace sojourn::simulate
