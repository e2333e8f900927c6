// What every import does with the log: sorted events in pieces, bad lines as dead letters.
#pragma once

#include <string>
#include <vector>

#include "connectors/file/event_sorter.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"

namespace sojourn::cli {

inline constexpr size_t kSortMemoryBytes = 512u << 20;

// Appends what `sorter` gives and was not appended by an earlier run of the same import.
Status AppendSorted(const ImportIdentity& identity, const ImportProgress& progress,
                    file::EventSorter* sorter, Backend* backend);

// Keeps lines of a file that are no events.
class BadLineKeeper {
 public:
  BadLineKeeper(std::string file, Backend* backend);
  Status Add(int64_t line, const std::string& reason, std::string text);
  Status Finish();

 private:
  const std::string file_;
  Backend* const backend_;
  const Timestamp now_;
  std::vector<runtime::DeadLetter> letters_;
  size_t bytes_ = 0;
};

}  // namespace sojourn::cli
