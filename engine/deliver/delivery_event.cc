#include "engine/deliver/delivery_event.h"

namespace sojourn::deliver {

model::Event ToEvent(const DeliveryEvent& from, Arena* arena) {
  model::Event event;
  event.id = from.id;
  event.person = from.person;
  event.name = from.name;
  event.time = event.received_at = from.time;
  const auto count = static_cast<uint32_t>(from.properties.size());
  auto* entries = arena->AllocateArray<model::MapEntry>(count);
  for (uint32_t i = 0; i < count; ++i) {
    entries[i].key = model::Value::String(from.properties[i].first);
    entries[i].value = model::Value::String(from.properties[i].second);
  }
  event.properties = model::Value::SortedMap(entries, count);
  return event;
}

}  // namespace sojourn::deliver
