// What every record must meet before a person is touched. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/strong.h"
#include "engine/model/event.h"
#include "engine/runtime/ports.h"

namespace sojourn::runtime {

struct Rejection {
  DeadLetterReason reason = DeadLetterReason::kUndecodable;
  std::string message;  // one line, without the record's content
};

// The brackets of an import: they belong to a partition, not to a person.
bool IsImportBracket(model::EventType type);

// Checks a decoded record against its key and place. nullopt: it may be applied to the person
// named by the key.
std::optional<Rejection> CheckRecord(std::string_view key, const model::Event& event,
                                     const InputDescription& input, Partition partition,
                                     int32_t partition_count);

}  // namespace sojourn::runtime
