// One request to a server of ours: how commands talk to a running process.
//
// Blocks. Threads: any. Errors: kUnavailable where nobody answers in time, what answers is not
// HTTP, or it has another certificate; then it was sent nothing.
#pragma once

#include <cstdint>
#include <string>

#include "connectors/http/http_message.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::http {

struct ServerPlace {
  std::string address = "127.0.0.1";  // an IP address
  uint16_t port = 8080;
  // SHA-256 of the only certificate that is trusted, hexadecimal; empty: plain HTTP.
  std::string fingerprint;
};

// `request.path` with its query is the target; `request.query` is left out. `timeout` is for the
// whole.
Result<Response> Call(const ServerPlace& place, const Request& request, Duration timeout);

}  // namespace sojourn::http
