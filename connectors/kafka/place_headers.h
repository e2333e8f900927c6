// The headers that say where a record stood before the product copied it, and when it was logged
// there: `sojourn-log-time` (milliseconds), and together `sojourn-topic`, `sojourn-partition`,
// `sojourn-offset`. Only `<app>.events` carries them.
//
// Threads: pure functions.
#pragma once

#include <librdkafka/rdkafka.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

inline constexpr char kLogTimeHeader[] = "sojourn-log-time";
inline constexpr char kTopicHeader[] = "sojourn-topic";
inline constexpr char kPartitionHeader[] = "sojourn-partition";
inline constexpr char kOffsetHeader[] = "sojourn-offset";

// Header names and values.
std::vector<std::pair<std::string, std::string>> PlaceHeaders(const runtime::OriginalPlace& place);

// The record's own timestamp.
Timestamp LogTimeOf(const rd_kafka_message_t& message);

// nullopt: there is no readable log time. `topic` is empty where no place is named.
std::optional<runtime::OriginalPlace> OriginalPlaceOf(const rd_kafka_message_t& message);

}  // namespace sojourn::kafka
