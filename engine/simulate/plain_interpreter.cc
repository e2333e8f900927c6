// The journey language's sections 2 to 7 in the plainest way: a list of runs, and a loop that finds
// the smallest moment due. Slow, and of one mind with nothing of engine/step.
#include <algorithm>
#include <deque>
#include <memory>
#include <tuple>
#include <utility>

#include "engine/simulate/plain_journey.h"
#include "engine/simulate/plain_person.h"
#include "engine/simulate/plain_run.h"

namespace sojourn::simulate {
namespace {

class Interpreter {
 public:
  Interpreter(const PlainRules& rules, const PlainLife& life, PlantedMistake mistake)
      : rules_(rules), life_(life), mistake_(mistake) {
    person_.email = life.email;
    person_.level = life.level;
  }

  std::vector<std::string> Run() {
    now_ = life_.start;
    person_.UpdateSegments(rules_, now_);
    for (const PlainEvent& event : life_.events) {
      const bool timers_first = mistake_ == PlantedMistake::kTimersFirst;
      while (FireNext(timers_first ? event.at : event.at - 1)) continue;
      Take(event);
      Tell("level " + (person_.level ? std::to_string(*person_.level) : "none"));
    }
    while (FireNext(life_.until)) continue;
    return std::move(trace_);
  }

 private:
  void Tell(const std::string& what) { trace_.push_back(PlainTime(now_) + " " + what); }

  // ---- time (section 6.2) --------------------------------------------------------------------

  bool FireNext(int64_t until) {
    const int64_t flip = person_.NextWindowEnd(rules_);
    const int64_t run = NextRun() == nullptr ? kPlainNever : NextRun()->due;
    if (std::min(flip, run) > until) return false;
    const bool flips_last = mistake_ == PlantedMistake::kFlipsLast;
    if (flip < run || (flip == run && !flips_last)) {
      Begin(flip);
      const PlainChanges changes = person_.UpdateSegments(rules_, now_);
      if (!changes.empty()) Handle(nullptr, changes, TakeReady(changes));
      DrainQueue();
    } else {
      FireRun(NextRun());
    }
    return true;
  }

  void Begin(int64_t now) {
    std::erase_if(runs_, [](const auto& run) { return !run->active && !run->remembered; });
    now_ = now;
    depth_ = 0;
    queued_ = 0;
  }

  PlainRun* NextRun() {
    PlainRun* next = nullptr;
    for (const auto& run : runs_) {
      if (!run->active || run->due == kPlainNever) continue;
      if (next == nullptr || std::tie(run->due, run->journey->name, run->key) <
                                 std::tie(next->due, next->journey->name, next->key)) {
        next = run.get();
      }
    }
    return next;
  }

  void FireRun(PlainRun* run) {
    Begin(run->due);
    run->due = kPlainNever;
    if (run->waits_for != nullptr) Branch(run, run->waits_for->otherwise, ".else.");
    Walk(run);
    DrainQueue();
  }

  // ---- one record (section 6.3) --------------------------------------------------------------

  void Take(const PlainEvent& record) {
    Begin(record.at);
    if (person_.IsRepeated(record)) return Tell("dropped duplicate");
    PlainEvent event = record;
    event.time = std::min(record.time, now_);
    if (mistake_ == PlantedMistake::kLateIsNow) event.time = now_;
    TakeEvent(event);
    DrainQueue();
  }

  void DrainQueue() {
    while (!queue_.empty()) {
      const PlainItem next = queue_.front();
      queue_.pop_front();
      depth_ = next.depth;
      if (next.event) TakeEvent(*next.event);
      if (!next.event) Handle(nullptr, next.changes, next.ready);
    }
  }

  void TakeEvent(const PlainEvent& event) {
    person_.Change(event);
    const PlainChanges changes = person_.UpdateSegments(rules_, now_);
    Handle(&event, changes, TakeReady(changes));
  }

