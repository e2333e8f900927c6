// Recorded events, from a file or a log, in one order: by log time, whoever and wherever they are.
//
// Threads: main only. Memory: bounded; what is more is sorted on disk. Errors: one line.
#pragma once

#include <cstdint>
#include <string>

#include "connectors/file/event_sorter.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/commands.h"

namespace sojourn::cli {

// Where recorded events are taken from.
struct RecordingOptions {
  std::shared_ptr<CommonOptions> common;
  std::string file;          // empty: the log of the configuration
  std::string mapping_file;  // of a CSV file
};
// Adds --events, --map, --data and --config.
std::shared_ptr<RecordingOptions> AddRecordingOptions(Command command);

struct Recording {
  Recording();

  file::EventSorter events;  // finished: Next gives them in order
  std::string source;        // "old.ndjson", "the log in data"
  int64_t bad_lines = 0;     // named on stderr
  bool begins_late = false;  // the log has lost its beginning
};

// Reads events up to `to`, included, with a progress bar. kNotFound where there is none.
Result<std::unique_ptr<Recording>> Record(const RecordingOptions& options, Timestamp to);

}  // namespace sojourn::cli
