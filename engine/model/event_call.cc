// Segment's calls as events.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/model/event_codec.h"
#include "engine/model/event_rules.h"

namespace sojourn::model {
namespace {

// Empty where absent or null; a whole number gives its digits.
Result<std::string_view> TextField(const Value& call, std::string_view name, Arena* arena) {
  const Value* value = call.Find(name);
  if (value == nullptr || value->is_null()) return std::string_view();
  if (value->kind() == ValueKind::kString) return value->text();
  if (value->kind() == ValueKind::kInt) {
    return arena->Copy(fmt::format_int(value->int_value()).str());
  }
  return InvalidArgument(fmt::format("{} is no text", name));
}

// Null where absent.
Result<Value> MapField(const Value& call, std::string_view name) {
  const Value* value = call.Find(name);
  if (value == nullptr || value->is_null()) return Value();
  if (value->kind() != ValueKind::kMap) {
    return InvalidArgument(fmt::format("{} is no object", name));
  }
  return *value;
}

// Below it a number would be a moment of 1966 to 1973 and is, in practice, meant in seconds.
constexpr int64_t kSmallestMilliseconds = 100'000'000'000;

Result<Timestamp> TimeOfNumber(std::string_view name, int64_t number) {
  if (number <= -kSmallestMilliseconds || number >= kSmallestMilliseconds) {
    return GivenTime(number);
  }
  return InvalidArgument(
      fmt::format("{} looks like seconds; write milliseconds since 1970, or a text such as "
                  "2026-03-02T09:00:00Z",
                  name));
}

// Timestamp::Min() where absent.
Result<Timestamp> TimeField(const Value& call, std::string_view name) {
  const Value* value = call.Find(name);
  if (value == nullptr || value->is_null()) return Timestamp::Min();
  if (value->kind() == ValueKind::kInt) return TimeOfNumber(name, value->int_value());
  if (value->kind() == ValueKind::kString) {
    if (const auto time = ParseRfc3339(value->text())) return *time;
  }
  return InvalidArgument(fmt::format("{} is no RFC 3339 time such as 2026-03-02T09:00:00Z", name));
}

// A member of the call that becomes a property, if it is there.
struct Addition {
  std::string_view member;
  std::string_view property;
  bool overrides = false;  // a property of that name
};

Value WithAdditions(const Value& call, const Value& properties,
                    const std::array<Addition, 2>& additions, Arena* arena) {
  MapEntry* entries = arena->AllocateArray<MapEntry>(properties.size() + additions.size());
  uint32_t count = 0;
  const auto add = [&](bool overriding) {
    for (const Addition& addition : additions) {
      const Value* value = call.Find(addition.member);
      if (value == nullptr || value->is_null() || addition.overrides != overriding) continue;
      entries[count++] = {Value::String(addition.property), *value};
    }
  };
  add(false);
  std::copy(properties.entries(), properties.entries() + properties.size(), entries + count);
  count += properties.size();
  add(true);
  return Value::SortedMap(entries, count);
}

// What a call of one type becomes.
struct CallType {
  std::string_view type;
  std::string_view event_name;  // empty: the call's `event`
  std::string_view properties;  // the member that holds them
  std::array<Addition, 2> additions;
};

constexpr CallType kCallTypes[] = {
    {"track", "", "properties", {}},
    {"identify", kIdentify, "traits", {}},
    {"page", kPageViewed, "properties", {{{"name", "name"}, {"category", "category"}}}},
    {"screen", kScreenViewed, "properties", {{{"name", "name"}, {"category", "category"}}}},
    {"group", kGroupJoined, "traits", {{{"groupId", "group_id", true}}}},
    {"alias", kAlias, "properties", {{{"previousId", "previous_id", true}}}},
};

Result<const CallType*> FindCallType(const Value& call, std::string_view type, Arena* arena) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string_view named, TextField(call, "type", arena));
  if (!named.empty()) type = named;
  if (type.empty() && call.Find("event") != nullptr) type = "track";
  const auto* found = std::find_if(std::begin(kCallTypes), std::end(kCallTypes),
                                   [&](const CallType& known) { return known.type == type; });
  if (found != std::end(kCallTypes)) return found;
  return InvalidArgument("type is none of track, identify, page, screen, group and alias");
}

Status SetProperties(const Value& call, const CallType& type, Arena* arena, Event* event) {
  SOJOURN_ASSIGN_OR_RETURN(event->properties, MapField(call, type.properties));
  if (!type.additions[0].member.empty()) {
    event->properties = WithAdditions(call, event->properties, type.additions, arena);
  }
  SOJOURN_ASSIGN_OR_RETURN(const Value context, MapField(call, "context"));
  SOJOURN_ASSIGN_OR_RETURN(const Value traits, MapField(context, "traits"));
  AddTraits(traits, arena, event);
  if (Nesting(event->properties) > kMaxEventNesting || Nesting(event->traits) > kMaxEventNesting) {
    return InvalidArgument(fmt::format("nested more than {} deep", kMaxEventNesting));
  }
  return Status::Ok();
}

Status SetTimes(const Value& call, Event* event) {
  SOJOURN_ASSIGN_OR_RETURN(event->time, TimeField(call, "timestamp"));
  if (event->time == Timestamp::Min()) {
    SOJOURN_ASSIGN_OR_RETURN(event->time, TimeField(call, "originalTimestamp"));
  }
  SOJOURN_ASSIGN_OR_RETURN(event->received_at, TimeField(call, "receivedAt"));
  return Status::Ok();
}

}  // namespace

Result<Event> EventFromCall(const Value& call, std::string_view type, Timestamp log_time,
                            Arena* arena) {
  if (call.kind() != ValueKind::kMap) return InvalidArgument("no JSON object");
  SOJOURN_ASSIGN_OR_RETURN(const CallType* call_type, FindCallType(call, type, arena));
  Event event;
  SOJOURN_ASSIGN_OR_RETURN(event.id, TextField(call, "messageId", arena));
  SOJOURN_ASSIGN_OR_RETURN(const std::string_view known, TextField(call, "userId", arena));
  SOJOURN_ASSIGN_OR_RETURN(const std::string_view anonymous, TextField(call, "anonymousId", arena));
  SOJOURN_RETURN_IF_ERROR(SetPerson(known, anonymous, arena, &event));
  event.name = call_type->event_name;
  if (event.name.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(event.name, TextField(call, "event", arena));
  }
  SOJOURN_RETURN_IF_ERROR(SetTimes(call, &event));
  SOJOURN_RETURN_IF_ERROR(FinishEvent(log_time, &event));
  SOJOURN_RETURN_IF_ERROR(SetProperties(call, *call_type, arena, &event));
  return event;
}

}  // namespace sojourn::model
