#include "engine/step/session.h"

#include <algorithm>

#include "engine/base/limits.h"

namespace sojourn::step {
namespace {

using model::Fact;
using model::FactKind;
using model::Value;

bool Wanted(const Properties& properties, std::string_view name) {
  for (const std::vector<std::string>* list : properties) {
    for (const std::string& wanted : *list) {
      if (wanted == "*" || wanted == name) return true;
    }
  }
  return false;
}

// The entries of `properties` that are wanted, copied.
Value CopyWanted(const Value& properties, const Properties& wanted, Arena* arena) {
  if (properties.kind() != model::ValueKind::kMap) return Value::Null();
  const auto is_wanted = [&](const model::MapEntry& entry) {
    return entry.key.kind() == model::ValueKind::kString && Wanted(wanted, entry.key.text());
  };
  const model::MapEntry* begin = properties.entries();
  const auto wanted_count = std::count_if(begin, begin + properties.size(), is_wanted);
  if (wanted_count == 0) return Value::Null();
  uint32_t count = 0;
  auto* entries = arena->AllocateArray<model::MapEntry>(static_cast<size_t>(wanted_count));
  for (uint32_t i = 0; i < properties.size(); ++i) {
    const model::MapEntry& entry = begin[i];
    if (!is_wanted(entry)) continue;
    entries[count++] = {model::DeepCopy(entry.key, arena), model::DeepCopy(entry.value, arena)};
  }
  return Value::Map(entries, count);
}

}  // namespace

expr::Activation Session::Activate(const Place& place, const expr::EventView* event,
                                   const expr::EventView* trigger, const model::Run* run) {
  const language::Company& company = place.bundle->company;
  expr::Activation activation;
  activation.person = &person;
  activation.event = event;
  activation.trigger = trigger;
  activation.run = run;
  activation.company = company.value;
  activation.consent_defaults = &company.consent_defaults;
  activation.zone = place.journey == nullptr ? &company.timezone : &Zone(*place.journey);
  activation.now = now;
  return activation;
}

const TimeZone& Session::Zone(const language::Journey& journey) {
  if (journey.zone_kind != language::JourneyZone::kPerson) return journey.zone;
  if (!person_zone_known_) {
    const Value* trait = person.FindTrait("timezone");
    person_zone_.reset();
    if (trait != nullptr && trait->kind() == model::ValueKind::kString) {
      person_zone_ = FindTimeZone(trait->text());
    }
    person_zone_known_ = true;
  }
  return person_zone_ ? *person_zone_ : journey.zone;
}

bool Session::Holds(const language::Conditions& conditions, const Place& place,
                    const expr::Activation& activation, expr::TimeWatch* watch) {
  expr::TimeWatch all;
  for (const language::ProgramPointer& program : conditions) {
    expr::TimeWatch one;
    std::string_view error;
    if (expr::EvaluateCondition(*program, activation, &output.arena,
                                watch == nullptr ? nullptr : &one, &error)) {
      all.Note(one.next_change);
      continue;
    }
    if (!error.empty()) Note(FactKind::kExpressionError, place).detail = output.arena.Copy(error);
    // Whatever the others do: nothing changes before this one does.
    if (watch != nullptr) watch->Note(one.next_change);
    return false;
  }
  if (watch != nullptr) watch->Note(all.next_change);
  return true;
}

bool Session::Judge(const language::Conditions& conditions, const Place& place,
                    const expr::Activation& activation) {
  for (const language::ProgramPointer& program : conditions) {
    trail.push_back({place, program.get(), activation, {}});
  }
  TraceConditions(conditions, place, activation);
  return Holds(conditions, place, activation);
}

void Session::TraceConditions(const language::Conditions& conditions, const Place& place,
                              const expr::Activation& activation) {
  if (!environment.tracing) return;
  for (const language::ProgramPointer& program : conditions) {
    const std::string explanation = expr::Explain(*program, activation, &output.arena);
    Note(FactKind::kCondition, place).detail =
        output.arena.Copy(program->text() + ": " + explanation);
  }
}

std::optional<Value> Session::Evaluate(const expr::Program& program, const Place& place,
                                       const expr::Activation& activation) {
  const Value value = expr::Evaluate(program, activation, &output.arena);
  if (!value.is_error()) return value;
  Note(FactKind::kExpressionError, place).detail = output.arena.Copy(value.text());
  return std::nullopt;
}

Fact& Session::Note(FactKind kind, const Place& place) {
  Fact fact;
  fact.kind = kind;
  fact.time = now;
  if (place.journey != nullptr) fact.journey = place.journey->name;
  fact.step = place.step;
  return output.facts.emplace_back(fact);
}

void Session::NoteSkipped(const Place& place, std::string_view reason) {
  Note(FactKind::kSkipped, place).reason = reason;
}

void Session::Enqueue(Item queued_item) {
  queued_item.depth = item->depth + 1;
  const bool deep = queued_item.depth > kMaxQueueDepth;
  if (deep || queued >= kMaxQueuedPerInput) {
    Fact& fact = Note(FactKind::kQueuedDropped);
    fact.name = queued_item.cause.input;
    fact.reason = deep ? "depth_limit" : "queue_limit";
    return;
  }
  ++queued;
  queue.push_back(std::move(queued_item));
}

bool Session::AlreadyReady(const model::Run& run) const {
  return std::find(ready_.begin(), ready_.end(), RunName{run.journey, run.entry}) != ready_.end();
}

void Session::UnmarkReady(const model::Run& run) {
  std::erase(ready_, RunName{run.journey, run.entry});
}

void Session::ExplainTrail() {
  for (JudgedCondition& judged : trail) {
    if (!judged.explanation.empty()) continue;
    judged.explanation = expr::Explain(*judged.program, judged.activation, &output.arena);
  }
}

expr::EventView ViewOf(const model::EventSnapshot& snapshot) {
  return {snapshot.name, snapshot.segment, snapshot.time, snapshot.properties};
}

model::EventSnapshot TakeSnapshot(Session& session, const expr::EventView& event,
                                  std::string_view event_id, const Properties& properties) {
  Arena* arena = &session.person.arena;
  model::EventSnapshot snapshot;
  snapshot.name = arena->Copy(event.name);
  snapshot.id = arena->Copy(event_id);
  snapshot.segment = arena->Copy(event.segment);
  snapshot.time = event.time;
  snapshot.properties = CopyWanted(event.properties, properties, arena);
  return snapshot;
}

std::string RunKeyText(const Value& run_key) {
  switch (run_key.kind()) {
    case model::ValueKind::kString:
      return std::string(run_key.text());
    case model::ValueKind::kInt:
      return std::to_string(run_key.int_value());
    case model::ValueKind::kBool:
      return run_key.bool_value() ? "true" : "false";
    default:
      return {};
  }
}

}  // namespace sojourn::step