  // (c) to (e). A null event: segments have changed without one.
  void Handle(const PlainEvent* event, const PlainChanges& changes,
              const std::set<PlainRun*>& ready) {
    for (PlainRun* run : OldestFirst(true)) EndOrNot(run, event, changes);
    for (PlainRun* run : OldestFirst(false)) EndOrNot(run, event, changes);
    for (PlainRun* run : OldestFirst(true)) Advance(run, event, ready.count(run) > 0);
    for (const PlainJourney& journey : rules_.journeys) StartOrNot(journey, event, changes);
  }

  std::vector<PlainRun*> OldestFirst(bool active) {
    std::vector<PlainRun*> runs;
    for (const auto& run : runs_) {
      if (run->active == active) runs.push_back(run.get());
    }
    std::stable_sort(runs.begin(), runs.end(), [](const PlainRun* a, const PlainRun* b) {
      return std::tie(a->entered, a->journey->name, a->key) <
             std::tie(b->entered, b->journey->name, b->key);
    });
    return runs;
  }

  // (c): goal, then exit_on.
  void EndOrNot(PlainRun* run, const PlainEvent* event, const PlainChanges& changes) {
    const std::string reason = ExitReason(*run, event, changes);
    const bool exits_first = mistake_ == PlantedMistake::kExitBeforeGoal;
    if (exits_first && run->active && !reason.empty()) return End(run, reason);
    if (event != nullptr && ReachesGoal(*run, *event)) {
      run->goal_reached = true;
      Tell("goal " + run->journey->name);
      if (run->active && run->journey->exit_on_goal) return End(run, "goal");
    }
    if (run->active && !reason.empty()) End(run, reason);
  }

  bool ReachesGoal(const PlainRun& run, const PlainEvent& event) const {
    const PlainJourney& journey = *run.journey;
    if (run.goal_reached || !journey.goal || !(run.active || run.remembered)) return false;
    if (journey.goal_within > 0 && now_ - run.entered >= journey.goal_within) return false;
    return Matches(*journey.goal, event, run.trigger);
  }

  std::string ExitReason(const PlainRun& run, const PlainEvent* event,
                         const PlainChanges& changes) const {
    for (const PlainMatch& match : run.journey->exit_on) {
      if (IsChange(match, changes)) return match.leaves ? "leaves_segment" : "enters_segment";
      if (event != nullptr && Matches(match, *event, run.trigger)) return "event";
    }
    return "";
  }

  void End(PlainRun* run, const std::string& reason) {
    run->active = false;
    run->due = kPlainNever;
    Tell("exit " + run->journey->name + " " + reason);
    const bool by_itself = reason == "completed" || reason == "left";
    run->remembered = by_itself && run->journey->goal_within > 0;
  }

  // (d)
  void Advance(PlainRun* run, const PlainEvent* event, bool is_ready) {
    if (!run->active || run->waits_for == nullptr) return;
    if (run->waits_for->kind == PlainStep::Kind::kWaitSegment) {
      if (!is_ready) return;
      run->is_ready = false;
    } else {
      if (event == nullptr || !Matches(run->waits_for->match, *event, run->trigger)) return;
      run->event = *event;
    }
    run->due = kPlainNever;
    Branch(run, run->waits_for->then, ".then.");
    Walk(run);
  }

  // Each run once until it goes on.
  std::set<PlainRun*> TakeReady(const PlainChanges& changes) {
    std::set<PlainRun*> ready;
    for (const auto& run : runs_) {
      const PlainStep* const wait = run->waits_for;
      if (!run->active || run->is_ready || wait == nullptr) continue;
      if (wait->kind != PlainStep::Kind::kWaitSegment) continue;
      if (!IsChange({"", {}, wait->text, wait->relative}, changes)) continue;
      run->is_ready = true;
      ready.insert(run.get());
    }
    return ready;
  }

