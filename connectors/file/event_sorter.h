// Sorts imported events by time within a memory bound: runs on disk, merged at the end.
//
// The order is (time, line), so that it is the same every time, and a person's events of one moment
// stay as the file has them. Threads: one owner. Ownership: the directory's files are the sorter's
// and go with it. Errors: kResourceExhausted for a full disk, kUnavailable for other trouble with
// the directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::file {

struct SortableEvent {
  Timestamp time;
  int64_t line = 0;
  int64_t part = 0;  // of the line: an identify before the event of the same row
  std::string person;
  std::string bytes;  // protobuf sojourn.v1.Event
};

class EventSorter {
 public:
  // `directory` must exist; used only beyond `memory_bytes`.
  EventSorter(std::string directory, size_t memory_bytes);
  ~EventSorter();
  EventSorter(const EventSorter&) = delete;
  EventSorter& operator=(const EventSorter&) = delete;

  Status Add(SortableEvent event);
  // After the last Add, before the first Next.
  Status Finish();
  // False at the end.
  Result<bool> Next(SortableEvent* event);

  int64_t count() const { return count_; }
  Timestamp first_time() const { return first_time_; }
  Timestamp last_time() const { return last_time_; }
  size_t runs_on_disk() const { return runs_.size(); }

 private:
  class Run;
  Status Spill();

  const std::string directory_;
  const size_t memory_bytes_;
  size_t used_bytes_ = 0;
  int64_t count_ = 0;
  Timestamp first_time_ = Timestamp::Max();
  Timestamp last_time_ = Timestamp::Min();
  std::vector<SortableEvent> events_;  // the run being collected, or the last one, in memory
  size_t next_in_memory_ = 0;
  std::vector<std::unique_ptr<Run>> runs_;
};

}  // namespace sojourn::file
