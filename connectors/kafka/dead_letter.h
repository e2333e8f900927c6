// What a dead letter looks like in `<app>.dead-letters`: the record as it came, with headers that
// say why it is there and where it stood: `reason`, `message`, `topic`, `partition`, `offset`,
// `log_time` (milliseconds).
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/runtime/ports.h"

namespace sojourn::kafka {

// Views point into the dead letter.
struct DeadLetterRecord {
  std::string_view key;
  std::string_view value;
  std::vector<std::pair<std::string, std::string>> headers;
};

// What is too long for a record is left out, and `value: omitted` says so.
DeadLetterRecord RecordOf(const runtime::DeadLetter& letter);

}  // namespace sojourn::kafka
