// Filters of lists; what is no list counts as a list of one, nothing as an empty one.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/liquid/characters.h"
#include "engine/liquid/decimal.h"
#include "engine/liquid/filters.h"

namespace sojourn::liquid {
namespace {

using model::Value;
using model::ValueKind;
using Items = std::vector<Value>;

void Flatten(const Value& list, int depth, Items* items) {
  for (uint32_t i = 0; i < list.size(); ++i) {
    const Value item = Normal(list.items()[i]);
    if (item.kind() == ValueKind::kList && depth < kMaxStoredNesting) {
      Flatten(item, depth + 1, items);
    } else {
      items->push_back(item);
    }
  }
}

Items ItemsOf(const Datum& datum, Work* work) {
  Items items;
  if (datum.kind == DatumKind::kRange) {
    const int64_t size = RangeSize(datum);
    if (!work->Step(static_cast<uint64_t>(size))) return items;
    items.reserve(static_cast<size_t>(size));
    for (int64_t i = 0; i < size; ++i) items.push_back(Value::Int(datum.first + i));
    return items;
  }
  if (datum.is_list()) {
    Flatten(datum.value, 0, &items);
  } else if (datum.kind == DatumKind::kValue && !datum.is_nil()) {
    items.push_back(datum.value);
  }
  work->Step(items.size());
  return items;
}

Items Input(const Call& call) { return ItemsOf(call.input, &call.work); }

enum class Access { kFound, kNoMembers, kWrongType };

// `item[property]`. A text has a part of it as member, a whole number its bits, as in Ruby.
Access MemberOf(const Value& item, const Datum& property, Value* member) {
  *member = Value::Null();
  if (item.kind() == ValueKind::kMap) {
    const Value* found = property.is_string() ? item.Find(property.value.text()) : nullptr;
    if (found != nullptr) *member = Normal(*found);
    return Access::kFound;
  }
  if (item.kind() == ValueKind::kString) {
    if (property.is_nil()) return Access::kNoMembers;
    if (!property.is_string()) return Access::kWrongType;
    if (Contains(item, property)) *member = property.value;
    return Access::kFound;
  }
  if (item.kind() == ValueKind::kInt) {
    if (!property.is(ValueKind::kInt)) return Access::kWrongType;
    const int64_t bit = std::clamp<int64_t>(property.value.int_value(), 0, 63);
    *member = Value::Int(item.int_value() >> bit & 1);
    return Access::kFound;
  }
  return Access::kNoMembers;
}

void FailProperty(const Call& call) {
  std::string name;
  AppendText(call.Argument(0), &name);
  constexpr size_t kShownBytes = 100;
  call.work.Fail(fmt::format("an item has no property \"{}\"", name.substr(0, kShownBytes)));
}

// The property that the first argument names, or the item itself where there is no argument.
Value KeyOf(const Call& call, const Value& item) {
  if (call.Argument(0).is_nil()) return item;
  Value member;
  if (MemberOf(item, call.Argument(0), &member) == Access::kWrongType) FailProperty(call);
  return member;
}

Datum Join(const Call& call) {
  const std::string_view glue = call.Has(0) ? call.work.TextOf(call.Argument(0)) : " ";
  std::string text;
  bool first = true;
  for (const Value& item : Input(call)) {
    if (!std::exchange(first, false)) text += glue;
    AppendText(item, &text);
    if (text.size() > call.work.options().max_string_bytes) break;
  }
  return call.work.Keep(text, Origin::kData);
}

Datum Pair(const Call& call, const model::MapEntry& entry) {
  return call.work.KeepList({entry.key, entry.value});
}

Datum First(const Call& call) {
  const Datum& input = call.input;
  if (input.kind == DatumKind::kRange && RangeSize(input) > 0) return Value::Int(input.first);
  if (input.is_map() && input.value.size() > 0) return Pair(call, input.value.entries()[0]);
  return input.is_list() && input.value.size() > 0 ? Normal(input.value.items()[0]) : Value();
}

Datum Last(const Call& call) {
  const Datum& input = call.input;
  if (input.kind == DatumKind::kRange && RangeSize(input) > 0) return Value::Int(input.last);
  const uint32_t size = input.is_list() ? input.value.size() : 0;
  return size > 0 ? Normal(input.value.items()[size - 1]) : Value();
}

Datum Size(const Call& call) {
  const Datum& input = call.input;
  if (input.kind == DatumKind::kRange) return Value::Int(RangeSize(input));
  if (input.is_list() || input.is_map()) return Value::Int(input.value.size());
  if (!input.is_string()) return Value::Int(0);
  return Value::Int(static_cast<int64_t>(CountCharacters(input.value.text())));
}

Datum Reverse(const Call& call) {
  Items items = Input(call);
  std::reverse(items.begin(), items.end());
  return call.work.KeepList(items);
}

Datum Concat(const Call& call) {
  const Datum other = call.Argument(0);
  if (!other.is_list() && other.kind != DatumKind::kRange) {
    call.work.Fail("concat needs a list as argument");
    return {};
  }
  Items items = Input(call);
  const Items more = ItemsOf(other, &call.work);
  items.insert(items.end(), more.begin(), more.end());
  return call.work.KeepList(items);
}

Datum Map(const Call& call) {
  Items members;
  for (const Value& item : Input(call)) {
    Value member;
    if (MemberOf(item, call.Argument(0), &member) == Access::kWrongType) FailProperty(call);
    members.push_back(member);
  }
  return call.work.KeepList(members);
}

Datum Compact(const Call& call) {
  Items items = Input(call);
  items.erase(std::remove_if(items.begin(), items.end(),
                             [&](const Value& item) { return KeyOf(call, item).is_null(); }),
              items.end());
  return call.work.KeepList(items);
}

Datum Uniq(const Call& call) {
  Items unique;
  std::set<std::string> seen;
  for (const Value& item : Input(call)) {
    const Value key = KeyOf(call, item);
    if (seen.insert(model::DebugString(key)).second) unique.push_back(item);
  }
  return call.work.KeepList(unique);
}

Datum Sum(const Call& call) {
  Value sum = Value::Int(0);
  for (const Value& item : Input(call)) sum = Plus(sum, ToNumber(KeyOf(call, item)));
  return sum;
}

// ---- sorting ---------------------------------------------------------------------------------

// Items with their keys; those without a key go last, in their order.
template <typename Key, typename Less>
Datum Sorted(const Call& call, std::vector<std::pair<Key, Value>> keyed, const Items& without,
             Less less) {
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const auto& a, const auto& b) { return less(a.first, b.first); });
  Items items;
  for (const auto& [key, item] : keyed) items.push_back(item);
  items.insert(items.end(), without.begin(), without.end());
  return call.work.KeepList(items);
}

