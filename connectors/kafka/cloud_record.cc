#include "connectors/kafka/cloud_record.h"

#include <fmt/format.h>

#include "engine/base/ascii.h"
#include "engine/base/limits.h"
#include "engine/model/cloud_event.h"

namespace sojourn::kafka {
namespace {

constexpr std::string_view kAttributePrefix = "ce_";
constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kCloudEvents = "application/cloudevents";

bool StartsWithIgnoringCase(std::string_view text, std::string_view beginning) {
  return EqualIgnoringCase(text.substr(0, beginning.size()), beginning);
}

Result<model::Event> DecodeStructured(std::string_view content_type, std::string_view value,
                                      Timestamp log_time, model::JsonReader* reader, Arena* arena) {
  const std::string_view format =
      content_type.substr(0, content_type.find(';')).substr(kCloudEvents.size());
  if (!StartsWithIgnoringCase(format, "+json")) {
    return InvalidArgument(
        "a CloudEvent of another form than binary or application/cloudevents+json: one record is "
        "one event");
  }
  SOJOURN_ASSIGN_OR_RETURN(const model::Value document,
                           reader->Read(value, model::kMaxCloudEventNesting, arena));
  return model::EventFromStructuredCloudEvent(document, log_time, reader, arena);
}

struct CloudHeaders {
  model::CloudEventAttributes attributes;
  std::string_view content_type;
  bool binary = false;
  bool structured() const { return StartsWithIgnoringCase(content_type, kCloudEvents); }
};

CloudHeaders ReadHeaders(std::span<const HeaderView> headers) {
  CloudHeaders read;
  for (const auto& [name, text] : headers) {
    if (EqualIgnoringCase(name, kContentType)) read.content_type = text;
    if (!StartsWithIgnoringCase(name, kAttributePrefix)) continue;
    (void)read.attributes.Set(name.substr(kAttributePrefix.size()), text);
    read.binary = read.binary || EqualIgnoringCase(name, "ce_specversion");
  }
  return read;
}

}  // namespace

bool IsCloudRecord(std::span<const HeaderView> headers) {
  const CloudHeaders read = ReadHeaders(headers);
  return read.binary || read.structured();
}

std::optional<Result<model::Event>> DecodeCloudRecord(std::span<const HeaderView> headers,
                                                      std::string_view value, Timestamp log_time,
                                                      model::JsonReader* reader, Arena* arena) {
  CloudHeaders read = ReadHeaders(headers);
  if (!read.structured() && !read.binary) return std::nullopt;
  if (value.size() > kMaxEventBytes) {
    return InvalidArgument(fmt::format("over {} bytes", kMaxEventBytes));
  }
  if (read.structured()) {
    return DecodeStructured(read.content_type, value, log_time, reader, arena);
  }
  read.attributes.datacontenttype = read.content_type;
  return model::EventFromBinaryCloudEvent(read.attributes, value, log_time, reader, arena);
}

}  // namespace sojourn::kafka
