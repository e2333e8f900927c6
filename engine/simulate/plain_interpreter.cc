#include "engine/simulate/plain_interpreter.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sojourn::simulate {

PlainInterpreter::PlainInterpreter(const PlainRules& rules, const PlainLife& life,
                                   PlantedMistake mistake)
    : rules_(rules), life_(life), mistake_(mistake) {
  person_.email = life.email;
  person_.level = life.level;
  person_.zone = life.zone;
  person_.birthday = life.birthday;
}

std::vector<std::string> PlainInterpreter::Run() {
  now_ = judged_ = life_.start;
  person_.UpdateSegments(rules_, now_);
  PlanAll();
  for (const PlainEvent& event : life_.events) {
    const bool timers_first = mistake_ == PlantedMistake::kTimersFirst;
    while (FireNext(timers_first ? event.at : event.at - 1)) continue;
    if (trace_.size() > kPlainMostLines) break;
    Take(event);
    Tell("level " + (person_.level ? std::to_string(*person_.level) : "none"));
  }
  while (FireNext(life_.until)) continue;
  trace_.resize(std::min(trace_.size(), kPlainMostLines));
  return std::move(trace_);
}

// ---- time (section 6.2) ----------------------------------------------------------------------

bool PlainInterpreter::FireNext(int64_t until) {
  if (trace_.size() > kPlainMostLines) return false;
  const int64_t flip = NextFlip();
  const int64_t run = NextRun() == nullptr ? kPlainNever : NextRun()->due;
  const int64_t plan = NextPlan() == nullptr ? kPlainNever : NextPlan()->due;
  if (std::min({flip, run, plan}) > until) return false;
  const bool flips_last = mistake_ == PlantedMistake::kFlipsLast;
  if (plan < std::min(flip, run)) {
    FirePlan(NextPlan());
  } else if (flip < run || (flip == run && !flips_last)) {
    FireFlips(flip);
  } else {
    FireRun(NextRun());
  }
  return true;
}

// When time alone may change a segment or an awaited condition.
int64_t PlainInterpreter::NextFlip() const {
  int64_t next = kPlainNever;
  for (const PlainSegment& segment : rules_.segments) {
    next = std::min(next, person_.NextTurn(segment.where, judged_));
  }
  for (const auto& run : runs_) {
    const bool waits = run->active && run->waits_for != nullptr;
    if (!waits || run->waits_for->kind != PlainStep::Kind::kWaitCondition) continue;
    const int64_t after = std::max(judged_, run->waits_since);
    next = std::min(next, person_.NextTurn(run->waits_for->condition, after));
  }
  return next;
}

void PlainInterpreter::FireFlips(int64_t due) {
  Begin(due);
  Handle(Judge());
  DrainQueue();
}

void PlainInterpreter::FireRun(PlainRun* run) {
  Begin(run->due);
  run->due = kPlainNever;
  if (run->waits_for != nullptr) {
    ++counts_[PlainNameOf(*run->waits_for) + ", its time is over"];
    GoOn(run, run->waits_for->otherwise, run->waits_at + ".else.");
  }
  Walk(run);
  DrainQueue();
}

void PlainInterpreter::Begin(int64_t now) {
  std::erase_if(runs_, [](const auto& run) { return !run->active && !run->remembered; });
  for (const auto& run : runs_) run->is_ready = false;
  now_ = now;
  depth_ = 0;
  queued_ = 0;
}