Datum Sort(const Call& call) {
  std::vector<std::pair<Value, Value>> keyed;
  Items without;
  for (const Value& item : Input(call)) {
    const Value key = KeyOf(call, item);
    if (key.is_null()) {
      without.push_back(item);
      continue;
    }
    keyed.emplace_back(key, item);
    if (keyed.size() > 1 && !Compare(keyed.front().first, key)) {
      call.work.Fail(fmt::format("{} and {} cannot be sorted together", KindName(key.kind()),
                                 KindName(keyed.front().first.kind())));
      return {};
    }
  }
  return Sorted(call, std::move(keyed), without,
                [](const Value& a, const Value& b) { return *Compare(a, b) < 0; });
}

Datum SortNatural(const Call& call) {
  std::vector<std::pair<std::string, Value>> keyed;
  Items without;
  for (const Value& item : Input(call)) {
    const Value key = KeyOf(call, item);
    if (key.is_null()) {
      without.push_back(item);
      continue;
    }
    std::string text;
    AppendText(key, &text);
    keyed.emplace_back(ToLower(text), item);
  }
  return Sorted(call, std::move(keyed), without, std::less<>());
}

// ---- choosing --------------------------------------------------------------------------------

// Calls `take(index, item, matches)` for each item until it returns false. False, where an item has
// no members at all: the filter then returns nothing.
template <typename Take>
bool Choose(const Call& call, const Items& items, Take take) {
  const Datum wanted = call.Argument(1);
  for (size_t i = 0; i < items.size(); ++i) {
    Value member;
    const Access access = MemberOf(items[i], call.Argument(0), &member);
    if (access == Access::kWrongType) FailProperty(call);
    if (access != Access::kFound) return false;
    const bool matches = wanted.is_nil() ? IsTruthy(member) : AreEqual(member, wanted);
    if (!take(i, items[i], matches)) return true;
  }
  return true;
}

template <bool keeps_matches>
Datum Filtered(const Call& call) {
  Items chosen;
  const bool all = Choose(call, Input(call), [&](size_t, const Value& item, bool matches) {
    if (matches == keeps_matches) chosen.push_back(item);
    return true;
  });
  return all ? call.work.KeepList(chosen) : Datum();
}

// The index of the first match: -1 for none, nullopt for the filter that returns nothing.
std::optional<int64_t> FirstMatch(const Call& call, const Items& items) {
  int64_t found = -1;
  const bool all = Choose(call, items, [&](size_t i, const Value&, bool matches) {
    if (matches) found = static_cast<int64_t>(i);
    return !matches;
  });
  return all ? std::optional(found) : std::nullopt;
}

Datum Find(const Call& call) {
  const Items items = Input(call);
  const int64_t found = FirstMatch(call, items).value_or(-1);
  return found < 0 ? Value() : items[static_cast<size_t>(found)];
}

Datum FindIndex(const Call& call) {
  const int64_t found = FirstMatch(call, Input(call)).value_or(-1);
  return found < 0 ? Value() : Value::Int(found);
}

Datum Has(const Call& call) {
  const auto found = FirstMatch(call, Input(call));
  return found ? Value::Bool(*found >= 0) : Value();
}

// What stands for nothing, false or empty.
Datum Default(const Call& call) {
  const Datum& input = call.input;
  const bool allows_false = IsTruthy(call.named);
  const bool is_missing = input.is_nil() || (!allows_false && !IsTruthy(input));
  if (!is_missing && !AreEqual(Datum::Special(DatumKind::kEmpty), input)) return input;
  return call.Has(0) ? call.Argument(0) : Datum(Value::String(""), Origin::kLiteral);
}

}  // namespace

const std::vector<Filter>& ListFilters() {
  static const auto* const kFilters = new std::vector<Filter>{
      {"join", 0, 1, Join},
      {"first", 0, 0, First},
      {"last", 0, 0, Last},
      {"size", 0, 0, Size},
      {"reverse", 0, 0, Reverse},
      {"concat", 1, 1, Concat},
      {"map", 1, 1, Map},
      {"compact", 0, 1, Compact},
      {"uniq", 0, 1, Uniq},
      {"sum", 0, 1, Sum},
      {"sort", 0, 1, Sort},
      {"sort_natural", 0, 1, SortNatural},
      {"where", 1, 2, Filtered<true>},
      {"reject", 1, 2, Filtered<false>},
      {"find", 1, 2, Find},
      {"find_index", 1, 2, FindIndex},
      {"has", 1, 2, Has},
      {"default", 0, 1, Default, "allow_false"},
  };
  return *kFilters;
}

}  // namespace sojourn::liquid
