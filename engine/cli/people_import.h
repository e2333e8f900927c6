// `sojourn import --people`: contacts into the log, always as history.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/cli/config.h"

namespace sojourn::cli {

struct PeopleImportOptions {
  std::string file;
  std::string mapping;  // a name or a file; empty: plain
  std::string consent;  // of everybody, instead of what the file says; empty: the file says it
  bool dry_run = false;
};

// Names bad rows, repetitions and role accounts on stderr, prints a summary; gives the exit code:
// 0 every row is in, 1 some rows were no contacts.
Result<int> ImportPeople(const Config& config, const PeopleImportOptions& options);

}  // namespace sojourn::cli
