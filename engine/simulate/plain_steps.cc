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
               HoldsIn(*run, frame.repeat->condition)) {
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
    case Kind::kWebhook:
      return Call(*run, step, id);
    case Kind::kCoupon:
      return Allot(run, step, id);
    case Kind::kChoose:
      return Choose(run, step, id);
    case Kind::kAbTest:
      return TakePath(run, step, id);
    case Kind::kUpdate:
      return Update(*run, step, id);
    case Kind::kEmit:
      return Emit(*run, step, id);
    case Kind::kExit:
      return End(run, step.text);
    case Kind::kIf:
    case Kind::kRepeat:
      return Decide(run, step, id);
    case Kind::kWaitUntil:
    case Kind::kWaitSegment:
    case Kind::kWaitCondition:
      return WaitUntil(run, step, id);
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
  const bool holds = HoldsIn(*run, step.condition);
  if (step.kind == PlainStep::Kind::kRepeat) {
    if (holds) run->frames.push_back({&step.then, id + ".steps.", 0, &step});
  } else {
    GoOn(run, holds ? step.then : step.otherwise, id + (holds ? ".then." : ".else."));
  }
}

// ab_test.NAME is an error before the test was passed.
bool PlainInterpreter::HoldsIn(const PlainRun& run, const PlainCondition& condition) const {
  if (condition.kind != PlainCondition::Kind::kPath) {
    return Holds(condition, run.event, run.trigger);
  }
  return run.paths.count(condition.text) > 0 && run.paths.at(condition.text) == condition.path;
}

void PlainInterpreter::Choose(PlainRun* run, const PlainStep& step, const std::string& id) {
  for (size_t i = 0; i < step.ways.size(); ++i) {
    if (!HoldsIn(*run, step.ways[i].condition)) continue;
    const std::string number = std::to_string(i + 1);
    ++counts_["choose, way " + number];
    return GoOn(run, step.ways[i].steps, id + "." + number + ".then.");
  }
  ++counts_[step.otherwise.empty() ? "choose, none" : "choose, otherwise"];
  GoOn(run, step.otherwise, id + ".otherwise.");
}

// Paths take the buckets in file order.
void PlainInterpreter::TakePath(PlainRun* run, const PlainStep& step, const std::string& id) {
  const int bucket = PlainBucket("ab", run->journey->name, step.text, life_.person);
  int end = 0;
  for (const PlainWay& way : step.ways) {
    end += way.share;
    if (bucket >= end) continue;
    run->paths[step.text] = way.name;
    Tell("path " + run->journey->name + " " + step.text + " " + way.name);
    return GoOn(run, way.steps, id + "." + way.name + ".");
  }
}

void PlainInterpreter::Wait(PlainRun* run, const PlainStep& step, const std::string& id) {
  using Kind = PlainStep::Kind;
  if (step.kind == Kind::kWait) return Rest(run, now_ + step.span, id, "wait");
  if (step.kind == Kind::kWaitMoment) return WaitForMoment(run, step, id);
  const std::string zone = ZoneOf(*run->journey);
  const bool counts_days = step.kind == Kind::kWaitDay;
  const int64_t until =
      counts_days ? PlainDayMoment(step, now_, zone) : PlainWeekdayMoment(step, now_, zone);
  const int64_t local = PlainLocal(until, zone);
  if (local - until != PlainLocal(now_, zone) - now_) ++counts_["wait over a change of the clocks"];
  if (PlainLocal(until + kPlainHour, zone) == local) ++counts_["wait for a repeated time"];
  if (local % kPlainDay != step.minute_of_day * kPlainMinute) ++counts_["wait for a skipped time"];
  Rest(run, until, id, "wait");
}

void PlainInterpreter::WaitForMoment(PlainRun* run, const PlainStep& step, const std::string& id) {
  const int64_t from = step.text == "now"          ? now_
                       : step.text == "event.time" ? run->event.time
                                                   : run->trigger.time;
  if (from + step.span - now_ > 3'653 * kPlainDay) return Skip(*run, id, "error");
  const bool is_past = from + step.span <= now_;
  ++counts_[is_past ? "wait until what is past" : "wait until what is ahead"];
  if (!is_past) Rest(run, from + step.span, id, "wait");
}

void PlainInterpreter::WaitUntil(PlainRun* run, const PlainStep& step, const std::string& id) {
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

}  // namespace sojourn::simulate
