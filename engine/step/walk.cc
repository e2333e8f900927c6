#include "engine/step/walk.h"

#include "engine/base/limits.h"
#include "engine/step/runs.h"
#include "engine/step/trace.h"

namespace sojourn::step {
namespace {

void ClearRest(model::Run* run) {
  run->rest = model::RestKind::kWait;
  run->deadline = Timestamp::Max();
  run->flip_at = Timestamp::Max();
}

Move PassStep(Walk& walk) {
  ClearRest(&walk.run);
  if (walk.session.environment.tracing) {
    walk.session.Note(model::FactKind::kStepPassed, walk.Here());
  }
  return std::visit([&](const auto& action) { return Pass(walk, action); }, walk.step->action);
}

}  // namespace

Walk::Walk(Session& session, uint32_t index)
    : session(session), index(index), run(session.person.runs[index]) {
  const auto rules = session.rules.Find(run.journey, run.revision);
  bundle = rules.bundle;
  journey = rules.journey;
  if (journey != nullptr && run.position < journey->steps.size()) {
    step = &journey->steps[run.position];
  }
  trigger = ViewOf(run.trigger);
  event = run.event_is_trigger ? trigger : ViewOf(run.event);
}

void Walk::Consume(const expr::EventView& consumed, std::string_view event_id) {
  run.event = TakeSnapshot(session, consumed, event_id, {&journey->event_properties});
  run.event_is_trigger = false;
  event = ViewOf(run.event);
}

Move Walk::RestUntil(model::RestKind kind, Timestamp deadline) {
  run.rest = kind;
  run.deadline = deadline;
  TraceRest(*this);
  return Move::Rest();
}

Move Walk::Skip(std::string_view reason) {
  session.NoteSkipped(Here(), reason);
  return Move::To(step->next);
}

std::optional<EvaluatedValues> EvaluateAll(Walk& walk, const language::NamedValues& values) {
  EvaluatedValues evaluated;
  const expr::Activation activation = walk.Activate();
  for (const auto& [name, program] : values) {
    const auto value = walk.session.Evaluate(*program, walk.Here(), activation);
    if (!value) return std::nullopt;
    evaluated.emplace_back(name, *value);
  }
  return evaluated;
}

void Go(Walk& walk, Move move) {
  for (int passed = 0; move.kind == Move::Kind::kGoOn; ++passed) {
    if (move.position >= walk.journey->steps.size()) {
      return EndRun(walk.session, walk.index, "completed", true);
    }
    if (passed == kMaxStepsPerWalk) return EndRun(walk.session, walk.index, "limit");
    walk.run.position = move.position;
    walk.step = &walk.journey->steps[move.position];
    move = PassStep(walk);
  }
  if (move.kind == Move::Kind::kEnd) EndRun(walk.session, walk.index, move.reason, true);
}

Move AfterDeadline(const Walk& walk) {
  if (std::holds_alternative<language::WaitStep>(walk.step->action)) {
    return Move::To(walk.step->next);
  }
  if (const auto* wait = std::get_if<language::WaitUntilStep>(&walk.step->action)) {
    return Move::To(wait->otherwise);
  }
  return Move::To(walk.run.position);  // a held send passes its gates again
}

}  // namespace sojourn::step
