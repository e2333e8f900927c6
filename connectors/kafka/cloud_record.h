// CloudEvents in Kafka's protocol binding: binary (headers `ce_...` beside the data) or structured
// (the header content-type says application/cloudevents+json).
//
// Pure functions. What becomes what, and errors: engine/model/cloud_event.h.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/model/json_reader.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

using HeaderView = runtime::RecordHeader;

bool IsCloudRecord(std::span<const HeaderView> headers);

// nullopt: the record says nowhere that it is one.
std::optional<Result<model::Event>> DecodeCloudRecord(std::span<const HeaderView> headers,
                                                      std::string_view value, Timestamp log_time,
                                                      model::JsonReader* reader, Arena* arena);

}  // namespace sojourn::kafka
