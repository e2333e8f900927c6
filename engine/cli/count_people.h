// People under a change of rules, counted where their state is.
//
// Threads: pure functions over what they are given.
#pragma once

#include <map>
#include <string>

#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/simulate/plan.h"

namespace sojourn::cli {

struct CountedPeople {
  simulate::PeoplePlan plan;
  std::string rules_in_force;  // revision of the bundle in force
};

// From the rules in force to the rules of `files`. `backend` is the log itself. Errors:
// kInvalidArgument where the files do not check, kFailedPrecondition where no rules were ever
// loaded.
Result<CountedPeople> CountPeople(const std::map<std::string, std::string>& files,
                                  Backend* backend);

// The question and the answer as they travel to a running process.
std::string EncodeFiles(const std::map<std::string, std::string>& files);
// kInvalidArgument: the text is none.
Result<std::map<std::string, std::string>> DecodeFiles(const std::string& text);
std::string EncodeCounted(const CountedPeople& counted);
Result<CountedPeople> DecodeCounted(const std::string& text);

}  // namespace sojourn::cli
