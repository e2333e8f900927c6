#include "engine/step/backfill.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/expr/counter.h"
#include "engine/step/history.h"
#include "engine/step/segments.h"
#include "engine/step/session.h"

namespace sojourn::step {
namespace {

using model::Counter;
using model::CounterBackfill;
using model::Event;
using model::MapEntry;
using model::Value;
using model::ValueKind;

// ---- values in records -----------------------------------------------------------------------

Value OneEntry(std::string_view name, const Value& value, Arena* arena) {
  MapEntry* entry = arena->AllocateArray<MapEntry>(1);
  *entry = {Value::String(name), value};
  return Value::Map(entry, 1);
}

// As an event's property: what those cannot be stands in a map that says so, and so do maps.
Value Pack(const Value& value, Arena* arena) {
  switch (value.kind()) {
    case ValueKind::kUint:
      return OneEntry("uint", Value::Int(static_cast<int64_t>(value.uint_value())), arena);
    case ValueKind::kDuration:
      return OneEntry("duration_ms", Value::Int(value.duration().milliseconds()), arena);
    case ValueKind::kMap:
      return OneEntry("map", model::DeepCopy(value, arena), arena);
    default:
      return model::DeepCopy(value, arena);
  }
}

Value Unpack(const Value& packed, Arena* arena) {
  if (packed.kind() != ValueKind::kMap) return model::DeepCopy(packed, arena);
  const Value* number = packed.Find("uint");
  if (number != nullptr && number->kind() == ValueKind::kInt) {
    return Value::Uint(static_cast<uint64_t>(number->int_value()));
  }
  const Value* span = packed.Find("duration_ms");
  if (span != nullptr && span->kind() == ValueKind::kInt) {
    return Value::Span(Milliseconds(span->int_value()));
  }
  const Value* map = packed.Find("map");
  return map != nullptr ? model::DeepCopy(*map, arena) : Value();
}

class PropertyWriter {
 public:
  PropertyWriter(size_t max_count, Arena* arena)
      : arena_(arena), entries_(arena->AllocateArray<MapEntry>(max_count)) {}

  void Add(std::string_view name, const Value& value) {
    entries_[count_++] = {Value::String(name), value};
  }
  void AddUnlessNull(std::string_view name, const Value& value) {
    if (!value.is_null()) Add(name, Pack(value, arena_));
  }
  Value Finish() { return Value::Map(entries_, count_); }