  // (e): event triggers before segment triggers; what is refused is not replaced.
  void StartOrNot(const PlainJourney& journey, const PlainEvent* event,
                  const PlainChanges& changes) {
    const bool by_event = event != nullptr && MatchesAny(journey.triggers, *event);
    if (by_event) Start(journey, *event);
    // A change of membership has no key, which is told once.
    const bool has_key = by_event && event->texts.count("key") > 0;
    if (by_event && !(journey.one_run_per_key && has_key)) return;
    for (const PlainMatch& match : journey.triggers) {
      if (!IsChange(match, changes)) continue;
      PlainEvent change;
      change.at = change.time = now_;
      change.name = match.leaves ? "leaves_segment" : "enters_segment";
      return Start(journey, change);
    }
  }

  bool MatchesAny(const std::vector<PlainMatch>& matches, const PlainEvent& event) const {
    return std::any_of(matches.begin(), matches.end(),
                       [&](const PlainMatch& match) { return Matches(match, event, event); });
  }

  void Start(const PlainJourney& journey, const PlainEvent& event) {
    std::string key;
    if (journey.one_run_per_key) {
      if (event.texts.count("key") == 0) return Refuse(journey, "run_key_error");
      key = event.texts.at("key");
    }
    if (!MayReenter(journey, key)) return Refuse(journey, "reentry");
    if (!Holds(journey.only_if, event, event)) return Refuse(journey, "only_if");
    for (const auto& run : runs_) {
      if (!run->active || run->journey != &journey || run->key != key) continue;
      if (!journey.restart) return Refuse(journey, "already_running");
      End(run.get(), "restarted");
    }
    Enter(journey, key, event);
  }

  void Refuse(const PlainJourney& journey, const std::string& reason) {
    Tell("refused " + journey.name + " " + reason);
  }

  std::string ReentryKey(const PlainJourney& journey, const std::string& key) const {
    return mistake_ == PlantedMistake::kReentryByKeyLost ? journey.name : journey.name + " " + key;
  }

  bool MayReenter(const PlainJourney& journey, const std::string& key) const {
    const auto last = last_entries_.find(ReentryKey(journey, key));
    if (last == last_entries_.end() || journey.reentry == PlainJourney::Reentry::kAlways) {
      return true;
    }
    if (journey.reentry == PlainJourney::Reentry::kNever) return false;
    return now_ - last->second >= journey.reentry_after;
  }

  void Enter(const PlainJourney& journey, const std::string& key, const PlainEvent& event) {
    last_entries_[ReentryKey(journey, key)] = now_;
    auto run = std::make_unique<PlainRun>();
    run->journey = &journey;
    run->key = key;
    run->entered = now_;
    run->trigger = run->event = event;
    run->frames.push_back({&journey.steps, ""});
    runs_.push_back(std::move(run));
    Tell("enter " + journey.name + " " + key);
    Walk(runs_.back().get());
  }

  // ---- steps (section 4) ---------------------------------------------------------------------

  // Leaves a wait_until by one of its ways.
  static void Branch(PlainRun* run, const std::vector<PlainStep>& steps, const std::string& way) {
    run->waits_for = nullptr;
    run->frames.push_back({&steps, run->waits_at + way});
  }

