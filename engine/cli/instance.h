// How commands find the process that runs on a data directory.
//
// A running `sojourn run` writes DATA/instance.json (mode 0600): its process id, the address of its
// HTTP server and a token for the administrative routes. Commands on the same data directory then
// ask that process instead of opening the directory, which has one owner at a time.
//
// Threads: none of this is shared. Errors: Status with the way out.
#pragma once

#include <optional>
#include <string>

#include "engine/base/status.h"

namespace sojourn::cli {

struct Instance {
  int process_id = 0;
  std::string address;  // host:port
  std::string token;
};

// Replaces the file atomically.
Status WriteInstance(const std::string& data_directory, const Instance& instance);
void RemoveInstance(const std::string& data_directory);

// The instance that is alive; nullopt where none is (a file left behind by a crash counts as none).
std::optional<Instance> FindInstance(const std::string& data_directory);

// 32 hexadecimal digits from the system's random source.
std::string RandomToken();

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// One request to the instance's administrative routes. Waits at most `timeout_seconds`.
Result<HttpAnswer> Ask(const Instance& instance, const std::string& method,
                       const std::string& target, const std::string& body, int timeout_seconds);

}  // namespace sojourn::cli
