#include "connectors/http/intake_body.h"
#include "engine/base/ascii.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/base/base64.h"
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

// An event's protobuf form can be larger than its JSON, at most about this many times: `-1,` takes
// 13 bytes.
constexpr size_t kMaxGrowth = 5;

size_t EncodedSize(const Event& event) {
  std::string encoded;
  model::EncodeEvent(event, nullptr, &encoded);
  return encoded.size();
}

Status TooLarge() {
  return InvalidArgument(fmt::format("the event is over {} bytes", kMaxEventBytes));
}

Status CheckEncodedSize(const Event& event, size_t bytes) {
  if (bytes * kMaxGrowth <= kMaxEventBytes) return Status::Ok();
  return EncodedSize(event) <= kMaxEventBytes ? Status::Ok() : TooLarge();
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

Value MapOfOne(std::string_view key, const Value& value, Arena* arena) {
  MapEntry* entry = arena->AllocateArray<MapEntry>(1);
  *entry = {Value::String(key), value};
  return Value::Map(entry, 1);
}

// Traits of its own are in the place of the batch's.
bool SharesContext(const Value& call) {
  if (call.kind() != ValueKind::kMap) return false;
  const Value* own = call.Find("context");
  return own == nullptr || own->Find("traits") == nullptr;
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

// Of a batch that becomes too much: nothing of it is taken.
void RefuseAll(const IntakeLimits& limits, IntakeBody* read) {
  read->events.clear();
  read->rejected.clear();
  read->rejected_indexes.clear();
  read->answer = ErrorResponse(413, fmt::format("the calls and the context that they share are "
                                                "over {} bytes",
                                                MaxRequestBytes(limits)));
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

Status IntakeReader::FinishEvent(size_t bytes, Timestamp now, Event* event) const {
  if (event->person.empty()) return InvalidArgument("neither userId nor anonymousId");
  if (sender_ == Sender::kPublic && model::IsForServersOnly(event->name)) {
    return InvalidArgument(fmt::format(
        "\"{}\" is for servers to report, with a write key that is not public", event->name));
  }
  event->received_at = now;
  return CheckEncodedSize(*event, bytes);
}

bool IntakeReader::IsStranger(const IntakeBody& around) {
  sender_ = judge_(around);
  return sender_ == Sender::kStranger;
}

Result<Value> IntakeReader::ReadDocument(std::string_view json, int max_nesting, IntakeBody* read) {
  SOJOURN_RETURN_IF_ERROR(CheckJsonSize(json));
  return json_->Read(json, max_nesting, &read->arena);
}

Result<Event> IntakeReader::ToEvent(std::string_view type, const Value& document, size_t json_bytes,
                                    const Envelope& envelope, Timestamp now, IntakeBody* read) {
  Value call = document;
  size_t bytes = json_bytes;
  if (!envelope.context.is_null() && SharesContext(document)) {
    bytes += envelope.context_bytes;
    // Copying it for each of many calls to see the same would be dear.
    if (envelope.context_bytes > kMaxEventBytes) return TooLarge();
    call = MergedMaps(call, MapOfOne("context", envelope.context, &read->arena), &read->arena);
  }
  read->bytes += bytes;
  SOJOURN_ASSIGN_OR_RETURN(Event event, model::EventFromCall(call, type, now, &read->arena));
  CorrectTimeOf(call, envelope.sent_at, now, &event);
  SOJOURN_RETURN_IF_ERROR(FinishEvent(bytes, now, &event));
  return event;
}

// Who sends one call alone may name its key there.
IntakeBody IntakeReader::ReadCall(std::string_view type, std::string_view body, Timestamp now) {
  IntakeBody read;
  const Result<Value> document = ReadDocument(body, model::kMaxCallNesting, &read);
  read.readable = document.ok() || document.status().code() == StatusCode::kResourceExhausted;
  if (document.ok()) SetWriteKey(*document, &read);
  if (IsStranger(read)) return read;
  Take(document.ok() ? ToEvent(type, *document, body.size(), {}, now, &read) : document.status(),
       body, &read);
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
    if (read->bytes > MaxRequestBytes(limits_)) return RefuseAll(limits_, read);
  }
  read->answer = SuccessResponse(*read);
  if (!read->events.empty() || read->rejected.empty()) return;
  read->answer = ErrorResponse(400, fmt::format("no call of the batch is an event; the first: {}",
                                                read->rejected.front().reason));
}

IntakeReader::Envelope IntakeReader::ReadEnvelope(const Result<Value>& around,
                                                  IntakeBody* read) const {
  Envelope envelope;
  read->readable = around.ok();
  if (!around.ok()) return envelope;
  SetWriteKey(*around, read);
  envelope.sent_at = SentAt(*around);
  const Value* context = around->Find("context");
  const Value* traits = context == nullptr ? nullptr : context->Find("traits");
  if (traits == nullptr || traits->is_null()) return envelope;
  envelope.context = MapOfOne("traits", *traits, &read->arena);
  Event event;
  event.traits = *traits;
  if (traits->kind() == ValueKind::kMap) envelope.context_bytes = EncodedSize(event);
  return envelope;
}

IntakeBody IntakeReader::ReadBatch(std::string_view body, Timestamp now) {
  IntakeBody read;
  const model::JsonItems calls = model::SplitMember(body, "batch");
  const Result<Value> around =
      json_->Read(calls.found ? model::WithoutItems(body, calls) : std::string(body),
                  model::kMaxCallNesting, &read.arena);
  const Envelope envelope = ReadEnvelope(around, &read);
  if (IsStranger(read)) return read;
  if (!calls.found) {
    Refuse(around.ok() ? InvalidArgument("batch is no array") : around.status(), body, &read);
    return read;
  }
  const auto to_event = [&](std::string_view call) -> Result<Event> {
    SOJOURN_ASSIGN_OR_RETURN(const Value document,
                             ReadDocument(call, model::kMaxCallNesting, &read));
    return ToEvent("", document, call.size(), envelope, now, &read);
  };
  ReadItems(calls.items, to_event, &read);
  return read;
}

Result<Event> IntakeReader::StructuredEvent(std::string_view json, Timestamp now,
                                            IntakeBody* read) {
  SOJOURN_ASSIGN_OR_RETURN(const Value document,
                           ReadDocument(json, model::kMaxCloudEventNesting, read));
  SOJOURN_ASSIGN_OR_RETURN(
      Event event, model::EventFromStructuredCloudEvent(document, now, json_, &read->arena));
  SOJOURN_RETURN_IF_ERROR(FinishEvent(json.size(), now, &event));
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
  SOJOURN_RETURN_IF_ERROR(FinishEvent(body.size(), now, &event));
  return event;
}

// So that whoever mends it has the attributes, and can send it again as one text.
std::string IntakeReader::StructuredForm(const Request& request, std::string_view body,
                                         IntakeBody* read) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : request.headers) {
    const std::string attribute = LowerCase(name);
    if (attribute == "content-type") json.Member("datacontenttype", Value::String(value));
    if (!attribute.starts_with(kAttributePrefix)) continue;
    json.Member(attribute.substr(kAttributePrefix.size()), Value::String(DecodePercent(value)));
  }
  if (json_->Read(body, model::kMaxCloudEventNesting, &read->arena).ok()) {
    json.Key("data");
    json.WriteJson(body);
  } else if (!body.empty()) {
    json.Member("data_base64", Value::String(EncodeBase64(body)));
  }
  json.EndObject();
  return json.Take();
}

IntakeBody IntakeReader::ReadCloudEvents(const Request& request, std::string_view body,
                                         Timestamp now) {
  IntakeBody read;
  if (IsStranger(read)) return read;
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
    const Result<Event> event = BinaryEvent(request, body, now, &read);
    Take(event, event.ok() ? "" : StructuredForm(request, body, &read), &read);
  } else {
    read.answer = ErrorResponse(
        415, fmt::format("no CloudEvent: neither a header ce-specversion nor the type {} or {}",
                         kStructured, kStructuredBatch));
  }
  return read;
}

}  // namespace sojourn::http
