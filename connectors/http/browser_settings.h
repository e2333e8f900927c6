// What the library of Segment for browsers asks at its start of the host that `cdnURL` names: where
// it is to send to.
//
//   GET /v1/projects/KEY/settings
//   {"integrations":{"Segment.io":{"apiKey":KEY,"apiHost":"HOST/v1","protocol":"https"}}, ...}
//
// HOST is what the browser itself called this process. The library's counts of itself are turned
// off; without being told so, it sends them to Segment.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/http_message.h"

namespace sojourn::http {

inline constexpr std::string_view kProjectsPath = "/v1/projects/";

// The key that such a path names; nullopt: it is another one.
std::optional<std::string> KeyOfSettingsPath(std::string_view path);

// `secure`: the listener has TLS; a proxy that has it says so by X-Forwarded-Proto. 400 without a
// Host.
Response SettingsForBrowsers(std::string_view key, const Request& request, bool secure);

}  // namespace sojourn::http
