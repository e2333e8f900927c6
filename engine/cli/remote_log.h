// The log of a running process, asked for page by page; both sides of that conversation.
//
// Threads: pure functions over what they are given. Errors: kUnavailable where the process does not
// answer or is of another version.
#pragma once

#include <string>
#include <vector>

#include "connectors/http/admin.h"
#include "connectors/http/instance_file.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"

namespace sojourn::cli {

struct LogPage {
  LogScan scan;
  std::vector<Offset> offsets;
  std::vector<ImportedEvent> events;  // as many; `time` is the log time
};

Result<LogPage> AskLog(const http::Instance& instance, int32_t part, Offset from,
                       const std::string& person);
// `backend` outlives it.
http::Response HandleLog(Backend* backend, const http::Request& request);

}  // namespace sojourn::cli
