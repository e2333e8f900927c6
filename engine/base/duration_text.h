// Durations as marketers write them: "2 days", "1 day 12 hours", and in test files "1d 2h", "30m".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sojourn {

enum class DurationStyle {
  kLong,         // only "N unit", N >= 1, units falling, each at most once, at most 10 years
  kLongOrShort,  // also "2h", "1d 2h", "0m", and a leading "-" for the whole
};

// What keeps a text from being a duration.
struct DurationProblem {
  std::string why;  // in a few words
  // Bytes of the text: the word that is wrong.
  size_t begin = 0;
  size_t end = 0;
};

// nullopt where the text is no duration; `problem`, where given, then says what is wrong.
std::optional<Duration> ParseDuration(std::string_view text, DurationStyle style,
                                      DurationProblem* problem = nullptr);

// The shortest long form: "1 day 12 hours"; milliseconds as "250 milliseconds".
std::string FormatDuration(Duration duration);

}  // namespace sojourn
