// What every import does with the log: sorted events in pieces, bad lines as dead letters.
#pragma once

#include <string>
#include <vector>

#include "connectors/file/event_sorter.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"

namespace sojourn::cli {

inline constexpr size_t kSortMemoryBytes = 512u << 20;

// Appends what `sorter` gives and was not appended by an earlier run of the same import. `end`: the
// last event ends the import. Gives the count of all its events.
Result<uint64_t> AppendSorted(const ImportIdentity& identity, const ImportProgress& progress,
                              bool end, file::EventSorter* sorter, Backend* backend);

// Keeps lines of a file that are no events, each of them once however often the import was cut
// short. They come after all events and end the import.
class BadLineKeeper {
 public:
  // `events`: the count of the import's events; `backend` outlives this.
  BadLineKeeper(std::string file, ImportIdentity identity, const ImportProgress& progress,
                uint64_t events, Backend* backend);
  // Every bad line in the file's order, also those that an earlier run has kept.
  Status Add(int64_t line, const std::string& reason, std::string text);
  Status Finish();

 private:
  Status Keep(bool last);

  const std::string file_;
  const ImportIdentity identity_;
  const uint64_t events_;
  Backend* const backend_;
  const Timestamp now_;
  uint64_t to_pass_;  // of those to come: kept by an earlier run
  uint64_t kept_;
  std::vector<runtime::DeadLetter> letters_;
  size_t bytes_ = 0;
};

}  // namespace sojourn::cli
