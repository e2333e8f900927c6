// A record of others as an event, in whatever form it says that it is: a CloudEvent by its headers,
// in the frame of a schema registry by its first byte, else in its topic's format. The one decoder
// of routed topics and of inputs.
//
// Threads: one owner. Errors: kUnavailable: the schema registry must be asked and has not answered;
// the record is to be tried again later. Every other is the reason of a dead letter, without the
// record's content.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/framed_record.h"
#include "connectors/kafka/schema_registry.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event_codec.h"
#include "engine/model/json_reader.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

// Null where the configuration, which has been validated, names none.
std::unique_ptr<SchemaRegistry> RegistryOf(const KafkaConfig& config);

class RecordDecoder {
 public:
  // `registry` may be null: records in its frame are refused.
  explicit RecordDecoder(std::unique_ptr<SchemaRegistry> registry) : framed_(std::move(registry)) {}

  // The event points into `headers`, `value` and `arena`. `format`: of what says nothing else of
  // itself.
  Result<model::Event> Decode(std::span<const runtime::RecordHeader> headers,
                              std::string_view value, model::EventFormat format, Timestamp log_time,
                              Arena* arena);

 private:
  model::EventDecoder plain_;
  FramedDecoder framed_;
  model::JsonReader json_;
};

// RecordDecoder for the inputs of a worker.
class InputDecoder final : public runtime::Decoder {
 public:
  // `registry`: as of RecordDecoder; it should not keep the worker waiting (schema_lookup.h).
  InputDecoder(const KafkaConfig& config, std::unique_ptr<SchemaRegistry> registry);

  Result<model::Event> Decode(const runtime::InputRecord& record, Arena* arena) override;

 private:
  std::vector<model::EventFormat> formats_;  // by input
  RecordDecoder decoder_;
};

}  // namespace sojourn::kafka
