// The process's log: one line per occurrence on stderr, key=value.
//
//   time=2026-03-02T09:00:00.250Z level=warning message="a record is no event" topic=web
//   partition=3
//
// Values are quoted where they need it and never break the line. Ids of persons and contents of
// records do not belong here. Threads: any, after StartLogging.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

namespace sojourn::telemetry {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error".
std::string_view LogLevelName(LogLevel level);

struct LogField {
  LogField(std::string_view key, std::string_view text) : key(key), value(text) {}
  LogField(std::string_view key, const char* text) : key(key), value(text) {}
  LogField(std::string_view key, const std::string& text) : key(key), value(text) {}
  template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
  LogField(std::string_view key, Number number) : key(key), value(fmt::format("{}", number)) {}

  std::string_view key;
  std::string value;
};

// Lines below `least` are dropped from now on; before the first call everything from kInfo on is
// written.
void StartLogging(LogLevel least);

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// What Log writes after the time and the level.
std::string FormatLogLine(std::string_view message, std::initializer_list<LogField> fields);

}  // namespace sojourn::telemetry
