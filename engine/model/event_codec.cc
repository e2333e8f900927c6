#include "engine/model/event_codec.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "engine/base/limits.h"
#include "engine/base/utf8.h"
#include "engine/model/event_rules.h"
#include "engine/model/wire_reader.h"
#include "proto/sojourn/v1/event.pb.h"

namespace sojourn::model {
namespace {

using Type = WireReader::Type;

bool ParseOrigin(std::string_view bytes, EventOrigin* origin) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, Type::kBytes)) {
      if (!IsValidUtf8(reader.bytes())) return false;
      origin->place.topic = reader.bytes();
    } else if (reader.Is(2, Type::kVarint)) {
      origin->place.partition = Partition(static_cast<int32_t>(reader.int64()));
    } else if (reader.Is(3, Type::kVarint)) {
      origin->place.offset = Offset(reader.int64());
    } else if (reader.Is(4, Type::kVarint)) {
      origin->log_time = Timestamp(reader.int64());
    }
  }
  return !reader.malformed();
}

// On the wire 0 means "none was given", so the first millisecond of 1970 stands as the second.
Timestamp TimeOnWire(int64_t number) { return number == 0 ? Timestamp::Min() : GivenTime(number); }

int64_t OnWire(Timestamp time) {
  if (time == Timestamp::Min()) return 0;
  return time == Timestamp() ? 1 : time.milliseconds();
}

// One protobuf event's way to a model::Event. Each method is false after it has set `error`.
class ProtobufWalk {
 public:
  ProtobufWalk(Arena* arena, std::vector<MapEntry>* stack) : arena_(arena), stack_(stack) {}

  bool ReadEvent(std::string_view bytes, Event* event, std::string_view* known,
                 std::string_view* anonymous) {
    stack_->clear();
    std::vector<MapEntry>& traits = traits_;
    WireReader reader(bytes);
    while (reader.Next()) {
      if (reader.Is(1, Type::kBytes)) {
        if (!ReadText(reader.bytes(), &event->id)) return false;
      } else if (reader.Is(2, Type::kBytes)) {
        if (!ReadText(reader.bytes(), known)) return false;
      } else if (reader.Is(3, Type::kBytes)) {
        if (!ReadText(reader.bytes(), anonymous)) return false;
      } else if (reader.Is(4, Type::kBytes)) {
        if (!ReadText(reader.bytes(), &event->name)) return false;
      } else if (reader.Is(5, Type::kVarint)) {
        event->time = TimeOnWire(reader.int64());
      } else if (reader.Is(6, Type::kVarint)) {
        event->received_at = TimeOnWire(reader.int64());
      } else if (reader.Is(7, Type::kBytes)) {
        if (!ReadEntry(reader.bytes(), 1, stack_)) return false;
      } else if (reader.Is(8, Type::kVarint)) {
        if (!ReadType(reader.varint(), &event->type)) return false;
      } else if (reader.Is(9, Type::kBytes)) {
        if (!ReadEntry(reader.bytes(), 1, &traits)) return false;
      } else if (reader.Is(10, Type::kVarint)) {
        event->historical = reader.varint() != 0;
      } else if (reader.Is(11, Type::kBytes)) {
        auto* origin = arena_->AllocateArray<EventOrigin>(1);
        if (!ParseOrigin(reader.bytes(), origin)) return Fail("malformed protobuf");
        event->original = origin;
      } else if (reader.Is(12, Type::kVarint)) {
        event->redirects = static_cast<uint32_t>(reader.varint());
      } else if (reader.Is(13, Type::kBytes)) {
        event->person_record = reader.bytes();
      }
    }
    if (reader.malformed()) return Fail("malformed protobuf");
    event->properties = TakeMap(0, stack_);
    event->traits = TakeMap(0, &traits);
    return true;
  }

  std::string error;

 private:
  bool Fail(std::string reason) {
    error = std::move(reason);
    return false;
  }

  bool ReadText(std::string_view bytes, std::string_view* text) {
    *text = bytes;
    return IsValidUtf8(bytes) || Fail("invalid UTF-8");
  }

