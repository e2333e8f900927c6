// What the plain interpreter knows of its person: traits, consent, history, what was sent.
//
// Tests only. Threads: one owner; plain data.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {

// Segments, and whether the person has entered or left them; by name.
using PlainChanges = std::vector<std::pair<std::string, bool>>;

// Whether one of the changes is what `match`, of a segment, names.
bool IsChange(const PlainMatch& match, const PlainChanges& changes);

struct PlainPerson {
  std::optional<std::string> email;
  std::optional<std::string> zone;
  std::optional<std::string> birthday;
  std::optional<int> level;
  std::map<std::string, bool> consent;  // by topic; without one: as the topic begins
  std::set<std::string> bounced;
  bool complained = false;
  std::vector<std::pair<std::string, int64_t>> history;  // event, its time
  std::vector<std::pair<std::string, int64_t>> sent;     // topic, moment
  std::map<std::string, int64_t> ids;                    // of records, with their moments
  std::set<std::string> segments;                        // that the person is in

  // Traits, consent and history, as an event changes them.
  void Change(const PlainEvent& event);
  // Why a send of this topic is skipped; empty: it is not. `held_out`: of the journey or, where the
  // topic is marketing, the company.
  std::string RefusalOf(const std::string& topic, int64_t now, const std::vector<PlainCap>& caps,
                        bool held_out, bool includes_edge) const;
  // What ends in an error, such as an absent property, is false.
  bool Holds(const PlainCondition& condition, const PlainEvent& event, const PlainEvent& trigger,
             int64_t now) const;

  // Notes the id of a record; true where it had come within 24 hours.
  bool IsRepeated(const PlainEvent& record);
  // Whether the membership is what a kWaitSegment waits for.
  bool IsWhereAwaited(const PlainStep& step) const;
  // Makes the memberships what they are at `now`.
  PlainChanges UpdateSegments(const PlainRules& rules, int64_t now);
  // The earliest moment, later than `after`, at which time alone may change the condition.
  int64_t NextTurn(const PlainCondition& condition, int64_t after) const;

 private:
  void Consent(const std::string& topic, bool given);
  bool IsLongAgo(const PlainCondition& condition, int64_t now) const;
  bool IsCapped(const std::string& topic, int64_t now, const std::vector<PlainCap>& caps,
                bool includes_edge) const;
};

}  // namespace sojourn::simulate
