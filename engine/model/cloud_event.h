// CloudEvents 1.0 as events, whatever brought them: HTTP or Kafka, binary or structured.
//
// What becomes what:
//
//   type        the event's name, as it stands
//   subject     the person's id; where there is none, `userId` of the data, else "a:" and its
//               `anonymousId`, else nobody: then the record's key says it
//   source, id  the event's id, "SOURCE#ID": ids are unique within their source only. A longer one
//               than an event's id may be becomes the SHA-256 of the two
//   time        the event's time; none: when it came
//   data        the properties, `userId` and `anonymousId` among them; an
//               object, or nothing. Of the type "Identify" they are
//               traits
//
// Every other attribute is dropped. Data is JSON: `datacontenttype` is absent, application/json,
// text/json or ends with "+json".
//
// Errors: as those of EventDecoder (event_codec.h), and where specversion is none of 1.x, or id,
// source or type is missing. Threads: any.
#pragma once

#include <string_view>

#include "engine/base/arena.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/model/json_reader.h"

namespace sojourn::model {

// Empty: absent. Views of what the caller has.
struct CloudEventAttributes {
  std::string_view specversion;
  std::string_view id;
  std::string_view source;
  std::string_view type;
  std::string_view subject;
  std::string_view time;  // RFC 3339
  std::string_view datacontenttype;

  // Sets the attribute of that name; false where it is one that does not matter here.
  bool Set(std::string_view name, std::string_view value);
};

// The deepest that a structured event's JSON may nest, so that data reaches kMaxEventNesting.
inline constexpr int kMaxCloudEventNesting = kMaxEventNesting + 1;

// Data that is already read; null: none. The event points into all of it and into `arena`.
Result<Event> EventFromCloudEvent(const CloudEventAttributes& attributes, const Value& data,
                                  Timestamp log_time, Arena* arena);

// Binary mode: attributes beside the data's bytes. `reader` is used for the data.
Result<Event> EventFromBinaryCloudEvent(const CloudEventAttributes& attributes,
                                        std::string_view data, Timestamp log_time,
                                        JsonReader* reader, Arena* arena);

// Structured mode: one JSON object with the attributes and `data` or `data_base64`, already read.
// `reader` is used for what data_base64 holds.
Result<Event> EventFromStructuredCloudEvent(const Value& document, Timestamp log_time,
                                            JsonReader* reader, Arena* arena);

}  // namespace sojourn::model
