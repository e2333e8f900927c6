#include "connectors/kafka/record_decoder.h"

#include "connectors/kafka/cloud_record.h"
#include "engine/base/check.h"

namespace sojourn::kafka {

std::unique_ptr<SchemaRegistry> RegistryOf(const KafkaConfig& config) {
  const auto options = SchemaRegistryOptionsOf(config.properties);
  return options.ok() && *options ? MakeSchemaRegistry(**options) : nullptr;
}

Result<model::Event> RecordDecoder::Decode(std::span<const runtime::RecordHeader> headers,
                                           std::string_view value, model::EventFormat format,
                                           Timestamp log_time, Arena* arena) {
  if (auto cloud = DecodeCloudRecord(headers, value, log_time, &json_, arena)) {
    return *std::move(cloud);
  }
  if (IsFramed(value)) return framed_.Decode(value, log_time, arena);
  return plain_.Decode(format, value, log_time, arena);
}

InputDecoder::InputDecoder(const KafkaConfig& config, std::unique_ptr<SchemaRegistry> registry)
    : decoder_(std::move(registry)) {
  for (const InputTopic& input : config.inputs) formats_.push_back(input.format);
  formats_.push_back(model::EventFormat::kProtobuf);  // <app>.events
}

Result<model::Event> InputDecoder::Decode(const runtime::InputRecord& record, Arena* arena) {
  SOJOURN_CHECK(record.input < formats_.size());
  return decoder_.Decode(record.headers, record.value, formats_[record.input], record.log_time,
                         arena);
}

}  // namespace sojourn::kafka