  bool ReadType(uint64_t number, EventType* type) {
    switch (number) {
      case v1::EVENT_TYPE_TRACK:
        *type = EventType::kTrack;
        return true;
      case v1::EVENT_TYPE_IDENTIFY:
        *type = EventType::kIdentify;
        return true;
      case v1::EVENT_TYPE_ENROLL:
        *type = EventType::kEnroll;
        return true;
      case v1::EVENT_TYPE_IMPORT_BEGIN:
        *type = EventType::kImportBegin;
        return true;
      case v1::EVENT_TYPE_IMPORT_END:
        *type = EventType::kImportEnd;
        return true;
      case v1::EVENT_TYPE_BACKFILL_BEGIN:
        *type = EventType::kBackfillBegin;
        return true;
      case v1::EVENT_TYPE_BACKFILL:
        *type = EventType::kBackfill;
        return true;
      case v1::EVENT_TYPE_MERGE_ASKED:
        *type = EventType::kMergeAsked;
        return true;
      case v1::EVENT_TYPE_MERGED_STATE:
        *type = EventType::kMergedState;
        return true;
      case v1::EVENT_TYPE_MERGE_UNDONE:
        *type = EventType::kMergeUndone;
        return true;
      case v1::EVENT_TYPE_MERGE_REFUSED:
        *type = EventType::kMergeRefused;
        return true;
      default:
        return Fail("unknown type of event");
    }
  }

  // A map's entry onto `stack`; `depth` is the map's.
  bool ReadEntry(std::string_view bytes, int depth, std::vector<MapEntry>* stack) {
    std::string_view key;
    Value value;
    WireReader reader(bytes);
    while (reader.Next()) {
      if (reader.Is(1, Type::kBytes) && !ReadText(reader.bytes(), &key)) return false;
      if (reader.Is(2, Type::kBytes) && !ReadValue(reader.bytes(), depth, &value)) return false;
    }
    if (reader.malformed()) return Fail("malformed protobuf");
    stack->push_back({Value::String(key), value});
    return true;
  }

  bool ReadValue(std::string_view bytes, int depth, Value* value) {
    *value = Value();
    WireReader reader(bytes);
    while (reader.Next()) {
      if (reader.Is(1, Type::kVarint)) {
        *value = Value::Bool(reader.varint() != 0);
      } else if (reader.Is(2, Type::kVarint)) {
        *value = Value::Int(reader.int64());
      } else if (reader.Is(3, Type::kFixed64)) {
        if (!std::isfinite(reader.float64())) return Fail("a number is not finite");
        *value = Value::Double(reader.float64());
      } else if (reader.Is(4, Type::kBytes)) {
        std::string_view text;
        if (!ReadText(reader.bytes(), &text)) return false;
        *value = Value::String(text);
      } else if (reader.Is(5, Type::kVarint)) {
        const Timestamp time(reader.int64());
        if (!IsRepresentable(time)) return Fail("a time is out of range");
        *value = Value::Time(time);
      } else if (reader.Is(6, Type::kBytes)) {
        if (!ReadList(reader.bytes(), depth + 1, value)) return false;
      } else if (reader.Is(7, Type::kBytes)) {
        if (!ReadMap(reader.bytes(), depth + 1, value)) return false;
      }
    }
    return !reader.malformed() || Fail("malformed protobuf");
  }

  bool ReadList(std::string_view bytes, int depth, Value* value) {
    if (depth > kMaxEventNesting) return FailNesting();
    const size_t begin = stack_->size();
    WireReader reader(bytes);
    while (reader.Next()) {
      if (!reader.Is(1, Type::kBytes)) continue;
      Value item;
      if (!ReadValue(reader.bytes(), depth, &item)) return false;
      stack_->push_back({Value(), item});
    }
    const size_t count = stack_->size() - begin;
    Value* items = arena_->AllocateArray<Value>(count);
    for (size_t i = 0; i < count; ++i) items[i] = (*stack_)[begin + i].value;
    stack_->resize(begin);
    *value = Value::List(items, static_cast<uint32_t>(count));
    return !reader.malformed() || Fail("malformed protobuf");
  }

