// What a person still waits for.

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/model/value.h"
#include "engine/simulate/explain.h"

namespace sojourn::simulate {
namespace {

using language::WaitUntilStep;
using model::RestKind;

std::string AwaitedText(const WaitUntilStep& wait) {
  std::string text;
  for (const language::WaitAlternative& one : wait.alternatives) {
    text += (text.empty() ? "" : " or ") + one.event;
  }
  if (wait.kind == language::WaitUntilKind::kInSegment) text = "membership in " + wait.segment;
  if (wait.kind == language::WaitUntilKind::kNotInSegment) text = "leaving " + wait.segment;
  if (wait.kind == language::WaitUntilKind::kCondition && !wait.condition.empty()) {
    text = wait.condition.front()->text();
  }
  return " for " + text;
}

std::string RunKey(const model::Run& run) {
  return run.run_key.is_null() ? "" : fmt::format(" (run {})", model::DebugString(run.run_key));
}

Pending PendingRun(const model::Run& run, const language::RuleSet& rules) {
  Pending pending;
  pending.at = std::min(run.deadline, run.flip_at);
  const auto revision = rules.Find(run.journey, run.revision);
  if (revision.journey == nullptr || run.position >= revision.journey->steps.size()) {
    pending.what = "a run of a journey that is gone waits until";
    return pending;
  }
  const language::Step& step = revision.journey->steps[run.position];
  pending.journey = revision.journey->name;
  pending.rule = step.position;
  pending.what = fmt::format("{}{} ", pending.journey, RunKey(run));
  if (run.rest == RestKind::kQuietHours) {
    pending.what += fmt::format("holds the send at {} for quiet hours, until", step.id);
    return pending;
  }
  pending.what += "waits at " + step.id;
  if (const auto* wait = std::get_if<WaitUntilStep>(&step.action)) {
    pending.what += AwaitedText(*wait);
  }
  const language::Journey* current = rules.FindCurrent(run.journey);
  if (current == nullptr || current->revision != run.revision) {
    pending.what += " (on an older revision)";
  }
  pending.what += ", until";
  return pending;
}

Pending PendingDate(const model::PlannedDate& date, const language::RuleSet& rules) {
  Pending pending;
  pending.at = date.at;
  const language::Journey* journey = rules.FindCurrent(date.journey);
  if (journey == nullptr || date.trigger >= journey->triggers.size()) return pending;
  pending.journey = journey->name;
  pending.what = journey->name + " has its next date on";
  pending.rule = journey->triggers[date.trigger].position;
  return pending;
}

}  // namespace

std::vector<Pending> PendingOf(const model::Person& person, const language::RuleSet& rules) {
  std::vector<Pending> all;
  for (const model::Run& run : person.runs) all.push_back(PendingRun(run, rules));
  for (const model::PlannedDate& date : person.planned_dates) {
    all.push_back(PendingDate(date, rules));
  }
  for (const model::PlannedEntry& entry : person.planned_entries) {
    const language::Journey* journey = rules.FindCurrent(entry.journey);
    if (journey == nullptr) continue;
    all.push_back(
        {journey->name + " is to be entered on", journey->name, entry.at, journey->position});
  }
  for (const model::Membership& membership : person.memberships) {
    const language::Segment* segment = rules.current().FindSegment(membership.segment);
    if (segment == nullptr || membership.flip_at == Timestamp::Max()) continue;
    all.push_back({fmt::format("segment {} is judged again on", segment->name), "",
                   membership.flip_at, segment->position});
  }
  std::erase_if(all, [](const Pending& pending) {
    return pending.at == Timestamp::Max() || pending.what.empty();
  });
  std::stable_sort(all.begin(), all.end(),
                   [](const Pending& a, const Pending& b) { return a.at < b.at; });
  return all;
}

}  // namespace sojourn::simulate
