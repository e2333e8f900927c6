// What the columns of a CSV file hold: texts as values of the types that a mapping names.
//
// Pure functions; threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/value.h"

namespace sojourn::file {

// kList: texts with commas between them.
enum class ColumnType : uint8_t { kString, kInt, kDouble, kBool, kTimestamp, kList };
std::string_view ColumnTypeName(ColumnType type);

// kDay: YYYYMMDD or YYYY-MM-DD, 00:00 UTC. kDateTime: "YYYY-MM-DD hh:mm:ss", UTC.
enum class TimeFormat : uint8_t { kRfc3339, kDay, kDateTime, kEpochSeconds, kEpochMilliseconds };

// nullopt: the text is no time of that format.
std::optional<Timestamp> ParseTime(std::string_view text, TimeFormat format);

// The field as a value of its type; nullopt where it is none. It points into `text` and `arena`.
std::optional<model::Value> ParseField(std::string_view text, ColumnType type, Arena* arena);

// The error of a mapping that names a column which the file has twice.
Status ColumnStandsTwice(std::string_view name);
// The error of a mapping that names a column which the file does not have.
Status NoSuchColumn(std::string_view name, const std::vector<std::string>& header);

}  // namespace sojourn::file
