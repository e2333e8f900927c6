#include "connectors/kafka/dead_letter.h"

#include "connectors/kafka/config.h"

namespace sojourn::kafka {

DeadLetterRecord RecordOf(const runtime::DeadLetter& letter) {
  // Room for key, headers and frame beside a dead letter's value.
  constexpr size_t kFrameBytes = 64 * 1024;
  DeadLetterRecord record{letter.key, letter.value, {}};
  record.headers = {{"reason", std::string(runtime::DeadLetterReasonName(letter.reason))},
                    {"message", letter.message},
                    {"topic", letter.topic},
                    {"partition", std::to_string(letter.partition.value())},
                    {"offset", std::to_string(letter.offset.value())},
                    {"log_time", std::to_string(letter.log_time.milliseconds())}};
  if (letter.key.size() + letter.value.size() + kFrameBytes > kMaxRecordBytes) {
    record.headers.emplace_back("value", "omitted");
    record.value = "";
    if (letter.key.size() + kFrameBytes > kMaxRecordBytes) record.key = "";
  }
  return record;
}

}  // namespace sojourn::kafka