 private:
  Arena* const arena_;
  MapEntry* const entries_;
  uint32_t count_ = 0;
};

int64_t IntProperty(const Event& event, std::string_view name) {
  const Value* value = event.properties.Find(name);
  return value != nullptr && value->kind() == ValueKind::kInt ? value->int_value() : 0;
}

Timestamp TimeProperty(const Event& event, std::string_view name, Timestamp otherwise) {
  const Value* value = event.properties.Find(name);
  return value != nullptr && value->kind() == ValueKind::kTimestamp ? value->time() : otherwise;
}

Value AnyProperty(const Event& event, std::string_view name, Arena* arena) {
  const Value* value = event.properties.Find(name);
  return value == nullptr ? Value() : Unpack(*value, arena);
}

Event MakeRecord(model::EventType type, Timestamp begun, const Value& properties) {
  Event event;
  event.type = type;
  event.name = model::kBackfillName;
  event.time = begun;
  event.properties = properties;
  return event;
}

void WriteSamples(const Counter& counter, PropertyWriter* properties, Arena* arena) {
  const uint32_t size = counter.samples.size();
  if (size == 0) return;
  Value* times = arena->AllocateArray<Value>(size);
  Value* values = arena->AllocateArray<Value>(size);
  bool have_values = false;
  for (uint32_t i = 0; i < size; ++i) {
    times[i] = Value::Time(counter.samples[i].time);
    values[i] = Pack(counter.samples[i].value, arena);
    have_values |= !values[i].is_null();
  }
  properties->Add("times", Value::List(times, size));
  if (have_values) properties->Add("values", Value::List(values, size));
}

void ReadSamples(const Event& event, Counter* counter, Arena* arena) {
  const Value* times = event.properties.Find("times");
  const Value* values = event.properties.Find("values");
  if (times == nullptr || times->kind() != ValueKind::kList) return;
  const bool have_values =
      values != nullptr && values->kind() == ValueKind::kList && values->size() == times->size();
  counter->samples.Reserve(arena, times->size());
  for (uint32_t i = 0; i < times->size(); ++i) {
    if (times->items()[i].kind() != ValueKind::kTimestamp) continue;
    const Value value = have_values ? Unpack(values->items()[i], arena) : Value();
    counter->samples.Append(arena, {times->items()[i].time(), value});
  }
}

Counter ReadPast(const Event& event, Arena* arena) {
  Counter counter;
  counter.id = static_cast<uint64_t>(IntProperty(event, "counter"));
  counter.count = IntProperty(event, "count");
  counter.first_time = TimeProperty(event, "first_time", Timestamp::Max());
  counter.last_time = TimeProperty(event, "last_time", Timestamp::Min());
  counter.first_value = AnyProperty(event, "first_value", arena);
  counter.last_value = AnyProperty(event, "last_value", arena);
  counter.sum = AnyProperty(event, "sum", arena);
  counter.minimum = AnyProperty(event, "minimum", arena);
  counter.maximum = AnyProperty(event, "maximum", arena);
  ReadSamples(event, &counter, arena);
  return counter;
}

// ---- the person ------------------------------------------------------------------------------

void Drop(Session& session, std::string_view reason) {
  model::Fact& fact = session.Note(model::FactKind::kEventDropped);
  fact.name = model::kBackfillName;
  fact.reason = reason;
}

Timestamp BegunOf(const Event& event) { return Timestamp(IntProperty(event, "begun")); }

// Begins anew where one is under way.
void BeginCounter(const EventInput& input, uint64_t id, model::Person* person) {
  auto& backfills = person->backfills;
  const auto at = std::lower_bound(
      backfills.begin(), backfills.end(), id,
      [](const CounterBackfill& backfill, uint64_t wanted) { return backfill.since.id < wanted; });
  CounterBackfill fresh;
  fresh.begun = BegunOf(*input.event);
  fresh.since.id = id;
  for (const Offset offset : input.taken) fresh.taken.Append(&person->arena, offset);
  if (at != backfills.end() && at->since.id == id) {
    *at = fresh;
  } else {
    backfills.Insert(&person->arena, static_cast<uint32_t>(at - backfills.begin()), fresh);
  }
}

void ReplaceCounter(const Counter& counter, model::Person* person) {
  auto& counters = person->counters;
  const auto at =
      std::lower_bound(counters.begin(), counters.end(), counter.id,
                       [](const Counter& known, uint64_t wanted) { return known.id < wanted; });
  if (at != counters.end() && at->id == counter.id) {
    *at = counter;
  } else {
    counters.Insert(&person->arena, static_cast<uint32_t>(at - counters.begin()), counter);
  }
}

}  // namespace

void CountPast(const Environment& environment, const EventInput& input,
               std::span<const expr::CounterDefinition* const> counters, model::Person* person,
               StepOutput* output, std::vector<uint32_t>* counted) {
  const Event& event = *input.event;
  const bool enrolls = event.type == model::EventType::kEnroll;
  const bool happened =
      event.type == model::EventType::kTrack || event.type == model::EventType::kIdentify;
  if (!happened && !(enrolls && person->known)) return;
  Session session(environment, std::max(input.log_time, person->clock), person, output);
  if (IsRepetition(session, event.id)) return;
  person->clock = session.now;
  if (enrolls || event.name == model::kPersonMerged) return;  // asked for is not yet merged
  if (event.name == model::kPersonErased) return person->Reset();
  person->known = true;
  const expr::EventView view{event.name, {}, std::min(event.time, session.now), event.properties};
  const Place place{&session.rules.current(), nullptr, {}};
  const expr::Activation activation = session.Activate(place, &view, nullptr, nullptr);
  for (uint32_t i = 0; i < counters.size(); ++i) {
    if (counters[i]->event != event.name) continue;
    if (expr::UpdateCounter(*counters[i], activation, person, &output->arena)) {
      counted->push_back(i);
    }
  }
}

Event MakeBackfillBegin(Timestamp begun, uint32_t bundle, std::span<const uint64_t> counters,
                        Arena* arena) {
  Value* ids = arena->AllocateArray<Value>(counters.size());
  for (size_t i = 0; i < counters.size(); ++i) {
    ids[i] = Value::Int(static_cast<int64_t>(counters[i]));
  }
  PropertyWriter properties(3, arena);
  properties.Add("begun", Value::Int(begun.milliseconds()));
  properties.Add("bundle", Value::Int(bundle));
  properties.Add("counters", Value::List(ids, static_cast<uint32_t>(counters.size())));
  return MakeRecord(model::EventType::kBackfillBegin, begun, properties.Finish());
}

Event MakeBackfill(Timestamp begun, const Counter& past, Arena* arena) {
  PropertyWriter properties(12, arena);
  properties.Add("begun", Value::Int(begun.milliseconds()));
  properties.Add("counter", Value::Int(static_cast<int64_t>(past.id)));
  if (past.count != 0) properties.Add("count", Value::Int(past.count));
  if (past.first_time != Timestamp::Max()) {
    properties.Add("first_time", Value::Time(past.first_time));
  }
  if (past.last_time != Timestamp::Min()) {
    properties.Add("last_time", Value::Time(past.last_time));
  }
  properties.AddUnlessNull("first_value", past.first_value);
  properties.AddUnlessNull("last_value", past.last_value);
  properties.AddUnlessNull("sum", past.sum);
  properties.AddUnlessNull("minimum", past.minimum);
  properties.AddUnlessNull("maximum", past.maximum);
  WriteSamples(past, &properties, arena);
  return MakeRecord(model::EventType::kBackfill, begun, properties.Finish());
}

bool BeginsBackfill(const Event& event, Timestamp begun) {
  return event.type == model::EventType::kBackfillBegin && BegunOf(event) == begun;
}

void BeginBackfill(Session& session, const EventInput& input) {
  const Event& event = *input.event;
  if (IntProperty(event, "bundle") > session.rules.current().number) {
    return Drop(session, "rules_not_in_force");
  }
  // What their other ids did stands under those in the log, and would be lost.
  if (!session.person.merged_ids.empty()) return Drop(session, "merged");
  const Value* ids = event.properties.Find("counters");
  if (ids == nullptr || ids->kind() != ValueKind::kList) return;
  for (uint32_t i = 0; i < ids->size(); ++i) {
    if (ids->items()[i].kind() != ValueKind::kInt) continue;
    const auto id = static_cast<uint64_t>(ids->items()[i].int_value());
    if (session.rules.FindCounter(id) != nullptr) {
      BeginCounter(input, id, &session.person);
    }
  }
}

void TakeBackfill(Session& session, const Event& event) {
  model::Person& person = session.person;
  Counter past = ReadPast(event, &person.arena);
  const auto begun = std::find_if(
      person.backfills.begin(), person.backfills.end(), [&](const CounterBackfill& backfill) {
        return backfill.since.id == past.id && backfill.begun == BegunOf(event);
      });
  if (begun == person.backfills.end()) return Drop(session, "not_begun");
  const expr::CounterDefinition* definition = session.rules.FindCounter(past.id);
  if (definition != nullptr) {
    expr::AppendCounter(*definition, begun->since, session.now, &past, &person.arena);
    ReplaceCounter(past, &person);
  }
  person.backfills.Erase(static_cast<uint32_t>(begun - person.backfills.begin()));
  Changes changes;
  changes.counters.push_back(past.id);
  RecomputeSegments(session, changes, nullptr);
  RewatchAwaitedConditions(session);
}

void DropStaleBackfills(Session& session) {
  auto& backfills = session.person.backfills;
  for (uint32_t i = backfills.size(); i-- > 0;) {
    if (session.now - backfills[i].begun >= kMaxBackfillAge) backfills.Erase(i);
  }
}

}  // namespace sojourn::step
