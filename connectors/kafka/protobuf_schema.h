// A protobuf schema from a registry, at run time: its messages as the calls of Segment's API.
//
// Fields are known by their names, as written or in camel case:
//
//   user_id, customer_id           userId
//   anonymous_id                   anonymousId
//   message_id, event_id           messageId
//   event, event_name              event; none: the message's own name, "OrderPlaced" is
//                                  "Order Placed"
//   timestamp                      timestamp: a google.protobuf.Timestamp, a text, or milliseconds
//   properties, traits             the same, and beside one of them type and context, too
//
// Of a message without `properties` and `traits` every other field is a property, under its own
// name. Enums are their names, bytes base64, 64-bit numbers numbers; Struct, Value, wrappers and
// Timestamp are what they stand for. Fields that are not set are absent; those that cannot say so
// have their default.
//
// Threads: one owner at a time. Errors: kInvalidArgument, one line without the record's content.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace sojourn::kafka {

struct ProtobufSource {
  std::string name;  // as imports call it
  std::string text;
};

class ProtobufSchema {
 public:
  // `sources`: every file after those that it imports; the last one is the schema. Google's own
  // need not be among them.
  static Result<std::unique_ptr<ProtobufSchema>> Compile(std::span<const ProtobufSource> sources);
  ~ProtobufSchema();

  // The full name of a message; `indexes` as of the record's frame.
  Result<std::string> NameOf(std::span<const int> indexes) const;
  // A call as JSON.
  Result<std::string> ToCall(std::span<const int> indexes, std::string_view bytes) const;

 private:
  class Files;
  explicit ProtobufSchema(std::unique_ptr<Files> files);
  const std::unique_ptr<Files> files_;
};

}  // namespace sojourn::kafka
