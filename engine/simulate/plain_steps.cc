// What the plain interpreter's steps do.
#include "engine/simulate/plain_interpreter.h"

namespace sojourn::simulate {

std::string PlainNameOf(const PlainStep& wait_until) {
  if (wait_until.kind == PlainStep::Kind::kWaitCondition) return "wait_until condition";
  if (wait_until.kind == PlainStep::Kind::kWaitSegment) return "wait_until segment";
  return "wait_until event";
}

// ---- steps (section 4) -----------------------------------------------------------------------

// Until the run waits or ends.
void PlainInterpreter::Walk(PlainRun* run) {
  while (run->active && run->due == kPlainNever) {
    if (run->frames.empty()) return End(run, "completed");
    PlainFrame& frame = run->frames.back();
    if (frame.next < frame.steps->size()) {
      const std::string id = frame.prefix + std::to_string(frame.next + 1);
      const PlainStep& step = (*frame.steps)[frame.next++];
      Do(run, step, id);
    } else if (frame.repeat != nullptr && frame.passes < frame.repeat->number &&
               Holds(frame.repeat->condition, run->event, run->trigger)) {
      ++frame.passes;
      frame.next = 0;
    } else {
      run->frames.pop_back();
    }
  }
}

void PlainInterpreter::Do(PlainRun* run, const PlainStep& step, const std::string& id) {
  using Kind = PlainStep::Kind;
  switch (step.kind) {
    case Kind::kSend:
      return Send(run, step, id);
    case Kind::kUpdate:
      return Update(*run, step, id);
    case Kind::kEmit:
      return Emit(*run, step, id);
    case Kind::kExit:
      return End(run, step.text);
    case Kind::kIf:
    case Kind::kRepeat:
      return Decide(run, step, id);
    default:
      return Wait(run, step, id);
  }
}

// Takes these steps first, then goes on behind the branching one.
void PlainInterpreter::GoOn(PlainRun* run, const std::vector<PlainStep>& steps,
                            const std::string& prefix) {
  run->waits_for = nullptr;
  run->due = kPlainNever;
  run->frames.push_back({&steps, prefix});
}

void PlainInterpreter::Decide(PlainRun* run, const PlainStep& step, const std::string& id) {
  const bool holds = Holds(step.condition, run->event, run->trigger);
  if (step.kind == PlainStep::Kind::kRepeat) {
    if (holds) run->frames.push_back({&step.then, id + ".steps.", 0, &step});
  } else {
    GoOn(run, holds ? step.then : step.otherwise, id + (holds ? ".then." : ".else."));
  }
}

void PlainInterpreter::Wait(PlainRun* run, const PlainStep& step, const std::string& id) {
  using Kind = PlainStep::Kind;
  if (step.kind == Kind::kWait) return Rest(run, now_ + step.span, id, "wait");
  if (step.kind == Kind::kWaitDay) return Rest(run, PlainDayMoment(step, now_), id, "wait");
  if (step.kind == Kind::kWaitWeekday) {
    return Rest(run, PlainWeekdayMoment(step, now_), id, "wait");
  }
  if (HoldsOnArrival(*run, step)) {
    ++counts_[PlainNameOf(step) + ", on arrival"];
    return GoOn(run, step.then, id + ".then.");
  }
  Rest(run, now_ + step.span, id, PlainNameOf(step).substr(sizeof("wait_until")));
  run->waits_for = &step;
  run->waits_at = id;
  run->waits_since = now_;
}

void PlainInterpreter::Rest(PlainRun* run, int64_t until, const std::string& id,
                            const std::string& what) {
  run->due = until;
  Tell("rest " + run->journey->name + " " + id + " until " + PlainTime(until) + " " + what);
}

// Of a wait_until.
bool PlainInterpreter::HoldsOnArrival(const PlainRun& run, const PlainStep& step) const {
  if (step.kind == PlainStep::Kind::kWaitSegment) return person_.IsWhereAwaited(step);
  return step.kind == PlainStep::Kind::kWaitCondition &&
         Holds(step.condition, run.event, run.trigger);
}

void PlainInterpreter::Update(const PlainRun& run, const PlainStep& step, const std::string& id) {
  if (step.relative && !person_.level) return Skip(run, id, "error");
  person_.level = (step.relative ? *person_.level : 0) + step.number;
  PlainItem item = Judge();
  if (!item.changes.empty() || !item.ready.empty()) Enqueue(std::move(item));
}

void PlainInterpreter::Emit(const PlainRun& run, const PlainStep& step, const std::string& id) {
  if (step.relative && run.event.numbers.count("value") == 0) return Skip(run, id, "error");
  PlainEvent event;
  event.at = event.time = now_;
  event.name = step.text;
  event.numbers["value"] = step.relative ? run.event.numbers.at("value") : step.number;
  Enqueue({event, {}, {}});
}

void PlainInterpreter::Skip(const PlainRun& run, const std::string& id, const std::string& reason) {
  Tell("skip " + run.journey->name + " " + id + " " + reason);
}

// ---- sends (section 7) -----------------------------------------------------------------------

void PlainInterpreter::Send(PlainRun* run, const PlainStep& step, const std::string& id) {
  const bool includes_edge = mistake_ == PlantedMistake::kCapIncludesEdge;
  const std::string refusal = person_.RefusalOf(step.text, now_, rules_.caps, includes_edge);
  if (!refusal.empty()) return Skip(*run, id, refusal);
  if (rules_.quiet_hours && step.text != "orders") {
    const int64_t end = PlainQuietEnd(*rules_.quiet_hours, now_);
    if (end > now_ && rules_.quiet_hours->skip) return Skip(*run, id, "quiet_hours");
    if (end > now_) {
      --run->frames.back().next;  // the same step again
      return Rest(run, end, id, "quiet_hours");
    }
  }
  person_.sent.emplace_back(step.text, now_);
  Tell("send " + run->journey->name + " " + id + " " + step.text);
}

}  // namespace sojourn::simulate
