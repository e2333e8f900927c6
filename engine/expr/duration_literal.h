// Durations as CEL writes them: "1h30m", "-1.5s", "10ms".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/rfc3339.h"

namespace sojourn::expr {

// Nanoseconds; nullopt where the text is no duration.
std::optional<__int128> ParseDurationLiteral(std::string_view text);

// As seconds: "5400s", "-1.5s".
std::string FormatDurationLiteral(PreciseTime span);

}  // namespace sojourn::expr
