// What the tests of this folder share: rules from text, one person, and what came out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/rfc3339.h"
#include "engine/language/load.h"
#include "engine/step/step.h"

namespace sojourn::step {

using Files = std::map<std::string, std::string>;

inline std::shared_ptr<const language::Bundle> Load(const Files& files, uint32_t number = 0) {
  const language::LoadResult loaded = language::LoadBundle(files);
  if (loaded.bundle == nullptr) {
    ADD_FAILURE() << language::FormatDiagnostics(loaded.diagnostics,
                                                 language::DiagnosticFormat::kText);
    return nullptr;
  }
  const_cast<language::Bundle&>(*loaded.bundle).number = number;
  return loaded.bundle;
}

inline const Files& BasicFiles() {
  static const Files files = {
      {"company.yaml", "company: Shop\ntimezone: UTC\n"},
      {"templates/hello.liquid", "---\ntemplate: hello\nsubject: Hi\n---\nHi {{ person.name }}\n"}};
  return files;
}

// The basic files with others added or replaced.
inline Files With(const Files& more) {
  Files files = more;
  files.insert(BasicFiles().begin(), BasicFiles().end());
  return files;
}

inline Timestamp Start() { return *ParseRfc3339("2026-03-02T09:00:00Z"); }

class Driver {
 public:
  explicit Driver(const Files& files) : Driver({Load(files)}) {}
  // The current bundle, then older ones.
  explicit Driver(std::vector<std::shared_ptr<const language::Bundle>> bundles) {
    Use(std::move(bundles));
    secrets.coupon_key = "key";
    person.id = "u1";
  }

  void Use(std::vector<std::shared_ptr<const language::Bundle>> bundles) {
    kept.insert(kept.end(), bundles.begin(), bundles.end());
    const auto current = bundles.front();
    bundles.erase(bundles.begin());
    rules = std::make_unique<language::RuleSet>(current, bundles);
    environment.rules = rules.get();
    environment.secrets = &secrets;
    environment.partition = &partition;
  }

  using Properties = std::vector<std::pair<std::string_view, model::Value>>;

  // One record at `after` from the start, timers due before it first.
  void Apply(std::string_view name, Duration after, const Properties& properties = {},
             std::string_view id = "") {
    Fire(after + Milliseconds(-1));
    model::Event event = Make(name, after, properties, id);
    ApplyNow(event, Start() + after);
  }

  model::Event Make(std::string_view name, Duration after, const Properties& properties,
                    std::string_view id = "") {
    auto* entries = events_arena.AllocateArray<model::MapEntry>(properties.size());
    for (size_t i = 0; i < properties.size(); ++i) {
      entries[i] = {model::Value::String(properties[i].first), properties[i].second};
    }
    model::Event event;
    event.name = name;
    event.type = name == model::kIdentify ? model::EventType::kIdentify : model::EventType::kTrack;
    event.id = id;
    event.time = Start() + after;
    event.properties = model::Value::Map(entries, static_cast<uint32_t>(properties.size()));
    return event;
  }

  void ApplyNow(const model::Event& event, Timestamp log_time) {
    ApplyEvent(environment, {&event, {"web", Partition(2), Offset(++offset)}, log_time}, &person,
               &output);
  }

  void Fire(Duration until) {
    while (FireNextTimer(environment, Start() + until, &person, &output)) continue;
  }

  // Facts of a kind, with that reason where one is given.
  int Count(model::FactKind kind, std::string_view reason = "") const {
    int count = 0;
    for (const model::Fact& fact : output.facts) {
      if (fact.kind == kind && (reason.empty() || fact.reason == reason)) ++count;
    }
    return count;
  }

  std::vector<std::shared_ptr<const language::Bundle>> kept;
  std::unique_ptr<language::RuleSet> rules;
  Secrets secrets;
  PartitionState partition;
  Environment environment;
  model::Person person;
  StepOutput output;
  Arena events_arena;
  int64_t offset = 0;
};

}  // namespace sojourn::step
