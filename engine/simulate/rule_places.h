// Where in the rules' files stands what a fact speaks of.
//
// Threads: one owner. Positions are copies; the bundles outlive the object.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/language/bundle.h"
#include "engine/language/key_places.h"
#include "engine/model/fact.h"

namespace sojourn::simulate {

struct RulePlace {
  const language::Step* step = nullptr;            // of the fact, where it has one
  std::optional<language::SourcePosition> rule;    // none: the fact is about no rule
  std::optional<language::SourcePosition> beside;  // a gate's own rule
};

class RulePlaces {
 public:
  // `fact` came from `rules` and has not died; `event`: the name of the input's event.
  RulePlace Of(const language::RuleSet& rules, const model::Fact& fact, std::string_view event);

 private:
  using Keys = language::KeyPositions;

  const Keys& KeysOf(const language::Bundle& bundle, const std::string& file);
  const Keys& CompanyKeys(const language::Bundle& bundle);
  std::optional<language::SourcePosition> Gate(const language::Bundle& current, const Keys& own,
                                               const model::Fact& fact);

  std::map<std::pair<const language::Bundle*, std::string>, Keys> keys_;  // by file
  std::map<const language::Bundle*, std::string> company_files_;
};

}  // namespace sojourn::simulate
