#include "engine/cli/dead_letters.h"

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "connectors/embedded/rows.h"
#include "engine/base/rfc3339.h"

namespace sojourn::cli {

std::string EncodeLetters(std::span<const runtime::DeadLetter> letters) {
  std::string bytes;
  for (const runtime::DeadLetter& letter : letters) {
    const std::string row = embedded::EncodeDeadLetter(letter);
    const auto size = static_cast<uint32_t>(row.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
    bytes.append(row);
  }
  return bytes;
}

Result<std::vector<runtime::DeadLetter>> DecodeLetters(std::string_view bytes) {
  std::vector<runtime::DeadLetter> letters;
  while (!bytes.empty()) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return DataLoss("dead letters are cut short");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes.remove_prefix(sizeof(size));
    if (bytes.size() < size) return DataLoss("dead letters are cut short");
    SOJOURN_ASSIGN_OR_RETURN(runtime::DeadLetter letter,
                             embedded::DecodeDeadLetter(bytes.substr(0, size)));
    letters.push_back(std::move(letter));
    bytes.remove_prefix(size);
  }
  return letters;
}

std::string LetterToJson(const runtime::DeadLetter& letter) {
  const nlohmann::ordered_json json = {{"time", FormatRfc3339(letter.log_time)},
                                       {"reason", runtime::DeadLetterReasonName(letter.reason)},
                                       {"message", letter.message},
                                       {"topic", letter.topic},
                                       {"partition", letter.partition.value()},
                                       {"offset", letter.offset.value()},
                                       {"key", letter.key},
                                       {"value", letter.value}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace sojourn::cli