  bool ReadMap(std::string_view bytes, int depth, Value* value) {
    if (depth > kMaxEventNesting) return FailNesting();
    const size_t begin = stack_->size();
    WireReader reader(bytes);
    while (reader.Next()) {
      if (reader.Is(1, Type::kBytes) && !ReadEntry(reader.bytes(), depth, stack_)) return false;
    }
    *value = TakeMap(begin, stack_);
    if (value->is_null()) *value = Value::Map(nullptr, 0);
    return !reader.malformed() || Fail("malformed protobuf");
  }

  bool FailNesting() { return Fail(fmt::format("nested more than {} deep", kMaxEventNesting)); }

  // The entries from `begin` on as a map, off the stack; null where there is none.
  Value TakeMap(size_t begin, std::vector<MapEntry>* stack) {
    const size_t count = stack->size() - begin;
    if (count == 0) return Value();
    MapEntry* entries = arena_->AllocateArray<MapEntry>(count);
    std::copy(stack->begin() + static_cast<ptrdiff_t>(begin), stack->end(), entries);
    stack->resize(begin);
    return Value::SortedMap(entries, static_cast<uint32_t>(count));
  }

  Arena* const arena_;
  std::vector<MapEntry>* const stack_;
  std::vector<MapEntry> traits_;
};

v1::EventType ToProto(EventType type) {
  switch (type) {
    case EventType::kTrack:
      return v1::EVENT_TYPE_TRACK;
    case EventType::kIdentify:
      return v1::EVENT_TYPE_IDENTIFY;
    case EventType::kEnroll:
      return v1::EVENT_TYPE_ENROLL;
    case EventType::kImportBegin:
      return v1::EVENT_TYPE_IMPORT_BEGIN;
    case EventType::kImportEnd:
      return v1::EVENT_TYPE_IMPORT_END;
    case EventType::kBackfillBegin:
      return v1::EVENT_TYPE_BACKFILL_BEGIN;
    case EventType::kBackfill:
      return v1::EVENT_TYPE_BACKFILL;
    case EventType::kMergeAsked:
      return v1::EVENT_TYPE_MERGE_ASKED;
    case EventType::kMergedState:
      return v1::EVENT_TYPE_MERGED_STATE;
    case EventType::kMergeUndone:
      return v1::EVENT_TYPE_MERGE_UNDONE;
    case EventType::kMergeRefused:
      return v1::EVENT_TYPE_MERGE_REFUSED;
  }
  return v1::EVENT_TYPE_TRACK;
}

void ToProto(const Value& value, v1::Value* proto);

void ToProto(const Value& map, google::protobuf::Map<std::string, v1::Value>* proto) {
  if (map.kind() != ValueKind::kMap) return;
  for (uint32_t i = 0; i < map.size(); ++i) {
    const MapEntry& entry = map.entries()[i];
    if (entry.key.kind() != ValueKind::kString) continue;
    ToProto(entry.value, &(*proto)[std::string(entry.key.text())]);
  }
}

void ToProto(const Value& value, v1::Value* proto) {
  switch (value.kind()) {
    case ValueKind::kBool:
      return proto->set_bool_value(value.bool_value());
    case ValueKind::kInt:
      return proto->set_int_value(value.int_value());
    case ValueKind::kDouble:
      return proto->set_double_value(value.double_value());
    case ValueKind::kString:
      return proto->set_string_value(std::string(value.text()));
    case ValueKind::kTimestamp:
      return proto->set_timestamp_ms(value.time().milliseconds());
    case ValueKind::kList: {
      auto* items = proto->mutable_list_value();
      for (uint32_t i = 0; i < value.size(); ++i) ToProto(value.items()[i], items->add_values());
      return;
    }
    case ValueKind::kMap:
      return ToProto(value, proto->mutable_map_value()->mutable_fields());
    default:
      return;
  }
}

