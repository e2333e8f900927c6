#include "engine/model/event_rules.h"

#include <fmt/format.h>

#include <iterator>

#include "engine/base/limits.h"
#include "engine/base/utf8.h"
#include "engine/model/event_codec.h"

namespace sojourn::model {
namespace {

constexpr Timestamp kFirstTime(-62135596800000);  // 0001-01-01T00:00:00Z
constexpr Timestamp kLastTime(253402300799999);   // 9999-12-31T23:59:59.999Z

// Entries of `low` and then of `high`, so that those of `high` count.
Value Merge(const Value& low, const Value& high, Arena* arena) {
  MapEntry* entries = arena->AllocateArray<MapEntry>(low.size() + high.size());
  std::copy(low.entries(), low.entries() + low.size(), entries);
  std::copy(high.entries(), high.entries() + high.size(), entries + low.size());
  return Value::SortedMap(entries, low.size() + high.size());
}

bool IsBracket(EventType type) {
  return type == EventType::kImportBegin || type == EventType::kImportEnd;
}

}  // namespace

bool IsValidPersonId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxPersonIdBytes && id != kAnonymousPrefix && IsValidUtf8(id);
}

bool IsRepresentable(Timestamp time) { return time >= kFirstTime && time <= kLastTime; }

Status SetPerson(std::string_view known, std::string_view anonymous, Arena* arena, Event* event) {
  event->anonymous_id = anonymous;
  if (known.starts_with(kAnonymousPrefix)) {
    return InvalidArgument("a known person's id may not begin with \"a:\"");
  }
  event->person = known;
  if (known.empty() && !anonymous.empty()) {
    char* id = arena->Allocate(kAnonymousPrefix.size() + anonymous.size(), 1);
    kAnonymousPrefix.copy(id, kAnonymousPrefix.size());
    anonymous.copy(id + kAnonymousPrefix.size(), anonymous.size());
    event->person = {id, kAnonymousPrefix.size() + anonymous.size()};
  }
  const bool too_long = event->person.size() > kMaxPersonIdBytes ||
                        anonymous.size() > kMaxPersonIdBytes - kAnonymousPrefix.size();
  if (too_long) {
    return InvalidArgument(fmt::format("a person's id is over {} bytes", kMaxPersonIdBytes));
  }
  return Status::Ok();
}

Status FinishEvent(Timestamp log_time, Event* event) {
  if (event->name == kIdentify && event->type == EventType::kTrack) {
    event->type = EventType::kIdentify;
  }
  if (event->type == EventType::kIdentify) event->name = kIdentify;
  if (event->id.size() > kMaxEventIdBytes) {
    return InvalidArgument(fmt::format("the event's id is over {} bytes", kMaxEventIdBytes));
  }
  if (event->name.empty() && !IsBracket(event->type)) {
    return InvalidArgument("the event has no name");
  }
  const bool name_too_long = event->name.size() > kMaxEventNameBytes ||
                             CountCodePoints(event->name) > kMaxEventNameCharacters;
  if (name_too_long) {
    return InvalidArgument(
        fmt::format("the event's name is over {} characters", kMaxEventNameCharacters));
  }
  if (event->time == Timestamp::Min()) event->time = log_time;
  if (!IsRepresentable(event->time)) return InvalidArgument("the event's time is out of range");
  if (event->received_at != Timestamp::Min() && !IsRepresentable(event->received_at)) {
    return InvalidArgument("the event's time of receipt is out of range");
  }
  return Status::Ok();
}

bool IsForServersOnly(std::string_view name) {
  constexpr std::string_view kNames[] = {kEmailDelivered, kEmailOpened,       kEmailLinkClicked,
                                         kEmailBounced,   kEmailMarkedAsSpam, kCouponRedeemed,
                                         kPersonErased,   kPersonMerged};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

int Nesting(const Value& value) {
  int deepest = 0;
  if (value.kind() == ValueKind::kMap) {
    for (uint32_t i = 0; i < value.size(); ++i) {
      deepest = std::max(deepest, Nesting(value.entries()[i].value));
    }
  } else if (value.kind() == ValueKind::kList) {
    for (uint32_t i = 0; i < value.size(); ++i) {
      deepest = std::max(deepest, Nesting(value.items()[i]));
    }
  } else {
    return 0;
  }
  return deepest + 1;
}

void AddTraits(const Value& traits, Arena* arena, Event* event) {
  if (traits.kind() != ValueKind::kMap || traits.size() == 0) return;
  Value* target = event->type == EventType::kIdentify ? &event->properties : &event->traits;
  *target = target->kind() == ValueKind::kMap ? Merge(traits, *target, arena) : traits;
}

}  // namespace sojourn::model
