#include "engine/model/cloud_event.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "engine/base/base64.h"
#include "engine/base/hash.h"
#include "engine/base/rfc3339.h"
#include "engine/base/utf8.h"
#include "engine/model/event_codec.h"
#include "engine/model/event_rules.h"

namespace sojourn::model {
namespace {

bool IsJson(std::string_view type) {
  type = type.substr(0, type.find(';'));
  type = type.substr(0, type.find_last_not_of(' ') + 1);
  std::string lower(type);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower.empty() || lower == "application/json" || lower == "text/json" ||
         lower.ends_with("+json");
}

Status CheckAttributes(const CloudEventAttributes& attributes) {
  if (attributes.specversion.empty())
    return InvalidArgument("no CloudEvent: specversion is missing");
  if (!attributes.specversion.starts_with("1.")) {
    return InvalidArgument("only CloudEvents of specversion 1.0 are understood");
  }
  if (attributes.id.empty()) return InvalidArgument("the CloudEvent has no id");
  if (attributes.source.empty()) return InvalidArgument("the CloudEvent has no source");
  if (attributes.type.empty()) return InvalidArgument("the CloudEvent has no type");
  if (!IsJson(attributes.datacontenttype)) {
    return InvalidArgument("the CloudEvent's datacontenttype is not JSON");
  }
  for (const std::string_view text :
       {attributes.id, attributes.source, attributes.type, attributes.subject}) {
    if (!IsValidUtf8(text)) return InvalidArgument("invalid UTF-8");
  }
  return Status::Ok();
}

std::string_view EventId(const CloudEventAttributes& attributes, Arena* arena) {
  const std::string id = fmt::format("{}#{}", attributes.source, attributes.id);
  if (id.size() <= kMaxEventIdBytes) return arena->Copy(id);
  std::string digits;
  for (const uint8_t byte : Sha256(id)) digits += fmt::format("{:02x}", byte);
  return arena->Copy(digits);
}

// A member of the data that names the person; whole numbers become their text.
Result<std::string_view> PersonMember(const Value& data, std::string_view name, Arena* arena) {
  const Value* value = data.Find(name);
  if (value == nullptr || value->is_null()) return std::string_view();
  if (value->kind() == ValueKind::kString) return value->text();
  if (value->kind() == ValueKind::kInt) {
    return arena->Copy(fmt::format_int(value->int_value()).str());
  }
  return InvalidArgument(fmt::format("{} of the data is no text", name));
}

Status SetPersonOf(const CloudEventAttributes& attributes, const Value& data, Arena* arena,
                   Event* event) {
  std::string_view known = attributes.subject;
  if (known.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(known, PersonMember(data, "userId", arena));
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string_view anonymous,
                           PersonMember(data, "anonymousId", arena));
  return SetPerson(known, anonymous, arena, event);
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

}  // namespace

bool CloudEventAttributes::Set(std::string_view name, std::string_view value) {
  struct Known {
    std::string_view name;
    std::string_view CloudEventAttributes::*member;
  };
  static constexpr Known kKnown[] = {
      {"specversion", &CloudEventAttributes::specversion},
      {"id", &CloudEventAttributes::id},
      {"source", &CloudEventAttributes::source},
      {"type", &CloudEventAttributes::type},
      {"subject", &CloudEventAttributes::subject},
      {"time", &CloudEventAttributes::time},
      {"datacontenttype", &CloudEventAttributes::datacontenttype},
  };
  for (const Known& known : kKnown) {
    if (known.name != name) continue;
    this->*known.member = value;
    return true;
  }
  return false;
}

Result<Event> EventFromCloudEvent(const CloudEventAttributes& attributes, const Value& data,
                                  Timestamp log_time, Arena* arena) {
  SOJOURN_RETURN_IF_ERROR(CheckAttributes(attributes));
  if (!data.is_null() && data.kind() != ValueKind::kMap) {
    return InvalidArgument("the CloudEvent's data is no JSON object");
  }
  if (Nesting(data) > kMaxEventNesting) {
    return InvalidArgument(fmt::format("nested more than {} deep", kMaxEventNesting));
  }
  Event event;
  event.id = EventId(attributes, arena);
  event.name = attributes.type;
  event.properties = data;
  SOJOURN_RETURN_IF_ERROR(SetPersonOf(attributes, data, arena, &event));
  if (!attributes.time.empty()) {
    const auto time = ParseRfc3339(attributes.time);
    if (!time) return InvalidArgument("time is no RFC 3339 time such as 2026-03-02T09:00:00Z");
    event.time = *time;
  }
  SOJOURN_RETURN_IF_ERROR(FinishEvent(log_time, &event));
  return event;
}

Result<Event> EventFromBinaryCloudEvent(const CloudEventAttributes& attributes,
                                        std::string_view data, Timestamp log_time,
                                        JsonReader* reader, Arena* arena) {
  SOJOURN_RETURN_IF_ERROR(CheckAttributes(attributes));
  Value value;
  if (!IsBlank(data)) {
    SOJOURN_ASSIGN_OR_RETURN(value, reader->Read(data, kMaxEventNesting, arena));
  }
  return EventFromCloudEvent(attributes, value, log_time, arena);
}

Result<Event> EventFromStructuredCloudEvent(const Value& document, Timestamp log_time,
                                            JsonReader* reader, Arena* arena) {
  if (document.kind() != ValueKind::kMap) return InvalidArgument("no JSON object");
  CloudEventAttributes attributes;
  for (uint32_t i = 0; i < document.size(); ++i) {
    const auto& [key, value] = document.entries()[i];
    if (value.is_null()) continue;
    if (value.kind() == ValueKind::kString) {
      attributes.Set(key.text(), value.text());
    } else if (CloudEventAttributes().Set(key.text(), "")) {
      return InvalidArgument(fmt::format("{} is no text", key.text()));
    }
  }
  const Value* data = document.Find("data");
  const Value* encoded = document.Find("data_base64");
  if (data != nullptr || encoded == nullptr || encoded->is_null()) {
    return EventFromCloudEvent(attributes, data == nullptr ? Value() : *data, log_time, arena);
  }
  const auto bytes =
      encoded->kind() == ValueKind::kString ? DecodeBase64(encoded->text()) : std::nullopt;
  if (!bytes) return InvalidArgument("data_base64 is no Base64");
  return EventFromBinaryCloudEvent(attributes, *bytes, log_time, reader, arena);
}

}  // namespace sojourn::model
