// The suppression list between commands and the process that owns a data directory.
//
// Hashes go over the wire, never addresses. Threads: as SuppressionList. Errors: kUnavailable where
// the process does not answer.
#pragma once

#include <memory>

#include "connectors/http/http_message.h"
#include "connectors/http/instance_file.h"
#include "engine/base/status.h"
#include "engine/deliver/suppression.h"

namespace sojourn::cli {

// The list of the running process.
std::unique_ptr<deliver::SuppressionList> MakeRemoteSuppressions(const http::Instance& instance);

// The process's side of it: GET and POST of /-/suppressions.
http::Response HandleSuppressions(deliver::SuppressionList* list, const http::Request& request);

}  // namespace sojourn::cli
