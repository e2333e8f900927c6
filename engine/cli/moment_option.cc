#include "engine/cli/moment_option.h"

#include <fmt/format.h>

#include "engine/base/rfc3339.h"

namespace sojourn::cli {

Result<Timestamp> ParseMoment(const std::string& option, const std::string& text, bool last) {
  if (const auto moment = ParseRfc3339(text)) return *moment;
  if (const auto day = ParseDate(text)) return last ? *day + Days(1) - Milliseconds(1) : *day;
  return InvalidArgument(
      fmt::format("{} {}: write a moment such as 2026-03-02T09:00:00Z, or a day such as 2026-03-02",
                  option, text));
}

}  // namespace sojourn::cli