PlainRun* PlainInterpreter::NextRun() {
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

// ---- one record (section 6.3) ----------------------------------------------------------------

void PlainInterpreter::Take(const PlainEvent& record) {
  Begin(record.at);
  if (person_.IsRepeated(record)) return Tell("dropped duplicate");
  PlainEvent event = record;
  event.time = std::min(record.time, now_);
  if (mistake_ == PlantedMistake::kLateIsNow) event.time = now_;
  TakeEvent(event);
  DrainQueue();
}

void PlainInterpreter::DrainQueue() {
  while (!queue_.empty()) {
    const PlainItem next = queue_.front();
    queue_.pop_front();
    depth_ = next.depth;
    if (next.event) TakeEvent(*next.event);
    if (!next.event) Handle(next);
  }
}

// (b)
void PlainInterpreter::TakeEvent(const PlainEvent& event) {
  person_.Change(event);
  if (event.name == "Identify") PlanAgain();
  PlainItem item = Judge();
  item.event = event;
  Handle(item);
}

// Segments as they are now, and the runs whose wait that ends: each once until it goes on.
PlainItem PlainInterpreter::Judge() {
  PlainItem item;
  item.changes = person_.UpdateSegments(rules_, now_);
  judged_ = now_;
  for (const auto& run : runs_) {
    if (!run->active || run->is_ready || !IsAwaited(*run, item.changes)) continue;
    run->is_ready = true;
    item.ready.insert(run.get());
  }
  return item;
}

bool PlainInterpreter::IsAwaited(const PlainRun& run, const PlainChanges& changes) const {
  const PlainStep* const wait = run.waits_for;
  if (wait == nullptr) return false;
  if (wait->kind == PlainStep::Kind::kWaitCondition) {
    return Holds(wait->condition, run.event, run.trigger);
  }
  return wait->kind == PlainStep::Kind::kWaitSegment &&
         IsChange({"", {}, wait->text, wait->relative}, changes);
}

void PlainInterpreter::Enqueue(PlainItem item) {
  if (depth_ == 8) return Tell("queued_dropped depth_limit");
  if (queued_ == 256) return Tell("queued_dropped queue_limit");
  ++queued_;
  item.depth = depth_ + 1;
  queue_.push_back(std::move(item));
}

// (c) to (e). Without an event: segments and conditions have changed.
void PlainInterpreter::Handle(const PlainItem& item) {
  for (PlainRun* run : OldestFirst(true)) EndOrNot(run, item);
  for (PlainRun* run : OldestFirst(false)) EndOrNot(run, item);
  for (PlainRun* run : OldestFirst(true)) Advance(run, item);
  for (const PlainJourney& journey : rules_.journeys) StartOrNot(journey, item);
}

std::vector<PlainRun*> PlainInterpreter::OldestFirst(bool active) {
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
void PlainInterpreter::EndOrNot(PlainRun* run, const PlainItem& item) {
  const std::string reason = run->active ? ExitReason(*run, item) : "";
  const bool exits_first = mistake_ == PlantedMistake::kExitBeforeGoal;
  if (exits_first && !reason.empty()) return End(run, reason);
  if (item.event && ReachesGoal(*run, *item.event)) {
    run->goal_reached = true;
    Tell("goal " + run->journey->name);
    if (run->active && run->journey->exit_on_goal) return End(run, "goal");
  }
  if (run->active && !reason.empty()) End(run, reason);
}

bool PlainInterpreter::ReachesGoal(const PlainRun& run, const PlainEvent& event) const {
  const PlainJourney& journey = *run.journey;
  if (run.goal_reached || !journey.goal || !(run.active || run.remembered)) return false;
  if (journey.goal_within > 0 && now_ - run.entered >= journey.goal_within) return false;
  return Matches(*journey.goal, event, run.trigger);
}

std::string PlainInterpreter::ExitReason(const PlainRun& run, const PlainItem& item) const {
  for (const PlainMatch& match : run.journey->exit_on) {
    if (IsChange(match, item.changes)) return match.leaves ? "leaves_segment" : "enters_segment";
    if (item.event && Matches(match, *item.event, run.trigger)) return "event";
  }
  return "";
}

void PlainInterpreter::End(PlainRun* run, const std::string& reason) {
  run->active = false;
  run->due = kPlainNever;
  Tell("exit " + run->journey->name + " " + reason);
  const bool by_itself = reason == "completed" || reason == "left";
  if (by_itself && run->journey->goal_within > 0) Remember(run);
}

// Of the runs whose goal may yet be reached, the newest 64.
void PlainInterpreter::Remember(PlainRun* run) {
  run->remembered = true;
  run->ended = ++ended_;
  std::vector<PlainRun*> all;
  for (const auto& one : runs_) {
    const bool in_time = now_ - one->entered < one->journey->goal_within;
    one->remembered = one->remembered && in_time && !one->goal_reached;
    if (one->remembered) all.push_back(one.get());
  }
  if (all.size() <= 64) return;
  ++counts_["ended run forgotten"];
  const auto oldest = std::min_element(all.begin(), all.end(),
                                       [](auto* a, auto* b) { return a->ended < b->ended; });
  (*oldest)->remembered = false;
}

// (d)
void PlainInterpreter::Advance(PlainRun* run, const PlainItem& item) {
  if (!run->active || run->waits_for == nullptr) return;
  const PlainStep& wait = *run->waits_for;
  if (item.ready.count(run) > 0) {
    run->is_ready = false;
    const char* const by = item.event ? "an event" : depth_ > 0 ? "update_person" : "time alone";
    ++counts_[PlainNameOf(wait) + ", by " + by];
    GoOn(run, wait.then, run->waits_at + ".then.");
    return Walk(run);
  }
  if (!item.event || wait.kind != PlainStep::Kind::kWaitUntil) return;
  for (size_t i = 0; i < wait.ways.size(); ++i) {
    if (!Matches(wait.ways[i].match, *item.event, run->trigger)) continue;
    run->event = *item.event;
    ++counts_[PlainNameOf(wait) + ", way " + std::to_string(i + 1)];
    const std::string number = wait.ways.size() > 1 ? "." + std::to_string(i + 1) : "";
    GoOn(run, wait.ways[i].steps, run->waits_at + number + ".then.");
    return Walk(run);
  }
}

// (e): event triggers before segment triggers; what is refused is not replaced.
void PlainInterpreter::StartOrNot(const PlainJourney& journey, const PlainItem& item) {
  const bool by_event = item.event && MatchesAny(journey.triggers, *item.event);
  if (by_event) Start(journey, *item.event);
  // A change of membership has no key, which is told once.
  const bool has_key = by_event && item.event->texts.count("key") > 0;
  if (by_event && !(journey.one_run_per_key && has_key)) return;
  for (const PlainMatch& match : journey.triggers) {
    if (!IsChange(match, item.changes)) continue;
    PlainEvent change;
    change.at = change.time = now_;
    change.name = match.leaves ? "leaves_segment" : "enters_segment";
    return Start(journey, change);
  }
}

bool PlainInterpreter::MatchesAny(const std::vector<PlainMatch>& matches,
                                  const PlainEvent& event) const {
  return std::any_of(matches.begin(), matches.end(),
                     [&](const PlainMatch& match) { return Matches(match, event, event); });
}

// ---- entries (section 2) ---------------------------------------------------------------------

void PlainInterpreter::Start(const PlainJourney& journey, const PlainEvent& event) {
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
  if (OldestFirst(true).size() >= 64) return Refuse(journey, "run_limit");
  Enter(journey, key, event);
}

void PlainInterpreter::Refuse(const PlainJourney& journey, const std::string& reason) {
  Tell("refused " + journey.name + " " + reason);
}

bool PlainInterpreter::MayReenter(const PlainJourney& journey, const std::string& key) const {
  const auto entries = last_entries_.find(journey.name);
  if (entries == last_entries_.end() || journey.reentry == PlainJourney::Reentry::kAlways) {
    return true;
  }
  const bool any_key = mistake_ == PlantedMistake::kReentryByKeyLost;
  for (const auto& [of, moment] : entries->second) {
    if (of != key && !any_key) continue;
    if (journey.reentry == PlainJourney::Reentry::kNever) return false;
    if (now_ - moment < journey.reentry_after) return false;
  }
  return true;
}

// The newest 256 keys.
void PlainInterpreter::RememberEntry(const PlainJourney& journey, const std::string& key) {
  auto& entries = last_entries_[journey.name];
  std::erase_if(entries, [&](const auto& entry) { return entry.first == key; });
  entries.emplace_back(key, now_);
  if (entries.size() <= 256) return;
  ++counts_["run key forgotten"];
  entries.erase(entries.begin());
}

void PlainInterpreter::Enter(const PlainJourney& journey, const std::string& key,
                             const PlainEvent& event) {
  RememberEntry(journey, key);
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

// ---- conditions (section 5) ------------------------------------------------------------------

bool PlainInterpreter::Matches(const PlainMatch& match, const PlainEvent& event,
                               const PlainEvent& trigger) const {
  return match.segment.empty() && match.event == event.name && Holds(match.where, event, trigger);
}

bool PlainInterpreter::Holds(const PlainCondition& condition, const PlainEvent& event,
                             const PlainEvent& trigger) const {
  return person_.Holds(condition, event, trigger, now_);
}

std::vector<std::string> InterpretPlainly(const PlainRules& rules, const PlainLife& life,
                                          PlantedMistake mistake, PlainCounts* counts) {
  PlainInterpreter interpreter(rules, life, mistake);
  std::vector<std::string> trace = interpreter.Run();
  if (counts == nullptr) return trace;
  for (const auto& [what, times] : interpreter.counts()) (*counts)[what] += times;
  return trace;
}

}  // namespace sojourn::simulate
