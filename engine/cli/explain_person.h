// What is behind `sojourn explain`: one person's past out of a log or a file.
//
// Threads: pure functions over what they are given. Errors: one line; kInvalidArgument where a
// named journey or template is none.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/cli/backend.h"
#include "engine/cli/recording.h"
#include "engine/simulate/explain_report.h"
#include "engine/step/step.h"

namespace sojourn::cli {

struct ExplainRequest {
  std::string person;
  simulate::ExplainFilter filter;
  bool json = false;
};

// Under the rules that were in force at each moment. `backend` is the log itself.
Result<std::string> ExplainFromLog(const ExplainRequest& request, const step::Secrets& secrets,
                                   Backend* backend);

// Under one directory's rules, as if they had been in force from the first event on. `until`: as
// far as timers run; Min: to the last event.
Result<std::string> ExplainFromFile(const ExplainRequest& request, const std::string& rules,
                                    Timestamp until, Recording* recording);

}  // namespace sojourn::cli
