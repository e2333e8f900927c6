// Entering people into a journey by hand (journey-language section 8).
#pragma once

#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/cli/backend.h"
#include "engine/language/bundle.h"

namespace sojourn::cli {

struct EnrollRequest {
  std::string journey;
  std::string segment;  // empty: everybody
  Duration spread;      // zero: at once
};

// The ids of those who would be asked to enter, sorted: everybody known, or the segment's members
// as they were last judged. Errors: kInvalidArgument where the rules have no such journey or
// segment.
Result<std::vector<std::string>> FindCandidates(const EnrollRequest& request,
                                                const language::Bundle& bundle, Backend* backend);

// Appends one enrolment for each. With a spread a person's moment is `now` + floor(spread x bucket
// / 10,000). An enrolment has an id made of journey, person and `now`, so that a repeated call with
// the same `now` changes nothing.
Status Enroll(const EnrollRequest& request, const std::vector<std::string>& people, Timestamp now,
              Backend* backend);

}  // namespace sojourn::cli
