// All that a partition's log holds: its parts, merged by log time as the task merges them, of
// records with the same time those of the part with the smaller number first.
//
// Threads: one owner. Memory: some thousand events of each part. Errors: those of
// Backend::ScanLog; after one the object is of no more use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/cli/backend.h"

namespace sojourn::cli {

class PartitionLog {
 public:
  // Begins where the log does. `backend` outlives this.
  static Result<PartitionLog> Open(Partition partition, Backend* backend);

  // `input`: which of the partition's parts. The event's views live for the call.
  using Visitor = std::function<Status(size_t input, const LoggedEvent&)>;
  // From where it stands to where each part ends now. An error of `visit` ends the reading with it.
  Status ReadOn(const Visitor& visit);

  // Whether a part began behind its first record ever when it was first read.
  bool lost_its_past() const { return lost_its_past_; }

 private:
  struct Record {
    Offset offset;
    Timestamp log_time;
    std::string person;
    std::string bytes;
  };
  struct Input {
    int32_t part = 0;
    std::string topic;
    Offset next;
    std::deque<Record> ahead;
    bool ended = false;
  };

  PartitionLog(Partition partition, Backend* backend) : partition_(partition), backend_(backend) {}
  Status ReadAhead(Input* input);
  Status FillUp();
  Input* Earliest();

  Partition partition_;
  Backend* backend_;
  std::vector<Input> inputs_;
  bool lost_its_past_ = false;
};

}  // namespace sojourn::cli
