// Bytes to an event and back: protobuf `sojourn.v1.Event` and the JSON of Segment's calls.
//
// Both formats end in the same event, so that a journey does not see which one brought it: maps are
// in canonical form, an event named "Identify" is an identify, and an event that names no time
// happened at its record's log time.
//
// Who it is about: the known id (`customer_id`, `userId`), else "a:" + the anonymous id, else
// nobody; then the record's key says it. JSON ids may be whole numbers and become their text.
//
// Segment's calls become: track its `event`; identify "Identify" with the traits (those of
// `context` below the call's own) as properties; page and screen "Page Viewed" and "Screen Viewed"
// with `name` and `category` among the properties; group "Group Joined" with the group's traits and
// `group_id`; alias "Alias" with `previous_id`. `context.traits` of other
// calls are the event's traits. The time is `timestamp`, else `originalTimestamp`: an RFC 3339 text
// or milliseconds. Everything else in a call is dropped.
//
// Errors: the Status's message is the reason of a dead letter, one line without the event's
// content. Refused are: malformed bytes, more than kMaxEventBytes (kMaxOwnEventBytes of what merges
// lead to), properties nested more than kMaxEventNesting deep (`properties` is the first level),
// texts that are not UTF-8, numbers that are not finite, times outside the years 1 to 9999, ids and
// names over their limits, known ids that begin with "a:".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/model/json_reader.h"

namespace sojourn::model {

enum class EventFormat : uint8_t { kJson, kProtobuf };

// 1 to kMaxPersonIdBytes bytes of UTF-8, and more than the bare anonymous prefix.
bool IsValidPersonId(std::string_view id);

// The deepest that a call's JSON may nest, so that its properties reach kMaxEventNesting.
inline constexpr int kMaxCallNesting = kMaxEventNesting + 1;

// A Segment call that is already read. `type` is the call's where the document names none ("" where
// it must, or has an `event` and is a track). The event points into `call` and `arena`.
Result<Event> EventFromCall(const Value& call, std::string_view type, Timestamp log_time,
                            Arena* arena);

// Threads: one owner; keeps its buffers, so hold one for many records.
class EventDecoder {
 public:
  // The event points into `bytes` and `arena`. `log_time` is the record's.
  Result<Event> Decode(EventFormat format, std::string_view bytes, Timestamp log_time,
                       Arena* arena);

 private:
  JsonReader json_;
  std::vector<MapEntry> stack_;
};

// Appends the event as protobuf. Equal events give equal bytes. Properties hold what events can:
// null, bool, int, double, string, timestamp, list and map; another kind is written as null.
void EncodeEvent(const Event& event, const EventOrigin* original, std::string* bytes);

// The origin written into a protobuf event, nullopt where there is none or the bytes are no event.
// Points into `bytes`.
std::optional<EventOrigin> ReadOrigin(std::string_view bytes);

// Whether a protobuf event is one that a merge led to: a record about it, or an event that was sent
// on. Whoever handles the others anew leads to these anew, too.
bool IsMadeByMerge(std::string_view bytes);

}  // namespace sojourn::model
