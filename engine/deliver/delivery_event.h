// What became of a send, as the event that journeys read.
//
// Threads: a pure function.
#pragma once

#include "engine/base/arena.h"
#include "engine/deliver/delivery_log.h"
#include "engine/model/event.h"

namespace sojourn::deliver {

// Its texts point into `from`, its properties into `arena`.
model::Event ToEvent(const DeliveryEvent& from, Arena* arena);

}  // namespace sojourn::deliver
