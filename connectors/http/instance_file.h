// Where a running process can be reached, and the token that its admin paths ask for: one small
// file in the data directory that only its owner can read.
//
// Threads: any. Errors: kInvalidArgument (not writable, not readable, broken), kNotFound (no
// process runs on this directory, or it ended without cleaning up).
#pragma once

#include <cstdint>
#include <string>

#include "connectors/http/http_client.h"
#include "engine/base/status.h"

namespace sojourn::http {

struct Instance {
  ServerPlace place;
  std::string token;
  int64_t process_id = 0;
};

// 256 random bits as text; kInternal where the machine has none.
Result<std::string> NewToken();

// Replaces the file as a whole.
Status WriteInstanceFile(const std::string& directory, const Instance& instance);
Result<Instance> ReadInstanceFile(const std::string& directory);
void RemoveInstanceFile(const std::string& directory);

}  // namespace sojourn::http
