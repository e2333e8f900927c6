#include "connectors/http/intake_body.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/model/cloud_event.h"
#include "engine/model/event_codec.h"
#include "engine/model/event_rules.h"
#include "engine/model/json_split.h"
#include "engine/model/json_writer.h"
#include "engine/model/sent_time.h"

namespace sojourn::http {
namespace {

using model::Event;
using model::JsonWriter;
using model::MapEntry;
using model::Value;
using model::ValueKind;

constexpr std::string_view kStructured = "application/cloudevents+json";
constexpr std::string_view kStructuredBatch = "application/cloudevents-batch+json";
constexpr std::string_view kAttributePrefix = "ce-";

// An event's protobuf form can be larger than its JSON, at most about this many times.
constexpr size_t kMaxGrowth = 4;

Status CheckEncodedSize(const Event& event, size_t json_bytes) {
  if (json_bytes * kMaxGrowth <= kMaxEventBytes) return Status::Ok();
  std::string encoded;
  model::EncodeEvent(event, nullptr, &encoded);
  if (encoded.size() <= kMaxEventBytes) return Status::Ok();
  return InvalidArgument(fmt::format("the event is over {} bytes", kMaxEventBytes));
}

bool IsGiven(const Value& call, std::string_view name) {
  const Value* value = call.Find(name);
  return value != nullptr && !value->is_null();
}

// Min() where it is none: a wrong one does not cost the event.
Timestamp SentAt(const Value& call) {
  const Value* value = call.Find("sentAt");
  if (value == nullptr) return Timestamp::Min();
  if (value->kind() == ValueKind::kInt) return model::GivenTime(value->int_value());
  if (value->kind() != ValueKind::kString) return Timestamp::Min();
  return ParseRfc3339(value->text()).value_or(Timestamp::Min());
}

void CorrectTimeOf(const Value& call, Timestamp batch_sent_at, Timestamp now, Event* event) {
  if (!IsGiven(call, "timestamp") && !IsGiven(call, "originalTimestamp")) return;
  const Timestamp own = SentAt(call);
  const Timestamp sent = own == Timestamp::Min() ? batch_sent_at : own;
  const Timestamp corrected = model::CorrectTime(event->time, sent, now);
  if (model::IsRepresentable(corrected)) event->time = corrected;
}

Value MergedMaps(const Value& low, const Value& high, Arena* arena) {
  MapEntry* entries = arena->AllocateArray<MapEntry>(low.size() + high.size());
  std::copy(low.entries(), low.entries() + low.size(), entries);
  std::copy(high.entries(), high.entries() + high.size(), entries + low.size());
  return Value::SortedMap(entries, low.size() + high.size());
}

// The call with the batch's context below its own.
Value WithContext(const Value& call, const Value& context, Arena* arena) {
  if (call.kind() != ValueKind::kMap || context.kind() != ValueKind::kMap) return call;
  const Value* own = call.Find("context");
  const bool has_own = own != nullptr && own->kind() == ValueKind::kMap;
  MapEntry* entry = arena->AllocateArray<MapEntry>(1);
  *entry = {Value::String("context"), has_own ? MergedMaps(context, *own, arena) : context};
  return MergedMaps(call, Value::Map(entry, 1), arena);
}

Response SuccessResponse(const IntakeBody& read) {
  JsonWriter json;
  json.BeginObject();
  json.Member("success", Value::Bool(true));
  if (!read.rejected.empty()) {
    json.Key("rejected");
    json.BeginArray();
    for (size_t i = 0; i < read.rejected.size(); ++i) {
      json.BeginObject();
      json.Member("index", Value::Int(static_cast<int64_t>(read.rejected_indexes[i])));
      json.Member("error", Value::String(read.rejected[i].reason));
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  return {200, json.Take() + "\n"};
}

// Of a body that is no batch, or no event.
void Refuse(const Status& why, std::string_view body, IntakeBody* read) {
  if (!body.empty()) read->rejected.push_back({why.message(), std::string(body)});
  const bool large = why.code() == StatusCode::kResourceExhausted;
  read->answer = ErrorResponse(large ? 413 : 400, why.message());
}

void Take(const Result<Event>& event, std::string_view body, IntakeBody* read) {
  if (!event.ok()) return Refuse(event.status(), body, read);
  read->events.push_back(*event);
  read->answer = SuccessResponse(*read);
}

void SetWriteKey(const Value& value, IntakeBody* read) {
  const Value* key = value.Find("writeKey");
  if (key != nullptr && key->kind() == ValueKind::kString) read->write_key = key->text();
}

Status CheckPerson(const Event& event) {
  return event.person.empty() ? InvalidArgument("neither userId nor anonymousId") : Status::Ok();
}

bool IsMedia(const Request& request, std::string_view type) {
  std::string_view given = request.Header("content-type").value_or("");
  given = given.substr(0, given.find(';'));
  given = given.substr(0, given.find_last_not_of(" \t") + 1);
  return EqualIgnoringCase(given, type);
}

}  // namespace

Status IntakeReader::CheckJsonSize(std::string_view json) const {
  if (json.size() <= limits_.max_event_bytes) return Status::Ok();
  return ResourceExhausted(fmt::format("the event is over {} bytes", limits_.max_event_bytes));
}

Result<Event> IntakeReader::ToEvent(std::string_view type, std::string_view json,
                                    const Envelope& envelope, Timestamp now, IntakeBody* read) {
  SOJOURN_RETURN_IF_ERROR(CheckJsonSize(json));
  const Result<Value> document = json_->Read(json, model::kMaxCallNesting, &read->arena);
  // Who sends one call alone may name its key there.
  if (!type.empty()) read->readable = document.ok();
  SOJOURN_RETURN_IF_ERROR(document.status());
  if (!type.empty()) SetWriteKey(*document, read);
  const Value call = WithContext(*document, envelope.context, &read->arena);
  SOJOURN_ASSIGN_OR_RETURN(Event event, model::EventFromCall(call, type, now, &read->arena));
  SOJOURN_RETURN_IF_ERROR(CheckPerson(event));
  CorrectTimeOf(call, envelope.sent_at, now, &event);
  event.received_at = now;
  SOJOURN_RETURN_IF_ERROR(CheckEncodedSize(event, json.size()));
  return event;
}

IntakeBody IntakeReader::ReadCall(std::string_view type, std::string_view body, Timestamp now) {
  IntakeBody read;
  Take(ToEvent(type, body, {}, now, &read), body, &read);
  return read;
}

void IntakeReader::ReadItems(const std::vector<std::string_view>& items,
                             const std::function<Result<Event>(std::string_view)>& to_event,
                             IntakeBody* read) {
  if (items.size() > limits_.max_batch_calls) {
    read->answer = ErrorResponse(413, fmt::format("over {} calls", limits_.max_batch_calls));
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const Result<Event> event = to_event(items[i]);
    if (event.ok()) {
      read->events.push_back(*event);
    } else {
      read->rejected_indexes.push_back(i);
      read->rejected.push_back({event.status().message(), std::string(items[i])});
    }
  }
  read->answer = SuccessResponse(*read);
  if (!read->events.empty() || read->rejected.empty()) return;
  read->answer = ErrorResponse(400, fmt::format("no call of the batch is an event; the first: {}",
                                                read->rejected.front().reason));
}

IntakeBody IntakeReader::ReadBatch(std::string_view body, Timestamp now) {
  IntakeBody read;
  const model::JsonItems calls = model::SplitMember(body, "batch");
  Envelope envelope;
  const Result<Value> around =
      json_->Read(calls.found ? model::WithoutItems(body, calls) : std::string(body),
                  model::kMaxCallNesting, &read.arena);
  read.readable = around.ok();
  if (around.ok()) {
    SetWriteKey(*around, &read);
    envelope.sent_at = SentAt(*around);
    if (const Value* context = around->Find("context")) envelope.context = *context;
  }
  if (!calls.found) {
    Refuse(around.ok() ? InvalidArgument("batch is no array") : around.status(), body, &read);
    return read;
  }
  ReadItems(
      calls.items, [&](std::string_view call) { return ToEvent("", call, envelope, now, &read); },
      &read);
  return read;
}

Result<Event> IntakeReader::StructuredEvent(std::string_view json, Timestamp now,
                                            IntakeBody* read) {
  SOJOURN_RETURN_IF_ERROR(CheckJsonSize(json));
  SOJOURN_ASSIGN_OR_RETURN(const Value document,
                           json_->Read(json, model::kMaxCloudEventNesting, &read->arena));
  SOJOURN_ASSIGN_OR_RETURN(
      Event event, model::EventFromStructuredCloudEvent(document, now, json_, &read->arena));
  SOJOURN_RETURN_IF_ERROR(CheckPerson(event));
  event.received_at = now;
  SOJOURN_RETURN_IF_ERROR(CheckEncodedSize(event, json.size()));
  return event;
}

Result<Event> IntakeReader::BinaryEvent(const Request& request, std::string_view body,
                                        Timestamp now, IntakeBody* read) {
  SOJOURN_RETURN_IF_ERROR(CheckJsonSize(body));
  model::CloudEventAttributes attributes;
  for (const auto& [name, value] : request.headers) {
    const std::string attribute = LowerCase(name);
    if (attribute == "content-type") attributes.Set("datacontenttype", read->arena.Copy(value));
    if (!attribute.starts_with(kAttributePrefix)) continue;
    const std::string text = DecodePercent(value);
    if (text.empty()) continue;
    attributes.Set(attribute.substr(kAttributePrefix.size()), read->arena.Copy(text));
  }
  SOJOURN_ASSIGN_OR_RETURN(
      Event event, model::EventFromBinaryCloudEvent(attributes, body, now, json_, &read->arena));
  SOJOURN_RETURN_IF_ERROR(CheckPerson(event));
  event.received_at = now;
  SOJOURN_RETURN_IF_ERROR(CheckEncodedSize(event, body.size()));
  return event;
}

IntakeBody IntakeReader::ReadCloudEvents(const Request& request, std::string_view body,
                                         Timestamp now) {
  IntakeBody read;
  if (IsMedia(request, kStructuredBatch)) {
    const model::JsonItems events = model::SplitArray(body);
    if (!events.found) {
      Refuse(InvalidArgument("no JSON array of CloudEvents"), body, &read);
    } else {
      ReadItems(
          events.items, [&](std::string_view event) { return StructuredEvent(event, now, &read); },
          &read);
    }
  } else if (IsMedia(request, kStructured)) {
    Take(StructuredEvent(body, now, &read), body, &read);
  } else if (request.Header("ce-specversion")) {
    Take(BinaryEvent(request, body, now, &read), body, &read);
  } else {
    read.answer = ErrorResponse(
        415, fmt::format("no CloudEvent: neither a header ce-specversion nor the type {} or {}",
                         kStructured, kStructuredBatch));
  }
  return read;
}

}  // namespace sojourn::http
