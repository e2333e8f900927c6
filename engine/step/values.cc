// What a template reads, as JSON.
#include <algorithm>
#include <optional>

#include "engine/model/json_writer.h"
#include "engine/step/action.h"
#include "engine/step/known_values.h"

namespace sojourn::step {
namespace {

using model::JsonWriter;
using model::Value;

// The names below one root that a template reads.
struct Wanted {
  bool any = false;
  bool whole = false;
  std::vector<std::string_view> names;  // sorted, each once

  bool Has(std::string_view name) const {
    return whole || std::binary_search(names.begin(), names.end(), name);
  }
};

Wanted WantedBelow(const language::Template& rule, std::string_view root) {
  Wanted wanted;
  for (const std::string& path : rule.reads) {
    const std::string_view text = path;
    if (text.substr(0, root.size()) != root) continue;
    const std::string_view rest = text.substr(root.size());
    if (rest.empty()) {
      wanted.whole = true;
    } else if (rest[0] == '.' || rest[0] == '[') {
      wanted.names.push_back(rest.substr(1, rest.substr(1).find_first_of(".[")));
    } else {
      continue;
    }
    wanted.any = true;
  }
  std::sort(wanted.names.begin(), wanted.names.end());
  wanted.names.erase(std::unique(wanted.names.begin(), wanted.names.end()), wanted.names.end());
  return wanted;
}

// As expressions read it: null where it is not of the catalogue's type. What was text stays text.
Value Typed(const Value& value, const std::optional<expr::Type>& type) {
  if (!type || type->kind == expr::TypeKind::kDynamic) return value;
  const std::optional<Value> typed = expr::Coerce(value, type->kind);
  if (!typed) return Value::Null();
  return value.kind() == model::ValueKind::kString ? value : *typed;
}

template <typename TypeOf>
void WriteEntries(const Value& map, const Wanted& wanted, JsonWriter* json, const TypeOf& type_of) {
  if (map.kind() != model::ValueKind::kMap) return;
  for (uint32_t i = 0; i < map.size(); ++i) {
    const model::MapEntry& entry = map.entries()[i];
    if (entry.key.kind() != model::ValueKind::kString || !wanted.Has(entry.key.text())) continue;
    json->Member(entry.key.text(), Typed(entry.value, type_of(entry.key.text())));
  }
}

void WritePerson(const language::Bundle& bundle, const model::Person& person, const Wanted& wanted,
                 JsonWriter* json) {
  if (wanted.Has("id")) json->Member("id", Value::String(person.id));
  const auto seen = [&](std::string_view name, Timestamp at) {
    if (wanted.Has(name) && at != Timestamp::Min()) json->Member(name, Value::Time(at));
  };
  seen("first_seen_at", person.first_seen_at);
  seen("last_seen_at", person.last_seen_at);
  for (const model::Trait& trait : person.traits) {
    if (!wanted.Has(trait.name)) continue;
    json->Member(trait.name, Typed(trait.value, bundle.names->Trait(trait.name)));
  }
}

// Properties go before the built-in fields of the same name.
void WriteEvent(const Walk& walk, const expr::EventView& event, const Wanted& wanted,
                JsonWriter* json) {
  WriteEntries(event.properties, wanted, json, [&](std::string_view name) {
    return walk.bundle->names->EventProperty(event.name, name);
  });
  const auto built_in = [&](std::string_view name, const Value& value) {
    if (wanted.Has(name) && event.properties.Find(name) == nullptr) json->Member(name, value);
  };
  built_in("name", Value::String(event.name));
  built_in("time", Value::Time(event.time));
  if (!event.segment.empty()) built_in("segment", Value::String(event.segment));
}

void WriteCoupon(const model::Run& run, const Wanted& wanted, JsonWriter* json) {
  if (run.coupon_code.empty()) return;
  if (wanted.Has("code")) json->Member("code", Value::String(run.coupon_code));
  if (wanted.Has("expires_at") && run.coupon_expires_at != Timestamp::Max()) {
    json->Member("expires_at", Value::Time(run.coupon_expires_at));
  }
}

template <typename Write>
void WriteRoot(const language::Template& rule, std::string_view root, JsonWriter* json,
               const Write& write) {
  const Wanted wanted = WantedBelow(rule, root);
  if (!wanted.any) return;
  json->Key(root);
  json->BeginObject();
  write(wanted);
  json->EndObject();
}

void WritePersonRoot(const language::Bundle& bundle, const model::Person& person,
                     const language::Template& rule, JsonWriter* json) {
  WriteRoot(rule, "person", json, [&](const Wanted& w) { WritePerson(bundle, person, w, json); });
}

void WriteCompanyRoot(const language::Bundle& bundle, const language::Template& rule,
                      JsonWriter* json) {
  WriteRoot(rule, "company", json, [&](const Wanted& w) {
    WriteEntries(bundle.company.value, w, json,
                 [](std::string_view) { return std::optional<expr::Type>(); });
  });
}

void WriteRoots(Walk& walk, const language::Template& rule, JsonWriter* json) {
  WritePersonRoot(*walk.bundle, walk.session.person, rule, json);
  WriteRoot(rule, "event", json, [&](const Wanted& w) { WriteEvent(walk, walk.event, w, json); });
  WriteRoot(rule, "trigger", json,
            [&](const Wanted& w) { WriteEvent(walk, walk.trigger, w, json); });
  WriteRoot(rule, "ab_test", json, [&](const Wanted& w) {
    for (const model::PathTaken& taken : walk.run.paths) {
      if (w.Has(taken.test)) json->Member(taken.test, Value::String(taken.path));
    }
  });
  WriteRoot(rule, "coupon", json, [&](const Wanted& w) { WriteCoupon(walk.run, w, json); });
  WriteCompanyRoot(*walk.bundle, rule, json);
}

}  // namespace

std::string KnownValuesJson(const language::Bundle& bundle, const model::Person& person,
                            const language::Template& rule) {
  JsonWriter json;
  json.BeginObject();
  WritePersonRoot(bundle, person, rule, &json);
  WriteCompanyRoot(bundle, rule, &json);
  json.EndObject();
  return json.Take();
}

std::string ValuesJson(Walk& walk, const language::Template* template_rule,
                       const EvaluatedValues& data) {
  JsonWriter json;
  json.BeginObject();
  if (template_rule != nullptr) WriteRoots(walk, *template_rule, &json);
  if (!data.empty()) {
    json.Key("data");
    json.BeginObject();
    for (const auto& [name, value] : data) json.Member(name, value);
    json.EndObject();
  }
  json.EndObject();
  return json.Take();
}

}  // namespace sojourn::step
