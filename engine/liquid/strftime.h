// Times as text by Ruby's strftime directives.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/civil.h"
#include "engine/base/rfc3339.h"

namespace sojourn::liquid {

// Years 0 to 9999. Flags - 0 ^ # _ and a width work as in Ruby; an unknown directive stays as it
// stands. `max_bytes` bounds what widths can ask for: behind it nothing is added.
std::string FormatTime(PreciseTime time, const TimeZone& zone, std::string_view format,
                       size_t max_bytes);

}  // namespace sojourn::liquid
