#include "engine/step/continue_runs.h"

#include <algorithm>

#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::WaitAlternative;
using language::WaitUntilStep;
using model::RestKind;

std::optional<Move> OnEvent(Walk& walk, const WaitUntilStep& wait) {
  Session& session = walk.session;
  const Item& item = *session.item;
  if (!item.has_event) return std::nullopt;
  const expr::Activation activation =
      session.Activate(walk.Here(), &item.event, &walk.trigger, &walk.run);
  for (const WaitAlternative& alternative : wait.alternatives) {
    if (alternative.event != item.event.name) continue;
    if (!session.Judge(alternative.where, walk.Here(), activation)) continue;
    session.ExplainTrail();  // before the run's `event` changes
    walk.Consume(item.event, item.event_id);
    return Move::To(alternative.then);
  }
  return std::nullopt;
}

std::optional<Move> OnReady(Walk& walk, const WaitUntilStep& wait) {
  const auto& ready = walk.session.item->ready;
  const RunName name{walk.run.journey, walk.run.entry};
  if (std::find(ready.begin(), ready.end(), name) == ready.end()) return std::nullopt;
  walk.session.UnmarkReady(walk.run);
  return Move::To(wait.then);
}

std::optional<Move> WayOn(Walk& walk) {
  if (walk.step == nullptr) return std::nullopt;
  const auto* wait = std::get_if<WaitUntilStep>(&walk.step->action);
  if (wait == nullptr) return std::nullopt;
  switch (walk.run.rest) {
    case RestKind::kWaitEvent:
      return OnEvent(walk, *wait);
    case RestKind::kWaitSegment:
    case RestKind::kWaitCondition:
      return OnReady(walk, *wait);
    default:
      return std::nullopt;
  }
}

bool Waits(RestKind rest) {
  return rest == RestKind::kWaitEvent || rest == RestKind::kWaitSegment ||
         rest == RestKind::kWaitCondition;
}

}  // namespace

void ContinueRuns(Session& session) {
  auto& runs = session.person.runs;
  for (uint32_t i = 0; i < runs.size();) {
    const uint32_t before = runs.size();
    if (Waits(runs[i].rest)) {
      session.trail.clear();
      Walk walk(session, i);
      if (const std::optional<Move> move = WayOn(walk)) Go(walk, *move);
    }
    if (runs.size() == before) ++i;  // else the run ended, and the next one stands here
  }
}

}  // namespace sojourn::step
