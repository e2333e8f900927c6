#include "engine/expr/counter.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/expr/operators.h"

namespace sojourn::expr {
namespace {

using model::Counter;
using model::Person;
using model::Sample;
using model::Value;
using model::ValueKind;

double AsDouble(const Value& number) {
  if (number.kind() == ValueKind::kDouble) return number.double_value();
  if (number.kind() == ValueKind::kUint) return static_cast<double>(number.uint_value());
  return static_cast<double>(number.int_value());
}

// Ints add up exactly; mixed kinds and overflow go on as double.
Value AddNumbers(const Value& sum, const Value& number) {
  if (sum.is_null()) return number;
  if (sum.kind() == number.kind()) {
    const Value exact = Arithmetic(Operator::kAdd, sum, number, nullptr);
    if (!exact.is_error()) return exact;
  }
  return Value::Double(AsDouble(sum) + AsDouble(number));
}

bool IsBefore(const Value& a, const Value& b) {
  const std::optional<std::partial_ordering> order = Order(a, b);
  return order && *order < 0;
}

// Keeps what is already there, so that equal values do not grow the arena.
void Store(const Value& value, Value* place, Arena* arena) {
  if (!model::Identical(*place, value)) *place = model::DeepCopy(value, arena);
}

void AddSample(const CounterDefinition& definition, const Sample& sample, Timestamp now,
               Counter* counter, Arena* arena) {
  ArenaVector<Sample>& samples = counter->samples;
  uint32_t expired = 0;
  while (expired < samples.size() && now - samples[expired].time >= definition.window) ++expired;
  samples.EraseFront(expired);
  if (now - sample.time >= definition.window || definition.keep == 0) return;
  const auto later =
      std::upper_bound(samples.begin(), samples.end(), sample.time,
                       [](Timestamp time, const Sample& other) { return time < other.time; });
  auto index = static_cast<uint32_t>(later - samples.begin());
  if (samples.size() >= definition.keep) {
    const uint32_t surplus = samples.size() - definition.keep + 1;
    if (index < surplus) return;  // older than all that are kept
    samples.EraseFront(surplus);
    index -= surplus;
  }
  const bool with_value = (definition.needs & kNeedSampleValues) != 0;
  samples.Insert(arena, index, {sample.time, with_value ? sample.value : Value()});
}

void TakeMinimum(const Value& value, Counter* counter) {
  const bool lowest = counter->minimum.is_null() || IsBefore(value, counter->minimum);
  if (lowest) counter->minimum = value;
}

void TakeMaximum(const Value& value, Counter* counter) {
  const bool highest = counter->maximum.is_null() || IsBefore(counter->maximum, value);
  if (highest) counter->maximum = value;
}

void AddToTotals(const CounterDefinition& definition, const Value& value, Counter* counter) {
  const uint32_t needs = definition.needs;
  if ((needs & kNeedSum) != 0) counter->sum = AddNumbers(counter->sum, value);
  if ((needs & kNeedMinimum) != 0) TakeMinimum(value, counter);
  if ((needs & kNeedMaximum) != 0) TakeMaximum(value, counter);
}

void TakeFirst(const CounterDefinition& definition, Timestamp time, const Value& value,
               Counter* counter, Arena* arena) {
  if ((definition.needs & kNeedFirst) == 0 || time >= counter->first_time) return;
  counter->first_time = time;
  if ((definition.needs & kNeedFirstValue) != 0) Store(value, &counter->first_value, arena);
}

void TakeLast(const CounterDefinition& definition, Timestamp time, const Value& value,
              Counter* counter, Arena* arena) {
  if ((definition.needs & kNeedLast) == 0 || time < counter->last_time) return;
  counter->last_time = time;
  if ((definition.needs & kNeedLastValue) != 0) Store(value, &counter->last_value, arena);
}

void Count(const CounterDefinition& definition, const Sample& sample, Timestamp now,
           Counter* counter, Arena* arena) {
  if ((definition.needs & kNeedCount) != 0) ++counter->count;
  AddToTotals(definition, sample.value, counter);
  TakeFirst(definition, sample.time, sample.value, counter, arena);
  TakeLast(definition, sample.time, sample.value, counter, arena);
  if ((definition.needs & kNeedSamples) != 0) AddSample(definition, sample, now, counter, arena);
}

// ---- Reading

Value Nothing(const CounterRead& read) {
  switch (read.function) {
    case History::kCount:
      return Value::Int(0);
    case History::kSum:
      if (read.result == TypeKind::kDouble) return Value::Double(0);
      return read.result == TypeKind::kUint ? Value::Uint(0) : Value::Int(0);
    default:
      return Value::Error("there has been no such event");
  }
}

// A number as the static type says, so that arithmetic with it finds what the checker promised.
Value AsResult(const CounterRead& read, const Value& value) {
  if (read.result == TypeKind::kDouble && value.is_number()) return Value::Double(AsDouble(value));
  return value;
}

Value ReadEver(const CounterRead& read, const Counter& counter) {
  switch (read.function) {
    case History::kCount:
      return Value::Int(std::min(counter.count, kMaxEverCount));
    case History::kSum:
      return counter.sum.is_null() ? Nothing(read) : AsResult(read, counter.sum);
    case History::kMinimum:
      return counter.minimum.is_null() ? Nothing(read) : AsResult(read, counter.minimum);
    case History::kMaximum:
      return counter.maximum.is_null() ? Nothing(read) : AsResult(read, counter.maximum);
    case History::kAverage:
      if (counter.sum.is_null() || counter.count == 0) return Nothing(read);
      return Value::Double(AsDouble(counter.sum) / static_cast<double>(counter.count));
    case History::kLast:
      if (counter.last_time == Timestamp::Min()) return Nothing(read);
      return read.of_value ? AsResult(read, counter.last_value) : Value::Time(counter.last_time);
    case History::kFirst:
      if (counter.first_time == Timestamp::Max()) return Nothing(read);
      return read.of_value ? AsResult(read, counter.first_value) : Value::Time(counter.first_time);
  }
  return Nothing(read);
}

Value ReadWindow(const CounterRead& read, const Sample* begin, const Sample* end) {
  if (begin == end) return Nothing(read);
  if (read.function == History::kCount) return Value::Int(end - begin);
  Value result;
  int64_t values = 0;
  for (const Sample* sample = begin; sample != end; ++sample) {
    if (sample->value.is_null()) continue;  // counted before a rule asked for values
    ++values;
    const bool adds = read.function == History::kSum || read.function == History::kAverage;
    if (adds) {
      result = AddNumbers(result, sample->value);
    } else if (result.is_null() ||
               (read.function == History::kMinimum ? IsBefore(sample->value, result)
                                                   : IsBefore(result, sample->value))) {
      result = sample->value;
    }
  }
  if (result.is_null()) return Nothing(read);
  if (read.function != History::kAverage) return AsResult(read, result);
  return Value::Double(AsDouble(result) / static_cast<double>(values));
}

}  // namespace

Counter& CounterOf(uint64_t id, Person* person) {
  const auto at =
      std::lower_bound(person->counters.begin(), person->counters.end(), id,
                       [](const Counter& counter, uint64_t wanted) { return counter.id < wanted; });
  if (at != person->counters.end() && at->id == id) return *at;
  const auto index = static_cast<uint32_t>(at - person->counters.begin());
  Counter added;
  added.id = id;
  return person->counters.Insert(&person->arena, index, added);
}

bool UpdateCounter(const CounterDefinition& definition, const Activation& activation,
                   Person* person, Arena* arena) {
  if (definition.condition != nullptr &&
      !EvaluateCondition(*definition.condition, activation, arena)) {
    return false;
  }
  Value value;
  if (definition.value != nullptr) {
    value = Evaluate(*definition.value, activation, arena);
    constexpr uint32_t kNumeric = kNeedSum | kNeedMinimum | kNeedMaximum | kNeedSampleValues;
    const bool numeric = (definition.needs & kNumeric) != 0;
    if (value.is_error() || (numeric && !value.is_number())) return false;
  }
  const Sample sample{std::min(activation.event->time, activation.now), value};
  Count(definition, sample, activation.now, &CounterOf(definition.id, person), &person->arena);
  for (model::CounterBackfill& backfill : person->backfills) {
    if (backfill.since.id != definition.id) continue;
    Count(definition, sample, activation.now, &backfill.since, &person->arena);
  }
  return true;
}

void AppendCounter(const CounterDefinition& definition, const Counter& later, Timestamp now,
                   Counter* counter, Arena* arena) {
  counter->count += later.count;
  if (!later.sum.is_null()) counter->sum = AddNumbers(counter->sum, later.sum);
  if (!later.minimum.is_null()) TakeMinimum(later.minimum, counter);
  if (!later.maximum.is_null()) TakeMaximum(later.maximum, counter);
  TakeFirst(definition, later.first_time, later.first_value, counter, arena);
  if (later.last_time != Timestamp::Min()) {
    TakeLast(definition, later.last_time, later.last_value, counter, arena);
  }
  if ((definition.needs & kNeedSamples) == 0) return;
  for (const Sample& sample : later.samples) AddSample(definition, sample, now, counter, arena);
}

Value ReadCounter(const CounterRead& read, const Person& person, Timestamp now, TimeWatch* watch) {
  const Counter* counter = person.FindCounter(read.counter);
  if (counter == nullptr) return Nothing(read);
  if (read.ever) return ReadEver(read, *counter);
  const Sample* begin = counter->samples.begin();
  const Sample* end = counter->samples.end();
  while (begin != end && now - begin->time >= read.window) ++begin;
  if (begin != end && watch != nullptr) watch->Note(begin->time + read.window);
  return ReadWindow(read, begin, end);
}

void CounterTable::Require(CounterDefinition wanted) {
  for (CounterDefinition& known : counters_) {
    if (known.id != wanted.id) continue;
    known.needs |= wanted.needs;
    known.window = std::max(known.window, wanted.window);
    known.keep = std::max(known.keep, wanted.keep);
    return;
  }
  counters_.push_back(std::move(wanted));
}

}  // namespace sojourn::expr
