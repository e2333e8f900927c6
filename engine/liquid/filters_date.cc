// The date filter.
#include <chrono>
#include <cmath>

#include "engine/base/rfc3339.h"
#include "engine/liquid/filters.h"
#include "engine/liquid/strftime.h"

namespace sojourn::liquid {
namespace {

using model::ValueKind;

// Years 0 to 9999.
constexpr int64_t kFirstSecond = -62167219200;
constexpr int64_t kLastSecond = 253402300799;
constexpr size_t kLongestTimeBytes = 64;

// What people write; a time without an offset is the zone's.
constexpr const char* kFormats[] = {"%Y-%m-%d",
                                    "%Y-%m-%dT%H:%M:%S%Ez",
                                    "%Y-%m-%d %H:%M:%S %z",
                                    "%Y-%m-%d %H:%M:%S %Z",
                                    "%Y-%m-%d %H:%M:%S",
                                    "%Y-%m-%dT%H:%M:%S",
                                    "%Y-%m-%d %H:%M",
                                    "%Y-%m-%dT%H:%M",
                                    "%Y/%m/%d",
                                    "%d.%m.%Y",
                                    "%d %b %Y",
                                    "%d %b %Y %H:%M:%S",
                                    "%b %d, %Y",
                                    "%b %d %Y",
                                    "%b %d, %Y %H:%M",
                                    "%d %b %Y %H:%M",
                                    "%a, %d %b %Y",
                                    "%a, %d %b %Y %H:%M:%S %z",
                                    "%a %b %d %H:%M:%S %Y"};

std::optional<PreciseTime> FromSeconds(int64_t seconds) { return PreciseTime{seconds, 0}; }

std::optional<PreciseTime> ParseTime(std::string_view text, const RenderOptions& options) {
  if (text == "now" || text == "today") {
    if (!options.now) return std::nullopt;
    const model::Value now = model::Value::Time(*options.now);
    return now.precise();
  }
  if (text.empty() || text.size() > kLongestTimeBytes) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto seconds = ToInteger(model::Value::String(text));
    return seconds ? FromSeconds(*seconds) : std::nullopt;
  }
  if (const auto time = ParseRfc3339Precise(text)) return time;
  const std::string input(text);
  for (const char* format : kFormats) {
    std::chrono::time_point<std::chrono::system_clock, cctz::seconds> time;
    if (cctz::parse(format, input, options.zone, &time)) {
      return FromSeconds(time.time_since_epoch().count());
    }
  }
  return std::nullopt;
}

std::optional<PreciseTime> TimeOf(const Datum& datum, const RenderOptions& options) {
  if (datum.is(ValueKind::kTimestamp)) return datum.value.precise();
  if (datum.is(ValueKind::kInt)) return FromSeconds(datum.value.int_value());
  if (datum.is_string()) return ParseTime(datum.value.text(), options);
  if (!datum.is(ValueKind::kDouble)) return std::nullopt;
  const double seconds = std::floor(datum.value.double_value());
  // Not-a-number fails both comparisons.
  if (!(seconds >= kFirstSecond && seconds <= kLastSecond)) return std::nullopt;
  return FromSeconds(static_cast<int64_t>(seconds));
}

Datum Date(const Call& call) {
  const RenderOptions& options = call.work.options();
  const std::string_view format = call.work.TextOf(call.Argument(0));
  const auto time = TimeOf(call.input, options);
  if (format.empty() || !time || time->seconds < kFirstSecond || time->seconds > kLastSecond) {
    return call.input;
  }
  const Origin origin =
      call.Argument(0).origin == Origin::kLiteral ? Origin::kLiteral : Origin::kData;
  return call.work.Keep(FormatTime(*time, options.zone, format, options.max_string_bytes + 1),
                        origin);
}

}  // namespace

const std::vector<Filter>& DateFilters() {
  static const auto* const kFilters = new std::vector<Filter>{{"date", 1, 1, Date}};
  return *kFilters;
}

}  // namespace sojourn::liquid
