#include "connectors/file/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "connectors/file/csv.h"
#include "engine/base/rfc3339.h"

namespace sojourn::file {
namespace {

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> ParseDouble(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(number - number == 0)) return std::nullopt;  // infinite or no number
  return number;
}

std::optional<Timestamp> ParseDay(std::string_view text) {
  if (text.size() == 8 && ParseInt(text)) {
    return ParseDate(fmt::format("{}-{}-{}", text.substr(0, 4), text.substr(4, 2), text.substr(6)));
  }
  return ParseDate(text);
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// `VIP, "Blog, old"`: spaces and quotes around an item do not belong to it.
std::optional<model::Value> ParseList(std::string_view text, Arena* arena) {
  std::istringstream stream{std::string(text)};
  CsvReader reader(&stream);
  CsvRecord record;
  if (!reader.Next(&record)) return model::Value::List(nullptr, 0);
  if (!record.problem.empty()) return std::nullopt;
  auto* items = arena->AllocateArray<model::Value>(record.fields.size());
  uint32_t count = 0;
  for (const std::string& field : record.fields) {
    std::string_view item = Trimmed(field);
    if (item.size() > 1 && item.front() == '"' && item.back() == '"') {
      item = item.substr(1, item.size() - 2);
    }
    if (!item.empty()) items[count++] = model::Value::String(arena->Copy(item));
  }
  return model::Value::List(items, count);
}

// Column names for an error.
std::string OneLine(const std::vector<std::string>& names) {
  constexpr size_t kShown = 50;
  const size_t shown = std::min(names.size(), kShown);
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<ptrdiff_t>(shown));
  std::string text = fmt::format("{}", fmt::join(first, ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text;
}

std::string DelimiterHint(const std::vector<std::string>& names) {
  for (const char* delimiter : {";", "\t", "|", ","}) {
    if (names.size() != 1 || names[0].find(delimiter) == std::string::npos) continue;
    return fmt::format("; the mapping may need delimiter: \"{}\"",
                       *delimiter == '\t' ? "\\t" : delimiter);
  }
  return "";
}

}  // namespace

std::optional<Timestamp> ParseTime(std::string_view text, TimeFormat format) {
  switch (format) {
    case TimeFormat::kRfc3339:
      return ParseRfc3339(text);
    case TimeFormat::kDay:
      return ParseDay(text);
    case TimeFormat::kDateTime: {
      if (text.size() < 19 || text[10] != ' ') return std::nullopt;
      return ParseRfc3339(fmt::format("{}T{}Z", text.substr(0, 10), text.substr(11)));
    }
    case TimeFormat::kEpochSeconds:
    case TimeFormat::kEpochMilliseconds: {
      const auto number = ParseInt(text);
      // The years 1 to 9999, as RFC 3339 can say.
      constexpr int64_t kLimit = 253402300800000;
      const int64_t factor = format == TimeFormat::kEpochSeconds ? 1000 : 1;
      if (!number || *number >= kLimit / factor || *number <= -kLimit / factor) return std::nullopt;
      return Timestamp(*number * factor);
    }
  }
  return std::nullopt;
}

std::optional<model::Value> ParseField(std::string_view text, ColumnType type, Arena* arena) {
  using model::Value;
  switch (type) {
    case ColumnType::kString:
      return Value::String(text);
    case ColumnType::kInt: {
      const auto number = ParseInt(text);
      return number ? std::optional(Value::Int(*number)) : std::nullopt;
    }
    case ColumnType::kDouble: {
      const auto number = ParseDouble(text);
      return number ? std::optional(Value::Double(*number)) : std::nullopt;
    }
    case ColumnType::kBool:
      if (text == "true" || text == "1") return Value::Bool(true);
      if (text == "false" || text == "0") return Value::Bool(false);
      return std::nullopt;
    case ColumnType::kTimestamp: {
      auto time = ParseRfc3339(text);
      if (!time) time = ParseDay(text);
      return time ? std::optional(Value::Time(*time)) : std::nullopt;
    }
    case ColumnType::kList:
      return ParseList(text, arena);
  }
  return std::nullopt;
}

std::string_view ColumnTypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kString:
      return "string";
    case ColumnType::kInt:
      return "int";
    case ColumnType::kDouble:
      return "double";
    case ColumnType::kBool:
      return "bool";
    case ColumnType::kTimestamp:
      return "timestamp";
    case ColumnType::kList:
      return "list";
  }
  return "";
}

Status ColumnStandsTwice(std::string_view name) {
  return InvalidArgument(fmt::format(
      "the column \"{}\" stands twice in the first line; rename the one that is not meant", name));
}

Status NoSuchColumn(std::string_view name, const std::vector<std::string>& header) {
  return InvalidArgument(fmt::format("there is no column \"{}\"; the file has {}{}", name,
                                     OneLine(header), DelimiterHint(header)));
}

}  // namespace sojourn::file
