// Steps that act on the person inside the engine: update_person and emit_event.
#include "engine/step/dates.h"
#include "engine/step/history.h"
#include "engine/step/segments.h"
#include "engine/step/walk.h"

namespace sojourn::step {

Move Pass(Walk& walk, const language::UpdatePersonStep& update) {
  Session& session = walk.session;
  const auto traits = EvaluateAll(walk, update.traits);
  if (!traits) return walk.Skip("error");
  session.ExplainTrail();  // as it was when it was judged
  Changes changes;
  for (const auto& [name, value] : *traits) ChangeTrait(session, name, value, &changes);
  if (!changes.traits.empty()) {
    PlanDates(session);
    Item made;
    RecomputeSegments(session, changes, &made.changes);
    FindReadyRuns(session, made.changes, &made.ready);
    made.cause = session.item->cause;
    if (!made.changes.empty() || !made.ready.empty()) session.Enqueue(std::move(made));
  }
  return Move::To(walk.step->next);
}

Move Pass(Walk& walk, const language::EmitEventStep& emit) {
  Session& session = walk.session;
  const auto properties = EvaluateAll(walk, emit.properties);
  if (!properties) return walk.Skip("error");
  Arena* arena = &session.output.arena;
  auto* entries = arena->AllocateArray<model::MapEntry>(properties->size());
  uint32_t count = 0;
  for (const auto& [name, value] : *properties) {
    if (value.is_null()) continue;  // null means absent
    entries[count++] = {model::Value::String(name), model::DeepCopy(value, arena)};
  }
  Item emitted;
  emitted.has_event = true;
  emitted.event = {emit.name, {}, session.now, model::Value::Map(entries, count)};
  emitted.cause = session.item->cause;
  session.Enqueue(std::move(emitted));
  return Move::To(walk.step->next);
}

}  // namespace sojourn::step
