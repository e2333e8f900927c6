// The admin conversation between commands and the process that owns a data directory, both sides of
// it: what `import`, `enroll`, `actions`, `summary` and `preview` send and what `run` answers.
//
// A command works on a Backend. Where no process runs on the data directory that is the log itself;
// where one does, it is a RemoteBackend that asks it over HTTP. So a command does not care.
//
// Threads: as of Backend. Errors: kUnavailable where the process does not answer.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/admin.h"
#include "connectors/http/instance_file.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/enroll.h"

namespace sojourn::cli {

// The process that runs on the directory and answers; nullopt: none does.
std::optional<http::Instance> FindInstance(const std::string& data_directory);

// One request to its admin paths.
Result<std::string> AskInstance(const http::Instance& instance, const std::string& method,
                                const std::string& target, const std::string& body,
                                Duration timeout, std::string* next = nullptr);

// The running process as a Backend: only what commands need (imports, actions, one person); the
// rest is kFailedPrecondition.
std::unique_ptr<Backend> MakeRemoteBackend(const http::Instance& instance);

// Handlers of the process for the same conversation. `backend` outlives them.
http::Response HandleImport(Backend* backend, const http::Request& request);
// `stopping` ends the waiting for actions to come.
http::Response HandleActions(Backend* backend, const http::Request& request,
                             const std::atomic<bool>& stopping);

http::Response HandleKeepDeadLetters(Backend* backend, const http::Request& request);
http::Response HandleDeadLetters(Backend* backend, const http::Request& request);

// What `actions` gives as the place to go on from, and takes: "12,0,7,3", one offset a partition;
// "" is the beginning of each. nullopt where the text is none, or of another count than is asked
// for.
std::string FormatCursors(const ActionCursors& cursors);
std::optional<ActionCursors> ParseCursors(std::string_view text,
                                          std::optional<int32_t> partition_count);

// Imported events as the body of a request, and back; nullopt where the bytes are none.
std::string EncodeImported(std::span<const ImportedEvent> events);
std::optional<std::vector<ImportedEvent>> DecodeImported(std::string_view bytes);

}  // namespace sojourn::cli
