#include "engine/step/runs.h"

#include <algorithm>
#include <tuple>

#include "engine/base/hash.h"
#include "engine/base/limits.h"

namespace sojourn::step {
namespace {

using model::EndedRun;
using model::JourneyMemory;
using model::Run;

void RememberEnded(Session& session, const Run& run, const language::Journey& journey) {
  if (!journey.goal || !journey.goal->within || run.goal_reached) return;
  if (session.now - run.entered_at >= *journey.goal->within) return;
  EndedRun ended;
  ended.journey = run.journey;
  ended.revision = run.revision;
  ended.run_key = run.run_key;
  ended.entry = run.entry;
  ended.entered_at = run.entered_at;
  ended.trigger = run.trigger;
  if (std::any_of(journey.goal->where.begin(), journey.goal->where.end(),
                  [](const auto& program) { return program->reads_run(); })) {
    ended.coupon_pool = run.coupon_pool;
    ended.coupon_code = run.coupon_code;
    ended.coupon_expires_at = run.coupon_expires_at;
    ended.paths = run.paths;
  }
  auto& remembered = session.person.ended_runs;
  if (remembered.size() == kMaxEndedRunsPerPerson) remembered.EraseFront(1);
  remembered.Append(&session.person.arena, ended);
}

bool Before(const Session& session, const Run& a, const Run& b) {
  if (a.entered_at != b.entered_at) return a.entered_at < b.entered_at;
  const std::string_view name_a = JourneyNameOf(session, a);
  const std::string_view name_b = JourneyNameOf(session, b);
  if (name_a != name_b) return name_a < name_b;
  return RunKeyLess(a.run_key, b.run_key);
}

}  // namespace

bool RunKeyLess(const model::Value& a, const model::Value& b) {
  if (a.kind() != b.kind()) return a.kind() < b.kind();
  if (a.kind() == model::ValueKind::kString) return a.text() < b.text();
  if (a.kind() == model::ValueKind::kInt) return a.int_value() < b.int_value();
  if (a.kind() == model::ValueKind::kBool) return a.bool_value() < b.bool_value();
  return false;
}

uint32_t InsertRun(Session& session, const Run& run) {
  auto& runs = session.person.runs;
  uint32_t index = runs.size();
  while (index > 0 && Before(session, run, runs[index - 1])) --index;
  runs.Insert(&session.person.arena, index, run);
  return index;
}

uint64_t HashRunKey(const Session& session, const model::Value& run_key) {
  const std::string text = std::to_string(static_cast<int>(run_key.kind())) + RunKeyText(run_key);
  return KeyedHash64(session.environment.secrets->event_id_key, text);
}

void EndRun(Session& session, uint32_t index, std::string_view reason, bool by_itself) {
  const Run& run = session.person.runs[index];
  const auto rules = session.rules.Find(run.journey, run.revision);
  model::Fact& fact = session.Note(model::FactKind::kExited, {rules.bundle, rules.journey, {}});
  fact.reason = reason;
  fact.detail = session.output.arena.Copy(RunKeyText(run.run_key));
  if (by_itself && rules.journey != nullptr) RememberEnded(session, run, *rules.journey);
  session.person.runs.Erase(index);
}

std::string_view JourneyNameOf(const Session& session, const Run& run) {
  const language::Journey* journey = session.rules.Find(run.journey, run.revision).journey;
  return journey == nullptr ? std::string_view() : std::string_view(journey->name);
}

JourneyMemory& MemoryOf(model::Person* person, uint64_t journey) {
  auto& memories = person->journeys;
  const auto at = std::lower_bound(
      memories.begin(), memories.end(), journey,
      [](const JourneyMemory& memory, uint64_t id) { return memory.journey < id; });
  if (at != memories.end() && at->journey == journey) return *at;
  const auto index = static_cast<uint32_t>(at - memories.begin());
  JourneyMemory memory;
  memory.journey = journey;
  return memories.Insert(&person->arena, index, memory);
}

}  // namespace sojourn::step
