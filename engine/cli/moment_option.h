// Moments on the command line.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::cli {

// "2026-03-02T09:00:00Z", or a day in UTC: its beginning, or with `last` its last millisecond.
// `option` names it in the error.
Result<Timestamp> ParseMoment(const std::string& option, const std::string& text, bool last);

}  // namespace sojourn::cli
