// The headers of a record as the library holds them.
//
// Threads: pure function. The views live as long as the message.
#pragma once

#include <librdkafka/rdkafka.h>

#include <vector>

#include "engine/runtime/ports.h"

namespace sojourn::kafka {

std::vector<runtime::RecordHeader> HeadersOf(const rd_kafka_message_t& message);

}  // namespace sojourn::kafka
