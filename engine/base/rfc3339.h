// RFC 3339 timestamps and civil dates as text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sojourn {

// Seconds since the epoch plus nanoseconds in [0, 1e9): what CEL needs and RFC 3339 can say.
struct PreciseTime {
  int64_t seconds = 0;
  int32_t nanoseconds = 0;
};

// "2026-03-02T09:00:00Z", with optional fraction (up to 9 digits) and offset; years 0001 to 9999.
std::optional<PreciseTime> ParseRfc3339Precise(std::string_view text);

// The same, cut to whole milliseconds.
std::optional<Timestamp> ParseRfc3339(std::string_view text);

// "2026-03-02" as 00:00 UTC of that day.
std::optional<Timestamp> ParseDate(std::string_view text);

// UTC; with milliseconds only where they are not zero: "2026-03-02T09:00:00.250Z".
std::string FormatRfc3339(Timestamp time);
std::string FormatRfc3339(PreciseTime time);

}  // namespace sojourn
