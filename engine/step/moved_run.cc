#include "engine/step/moved_run.h"

#include <vector>

namespace sojourn::step {
namespace {

using language::Journey;
using language::kEndOfJourney;
using language::RepeatStep;
using language::Step;
using language::WaitUntilKind;
using language::WaitUntilStep;
using model::RestKind;

// The steps that a step can lead to.
std::vector<uint32_t> WaysOn(const Step& step) {
  std::vector<uint32_t> ways = {step.next};
  if (const auto* wait = std::get_if<WaitUntilStep>(&step.action)) {
    ways = {wait->then, wait->otherwise};
    for (const auto& alternative : wait->alternatives) ways.push_back(alternative.then);
  } else if (const auto* branch = std::get_if<language::BranchStep>(&step.action)) {
    ways = {branch->otherwise};
    for (const auto& branch_case : branch->cases) ways.push_back(branch_case.then);
  } else if (const auto* test = std::get_if<language::AbTestStep>(&step.action)) {
    for (const auto& path : test->paths) ways.push_back(path.then);
  } else if (const auto* repeat = std::get_if<RepeatStep>(&step.action)) {
    ways.push_back(repeat->body);
  }
  return ways;
}

// Whether `position` lies in the body of the repeat at `repeat_position`: the body leads nowhere
// but back to it.
bool IsInside(const Journey& journey, uint32_t repeat_position, uint32_t position) {
  const auto& repeat = std::get<RepeatStep>(journey.steps[repeat_position].action);
  std::vector<bool> seen(journey.steps.size());
  std::vector<uint32_t> open = {repeat.body};
  while (!open.empty()) {
    const uint32_t at = open.back();
    open.pop_back();
    if (at >= journey.steps.size() || at == repeat_position || seen[at]) continue;
    if (at == position) return true;
    seen[at] = true;
    for (const uint32_t way : WaysOn(journey.steps[at])) open.push_back(way);
  }
  return false;
}

uint32_t RepeatsAround(const Journey& journey, uint32_t position) {
  uint32_t depth = 0;
  for (uint32_t i = 0; i < journey.steps.size(); ++i) {
    if (i == position || !std::holds_alternative<RepeatStep>(journey.steps[i].action)) continue;
    if (IsInside(journey, i, position)) ++depth;
  }
  return depth;
}

RestKind RestKindAt(const Step& step) {
  if (const auto* wait = std::get_if<WaitUntilStep>(&step.action)) {
    if (wait->kind == WaitUntilKind::kEvents) return RestKind::kWaitEvent;
    if (wait->kind == WaitUntilKind::kCondition) return RestKind::kWaitCondition;
    return RestKind::kWaitSegment;
  }
  if (std::holds_alternative<language::WaitStep>(step.action)) return RestKind::kWait;
  return RestKind::kQuietHours;  // at its deadline the step is taken anew
}

}  // namespace

Moved MoveRun(const Journey& from, const Journey& to, Arena* arena, model::Run* run) {
  if (run->position >= from.steps.size()) return Moved::kStays;
  std::string target = from.steps[run->position].id;
  const auto moved = to.moved_steps.find(target);
  if (moved != to.moved_steps.end()) target = moved->second;
  if (moved != to.moved_steps.end() && target == "exit") return Moved::kExits;
  const uint32_t position = to.FindStep(target);
  if (position == kEndOfJourney) return Moved::kStays;
  run->revision = to.revision;
  run->position = position;
  run->rest = RestKindAt(to.steps[position]);
  run->flip_at = Timestamp::Max();
  const uint32_t depth = RepeatsAround(to, position);
  while (run->passes.size() > depth) run->passes.Erase(run->passes.size() - 1);
  while (run->passes.size() < depth) run->passes.Append(arena, 1);
  return Moved::kMoved;
}

}  // namespace sojourn::step
