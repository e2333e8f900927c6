// Reading files that somebody else names. A pipe or a device may never end, so only regular files
// are opened.
#pragma once

#include <cstddef>
#include <string>

#include "engine/base/status.h"

namespace sojourn {

// kInvalidArgument where `path` is there and is no regular file (links are followed): "PATH is a
// directory, not a file", "PATH is not a regular file; write it to a file first".
Status CheckRegularFile(const std::string& path);

// The whole file. Never waits, whatever `path` is. Errors, each what follows the path in a
// sentence: kInvalidArgument (not a regular file), kResourceExhausted (more than `limit_bytes`),
// kUnavailable (the system's reason).
Result<std::string> ReadRegularFile(const std::string& path, size_t limit_bytes);

}  // namespace sojourn
