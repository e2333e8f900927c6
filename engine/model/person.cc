#include "engine/model/person.h"

#include <algorithm>
#include <utility>

namespace sojourn::model {

const Value* Person::FindTrait(std::string_view name) const {
  for (const Trait& trait : traits) {
    if (trait.name == name) return &trait.value;
  }
  return nullptr;
}

void Person::Reset() {
  known = complained = false;
  bundle = 0;
  clock = Timestamp::Min();
  first_seen_at = last_seen_at = Timestamp::Min();
  next_deadline = Timestamp::Max();
  traits = {};
  consent = {};
  recent_ids = {};
  counters = {};
  backfills = {};
  memberships = {};
  runs = {};
  ended_runs = {};
  journeys = {};
  sent = {};
  bounced = {};
  planned_entries = {};
  planned_dates = {};
  coupons = {};
  merged_ids = {};
  moved_to = {};
  arena.Reset();
}

std::unique_ptr<Person> Person::TakeOut() {
  auto taken = std::make_unique<Person>(std::move(*this));
  *this = Person();
  id = taken->id;
  return taken;
}

void Person::SetTrait(std::string_view name, const Value& value) {
  const auto at = std::lower_bound(traits.begin(), traits.end(), name,
                                   [](const Trait& t, std::string_view n) { return t.name < n; });
  const auto index = static_cast<uint32_t>(at - traits.begin());
  const bool present = at != traits.end() && at->name == name;
  if (value.is_null()) {
    if (present) traits.Erase(index);
  } else if (present) {
    if (!Identical(at->value, value)) at->value = DeepCopy(value, &arena);
  } else {
    traits.Insert(&arena, index, {arena.Copy(name), DeepCopy(value, &arena)});
  }
}

const Counter* Person::FindCounter(uint64_t counter_id) const {
  for (const Counter& counter : counters) {
    if (counter.id == counter_id) return &counter;
  }
  return nullptr;
}

bool Person::InSegment(uint64_t segment) const {
  for (const Membership& membership : memberships) {
    if (membership.segment == segment) return membership.member;
  }
  return false;
}

}  // namespace sojourn::model
