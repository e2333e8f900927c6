// Durations as marketers write them: "2 days", "1 day 12 hours", and in test files "1d 2h", "30m".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sojourn {

enum class DurationStyle {
  kLong,         // only "N unit", N >= 1, units falling, each at most once, at most 10 years
  kLongOrShort,  // also "2h", "1d 2h", "0m", and a leading "-" for the whole
};

// nullopt where the text is no duration; `why`, where given, then says in a few words what is
// wrong.
std::optional<Duration> ParseDuration(std::string_view text, DurationStyle style,
                                      std::string* why = nullptr);

// The shortest long form: "1 day 12 hours"; milliseconds as "250 milliseconds".
std::string FormatDuration(Duration duration);

}  // namespace sojourn
