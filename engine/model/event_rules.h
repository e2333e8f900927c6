// What holds for an event whatever format it came in; used by the decoders of event_codec.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/model/event.h"

namespace sojourn::model {

// The range that RFC 3339 can write: the years 1 to 9999.
bool IsRepresentable(Timestamp time);

// A number that stood for a time, never the "none" of an Event; what is out of range stays so.
constexpr Timestamp GivenTime(int64_t milliseconds) {
  return std::max(Timestamp(milliseconds), Timestamp::Min() + Milliseconds(1));
}

// Sets event->person and event->anonymous_id; either text may be empty.
Status SetPerson(std::string_view known, std::string_view anonymous, Arena* arena, Event* event);

// Judges id, name and time, and makes an event named "Identify" an identify.
Status FinishEvent(Timestamp log_time, Event* event);

// Whether only a server, a mail provider or an operator can know of what has this name.
bool IsForServersOnly(std::string_view name);

// How many lists and maps are inside each other, `value` itself counted.
int Nesting(const Value& value);

// Adds `traits` to an event of another type than identify, or to an identify's properties, below
// those already there.
void AddTraits(const Value& traits, Arena* arena, Event* event);

}  // namespace sojourn::model