void SetPersonOf(const Event& event, v1::Event* proto) {
  if (event.person.starts_with(kAnonymousPrefix)) {
    proto->set_anonymous_id(std::string(event.person.substr(kAnonymousPrefix.size())));
  } else {
    proto->set_customer_id(std::string(event.person));
    proto->set_anonymous_id(std::string(event.anonymous_id));
  }
}

}  // namespace

namespace {

// What merges lead to carries what was accepted before, and more.
size_t MostBytes(EventFormat format, std::string_view bytes) {
  const bool too_large_for_others = bytes.size() > kMaxEventBytes;
  const bool own = too_large_for_others && format == EventFormat::kProtobuf && IsMadeByMerge(bytes);
  return own ? kMaxOwnEventBytes : kMaxEventBytes;
}

}  // namespace

Result<Event> EventDecoder::Decode(EventFormat format, std::string_view bytes, Timestamp log_time,
                                   Arena* arena) {
  if (const size_t most = MostBytes(format, bytes); bytes.size() > most) {
    return InvalidArgument(fmt::format("over {} bytes", most));
  }
  if (format == EventFormat::kJson) {
    SOJOURN_ASSIGN_OR_RETURN(const Value call, json_.Read(bytes, kMaxCallNesting, arena));
    return EventFromCall(call, "", log_time, arena);
  }
  Event event;
  std::string_view known;
  std::string_view anonymous;
  ProtobufWalk walk(arena, &stack_);
  if (!walk.ReadEvent(bytes, &event, &known, &anonymous)) return InvalidArgument(walk.error);
  SOJOURN_RETURN_IF_ERROR(SetPerson(known, anonymous, arena, &event));
  SOJOURN_RETURN_IF_ERROR(FinishEvent(log_time, &event));
  if (event.type == EventType::kIdentify && !event.traits.is_null()) {
    const Value traits = event.traits;
    event.traits = Value();
    AddTraits(traits, arena, &event);
  }
  return event;
}

void EncodeEvent(const Event& event, const EventOrigin* original, std::string* bytes) {
  v1::Event proto;
  proto.set_id(std::string(event.id));
  SetPersonOf(event, &proto);
  proto.set_name(std::string(event.name));
  proto.set_time_ms(OnWire(event.time));
  proto.set_received_at_ms(OnWire(event.received_at));
  ToProto(event.properties, proto.mutable_properties());
  proto.set_type(ToProto(event.type));
  ToProto(event.traits, proto.mutable_traits());
  proto.set_historical(event.historical);
  proto.set_redirects(event.redirects);
  proto.set_person_record(std::string(event.person_record));
  if (original != nullptr) {
    proto.mutable_origin()->set_topic(std::string(original->place.topic));
    proto.mutable_origin()->set_partition(original->place.partition.value());
    proto.mutable_origin()->set_offset(original->place.offset.value());
    proto.mutable_origin()->set_log_time_ms(original->log_time.milliseconds());
  }
  google::protobuf::io::StringOutputStream stream(bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  proto.SerializeToCodedStream(&coded);
}

bool IsMadeByMerge(std::string_view bytes) {
  WireReader event(bytes);
  while (event.Next()) {
    if (event.Is(12, Type::kVarint) && event.varint() > 0) return true;
    if (!event.Is(8, Type::kVarint)) continue;
    const uint64_t type = event.varint();
    if (type >= v1::EVENT_TYPE_MERGE_ASKED && type <= v1::EVENT_TYPE_MERGE_REFUSED) return true;
  }
  return false;
}

std::optional<EventOrigin> ReadOrigin(std::string_view bytes) {
  std::optional<EventOrigin> origin;
  WireReader event(bytes);
  while (event.Next()) {
    if (!event.Is(11, Type::kBytes)) continue;
    origin.emplace();
    if (!ParseOrigin(event.bytes(), &*origin)) return std::nullopt;
  }
  if (event.malformed()) return std::nullopt;
  return origin;
}

}  // namespace sojourn::model
