// One person's record between commands and the process that owns a data directory.
//
// Threads: any. Errors: kUnavailable where the process does not answer.
#pragma once

#include <optional>
#include <string>

#include "connectors/http/http_message.h"
#include "connectors/http/instance_file.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"

namespace sojourn::cli {

// As Backend::ReadPerson, of the running process, which waits for its workers for kPersonPatience.
Result<std::optional<std::string>> AskForPerson(const http::Instance& instance,
                                                const std::string& id);

// The process's side of it: GET of /-/person?id=ID. The body is the record; empty: unknown or
// erased.
http::Response HandlePerson(Backend* backend, const http::Request& request);

}  // namespace sojourn::cli