  // Until the run waits or ends.
  void Walk(PlainRun* run) {
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

  void Do(PlainRun* run, const PlainStep& step, const std::string& id) {
    using Kind = PlainStep::Kind;
    const bool holds = Holds(step.condition, run->event, run->trigger);
    if (step.kind == Kind::kSend) Send(run, step, id);
    if (step.kind == Kind::kWait) run->due = now_ + step.span;
    if (step.kind == Kind::kWaitDay) run->due = PlainDayMoment(step, now_);
    if (step.kind == Kind::kWaitWeekday) run->due = PlainWeekdayMoment(step, now_);
    if (step.kind == Kind::kWaitSegment && person_.IsWhereAwaited(step)) {
      run->frames.push_back({&step.then, id + ".then."});
    } else if (step.kind == Kind::kWaitUntil || step.kind == Kind::kWaitSegment) {
      run->due = now_ + step.span;
      run->waits_for = &step;
      run->waits_at = id;
    }
    if (step.kind == Kind::kIf && holds) run->frames.push_back({&step.then, id + ".then."});
    if (step.kind == Kind::kIf && !holds) run->frames.push_back({&step.otherwise, id + ".else."});
    if (step.kind == Kind::kRepeat && holds) {
      run->frames.push_back({&step.then, id + ".steps.", 0, &step});
    }
    if (step.kind == Kind::kUpdate) Update(*run, step, id);
    if (step.kind == Kind::kEmit) Emit(*run, step, id);
    if (step.kind == Kind::kExit) End(run, step.text);
  }

  void Update(const PlainRun& run, const PlainStep& step, const std::string& id) {
    if (step.relative && !person_.level) return Skip(run, id, "error");
    person_.level = (step.relative ? *person_.level : 0) + step.number;
    const PlainChanges changes = person_.UpdateSegments(rules_, now_);
    if (!changes.empty()) Enqueue({std::nullopt, changes, TakeReady(changes)});
  }

  void Emit(const PlainRun& run, const PlainStep& step, const std::string& id) {
    if (step.relative && run.event.numbers.count("value") == 0) return Skip(run, id, "error");
    PlainEvent event;
    event.at = event.time = now_;
    event.name = step.text;
    event.numbers["value"] = step.relative ? run.event.numbers.at("value") : step.number;
    Enqueue({event, {}, {}});
  }

  void Enqueue(PlainItem item) {
    if (depth_ == 8) return Tell("queued_dropped depth_limit");
    if (queued_ == 256) return Tell("queued_dropped queue_limit");
    ++queued_;
    item.depth = depth_ + 1;
    queue_.push_back(std::move(item));
  }

  void Skip(const PlainRun& run, const std::string& id, const std::string& reason) {
    Tell("skip " + run.journey->name + " " + id + " " + reason);
  }

  // ---- sends (section 7) ---------------------------------------------------------------------

  void Send(PlainRun* run, const PlainStep& step, const std::string& id) {
    const bool includes_edge = mistake_ == PlantedMistake::kCapIncludesEdge;
    const std::string refusal = person_.RefusalOf(step.text, now_, rules_.caps, includes_edge);
    if (!refusal.empty()) return Skip(*run, id, refusal);
    if (rules_.quiet_hours && step.text != "orders") {
      const int64_t end = PlainQuietEnd(*rules_.quiet_hours, now_);
      if (end > now_ && rules_.quiet_hours->skip) return Skip(*run, id, "quiet_hours");
      if (end > now_) {
        run->due = end;
        --run->frames.back().next;  // the same step again
        return;
      }
    }
    person_.sent.emplace_back(step.text, now_);
    Tell("send " + run->journey->name + " " + id + " " + step.text);
  }

  // ---- conditions (section 5) ----------------------------------------------------------------

  bool Matches(const PlainMatch& match, const PlainEvent& event, const PlainEvent& trigger) const {
    return match.segment.empty() && match.event == event.name && Holds(match.where, event, trigger);
  }
  bool Holds(const PlainCondition& condition, const PlainEvent& event,
             const PlainEvent& trigger) const {
    return person_.Holds(condition, event, trigger, now_);
  }

  const PlainRules& rules_;
  const PlainLife& life_;
  const PlantedMistake mistake_;
  int64_t now_ = 0;
  int depth_ = 0;   // of the item at hand
  int queued_ = 0;  // by the input at hand
  PlainPerson person_;
  std::map<std::string, int64_t> last_entries_;
  std::vector<std::unique_ptr<PlainRun>> runs_;
  std::deque<PlainItem> queue_;
  std::vector<std::string> trace_;
};

}  // namespace

std::vector<std::string> InterpretPlainly(const PlainRules& rules, const PlainLife& life,
                                          PlantedMistake mistake) {
  return Interpreter(rules, life, mistake).Run();
}

}  // namespace sojourn::simulate
