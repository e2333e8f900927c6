#include "engine/step/goals.h"

#include <algorithm>

#include "engine/step/runs.h"

namespace sojourn::step {
namespace {

using language::ExitKind;
using language::ExitRule;
using language::Goal;
using Rules = language::RuleSet::JourneyRevision;

// `what`: "goal" or "exit_on", for traces.
bool EventMatches(Session& session, const Rules& rules, std::string_view what,
                  std::string_view event, const language::Conditions& where,
                  const expr::EventView& trigger, const model::Run& run) {
  const Item& item = *session.item;
  if (!item.has_event || item.event.name != event) return false;
  const Place place{rules.bundle, rules.journey, {}};
  const expr::Activation activation = session.Activate(place, &item.event, &trigger, &run);
  session.TraceConditions(where, {rules.bundle, rules.journey, what}, activation);
  return session.Holds(where, place, activation);
}

bool ReachesGoal(Session& session, const Rules& rules, const model::Run& run) {
  const auto& goal = rules.journey->goal;
  if (!goal || run.goal_reached) return false;
  if (goal->within && session.now - run.entered_at >= *goal->within) return false;
  const expr::EventView trigger = ViewOf(run.trigger);
  return EventMatches(session, rules, "goal", goal->event, goal->where, trigger, run);
}

void NoteGoal(Session& session, const Rules& rules, const model::Value& run_key) {
  session.Note(model::FactKind::kGoal, {rules.bundle, rules.journey, {}}).detail =
      session.output.arena.Copy(RunKeyText(run_key));
}

bool SegmentChanged(const Item& item, uint64_t segment_id, bool entered) {
  for (const SegmentChange& change : item.changes) {
    if (change.segment->id == segment_id && change.entered == entered) return true;
  }
  return false;
}

bool ExitMatches(Session& session, const Rules& rules, const model::Run& run,
                 const ExitRule& rule) {
  switch (rule.kind) {
    case ExitKind::kGoal:
      return false;  // judged with the goal itself
    case ExitKind::kEvent: {
      const expr::EventView trigger = ViewOf(run.trigger);
      return EventMatches(session, rules, "exit_on", rule.event, rule.where, trigger, run);
    }
    case ExitKind::kEntersSegment:
      return SegmentChanged(*session.item, rule.segment_id, true);
    case ExitKind::kLeavesSegment:
      return SegmentChanged(*session.item, rule.segment_id, false);
  }
  return false;
}

std::string_view ReasonOf(ExitKind kind) {
  switch (kind) {
    case ExitKind::kGoal:
      return "goal";
    case ExitKind::kEvent:
      return "event";
    case ExitKind::kEntersSegment:
      return "enters_segment";
    case ExitKind::kLeavesSegment:
      return "leaves_segment";
  }
  return "";
}

// The reason to exit; empty: none.
std::string_view JudgeRun(Session& session, const Rules& rules, model::Run* run) {
  // The goal is looked at before every other exit, wherever it stands in the list.
  if (ReachesGoal(session, rules, *run)) {
    run->goal_reached = true;
    NoteGoal(session, rules, run->run_key);
    for (const ExitRule& rule : rules.journey->exit_on) {
      if (rule.kind == ExitKind::kGoal) return ReasonOf(rule.kind);
    }
  }
  for (const ExitRule& rule : rules.journey->exit_on) {
    if (ExitMatches(session, rules, *run, rule)) return ReasonOf(rule.kind);
  }
  return {};
}

// The parts of an ended run that a goal's condition can read.
model::Run AsRun(const model::EndedRun& ended) {
  model::Run run;
  run.journey = ended.journey;
  run.revision = ended.revision;
  run.run_key = ended.run_key;
  run.entry = ended.entry;
  run.entered_at = ended.entered_at;
  run.trigger = ended.trigger;
  run.coupon_pool = ended.coupon_pool;
  run.coupon_code = ended.coupon_code;
  run.coupon_expires_at = ended.coupon_expires_at;
  run.paths = ended.paths;
  return run;
}

void JudgeEndedRuns(Session& session) {
  auto& ended = session.person.ended_runs;
  for (uint32_t i = 0; i < ended.size();) {
    const Rules rules = session.rules.Find(ended[i].journey, ended[i].revision);
    const bool reachable = rules.journey != nullptr && rules.journey->goal &&
                           rules.journey->goal->within &&
                           session.now - ended[i].entered_at < *rules.journey->goal->within;
    const bool reached = reachable && ReachesGoal(session, rules, AsRun(ended[i]));
    if (reached) NoteGoal(session, rules, ended[i].run_key);
    if (reached || !reachable) {
      ended.Erase(i);
    } else {
      ++i;
    }
  }
}

}  // namespace

void ReachGoalsAndExit(Session& session) {
  auto& runs = session.person.runs;
  for (uint32_t i = 0; i < runs.size();) {
    const Rules rules = session.rules.Find(runs[i].journey, runs[i].revision);
    const std::string_view reason =
        rules.journey == nullptr ? std::string_view() : JudgeRun(session, rules, &runs[i]);
    if (reason.empty()) {
      ++i;
    } else {
      EndRun(session, i, reason);
    }
  }
  JudgeEndedRuns(session);
}

void ExitOnSegments(Session& session, const std::vector<RunName>& runs) {
  for (const RunName& name : runs) {
    auto& all = session.person.runs;
    const auto run = std::find_if(all.begin(), all.end(), [&](const model::Run& candidate) {
      return RunName{candidate.journey, candidate.entry} == name;
    });
    if (run == all.end()) continue;
    const auto rules = session.rules.Find(run->journey, run->revision);
    for (const ExitRule& rule : rules.journey->exit_on) {
      if (!ExitMatches(session, rules, *run, rule)) continue;
      EndRun(session, static_cast<uint32_t>(run - all.begin()), ReasonOf(rule.kind));
      break;
    }
  }
}

}  // namespace sojourn::step
