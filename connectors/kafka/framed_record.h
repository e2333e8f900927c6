// Records in the frame of Confluent's serializers: a zero, the schema's id in four bytes, for
// protobuf the message's place in its schema, then the message itself.
//
// JSON is a call of Segment's API. Protobuf is the product's own `sojourn.v1.Event`, or any message
// by its fields' names (protobuf_schema.h).
//
// Threads: one owner. Errors: kUnavailable: the registry must be asked and does not answer; the
// record is to be tried again later. Every other is the reason of a dead letter, without the
// record's content.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/protobuf_schema.h"
#include "connectors/kafka/schema_registry.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event_codec.h"

namespace sojourn::kafka {

struct Frame {
  int32_t schema_id = 0;
  std::string_view message;  // with its place, where it is protobuf
};

// No JSON and no protobuf begins with a zero.
bool IsFramed(std::string_view value);
std::optional<Frame> ReadFrame(std::string_view value);

// Takes the place of a protobuf message off the front: its index among its file's messages, then
// among that one's, and so on. nullopt: it is none.
std::optional<std::vector<int>> TakeMessageIndexes(std::string_view* message);

class FramedDecoder {
 public:
  // `registry` may be null: then every record is refused. What it has not is asked for again after
  // `missing_for`.
  explicit FramedDecoder(std::unique_ptr<SchemaRegistry> registry,
                         std::chrono::seconds missing_for = std::chrono::seconds(30))
      : registry_(std::move(registry)), missing_for_(missing_for) {}

  // The event points into `value` and `arena`.
  Result<model::Event> Decode(std::string_view value, Timestamp log_time, Arena* arena);

 private:
  struct Known {
    SchemaType type = SchemaType::kOther;
    std::unique_ptr<ProtobufSchema> protobuf;
    Status refusal;  // why records of this schema are none
  };

  Result<const Known*> Find(int32_t id);
  Status Compile(const RegisteredSchema& schema, Known* known);
  Status Collect(const RegisteredSchema& schema, int depth, std::vector<ProtobufSource>* sources);
  Result<model::Event> DecodeProtobuf(const ProtobufSchema& schema, std::string_view message,
                                      Timestamp log_time, Arena* arena);

  const std::unique_ptr<SchemaRegistry> registry_;
  const std::chrono::seconds missing_for_;
  std::map<int32_t, Known> known_;  // what the registry has; never more than that
  // Ids that it did not have, and until when that is believed.
  std::map<int32_t, std::chrono::steady_clock::time_point> missing_;
  model::EventDecoder decoder_;
  model::JsonReader json_;
};

}  // namespace sojourn::kafka
