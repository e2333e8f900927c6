// Two bundles held against each other.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/language/describe.h"
#include "engine/language/key_places.h"
#include "engine/simulate/counter_readers.h"
#include "engine/simulate/plan.h"

namespace sojourn::simulate {
namespace {

using expr::CounterDefinition;
using language::Bundle;
using language::Conditions;
using language::Journey;
using language::kEndOfJourney;
using language::ProgramPointer;
using language::SourcePosition;
using language::Step;

// ---- steps and journeys ----------------------------------------------------------------------

std::vector<NamedChange> ChangedSteps(const Journey& before, const Journey& after) {
  std::vector<NamedChange> changes;
  for (const Step& step : after.steps) {
    const uint32_t index = before.FindStep(step.id);
    if (index == kEndOfJourney) {
      changes.push_back({ChangeKind::kAdded, step.id, step.position});
    } else if (DescribeStep(before, before.steps[index]) != DescribeStep(after, step)) {
      changes.push_back({ChangeKind::kChanged, step.id, step.position});
    }
  }
  for (const Step& step : before.steps) {
    if (after.FindStep(step.id) != kEndOfJourney) continue;
    changes.push_back({ChangeKind::kRemoved, step.id, step.position});
  }
  return changes;
}

std::vector<std::string> EntryTexts(const Journey& journey) {
  std::vector<std::string> texts;
  for (const auto& trigger : journey.triggers) texts.push_back(DescribeTrigger(trigger));
  return texts;
}

std::vector<std::string> ExitTexts(const Journey& journey) {
  std::vector<std::string> texts;
  for (const auto& rule : journey.exit_on) texts.push_back(DescribeExit(rule));
  return texts;
}

std::string QuietText(const Journey& journey) {
  if (!journey.quiet_hours) return "none";
  const auto& quiet = *journey.quiet_hours;
  return fmt::format("{}:{} {}:{} {}", quiet.from.hour, quiet.from.minute, quiet.to.hour,
                     quiet.to.minute, static_cast<int>(quiet.then));
}

std::string RunKeyOf(const Journey& journey) {
  return journey.one_run_per == nullptr ? "" : journey.one_run_per->text();
}

std::vector<std::string> ChangedKeys(const Journey& before, const Journey& after) {
  const auto goal = [](const Journey& journey) {
    return journey.goal ? DescribeGoal(*journey.goal) : std::string();
  };
  std::vector<std::string> keys;
  const auto add = [&keys](const char* key, bool changed) {
    if (changed) keys.push_back(key);
  };
  add("trigger", EntryTexts(before) != EntryTexts(after));
  add("only_if",
      language::DescribeConditions(before.only_if) != language::DescribeConditions(after.only_if));
  add("reentry", before.reentry != after.reentry || before.reentry_after != after.reentry_after);
  add("one_run_per", RunKeyOf(before) != RunKeyOf(after));
  add("if_already_running", before.restart_if_running != after.restart_if_running);
  add("active",
      before.active_from != after.active_from || before.active_until != after.active_until);
  add("timezone", before.zone_kind != after.zone_kind || before.zone.name() != after.zone.name());
  add("quiet_hours", QuietText(before) != QuietText(after));
  add("holdout", before.holdout_buckets != after.holdout_buckets);
  add("goal", goal(before) != goal(after));
  add("exit_on", ExitTexts(before) != ExitTexts(after));
  add("on_change", before.move_on_change != after.move_on_change);
  return keys;
}

// Sends can be held by quiet hours.
bool CanRest(const Step& step) {
  return std::holds_alternative<language::WaitStep>(step.action) ||
         std::holds_alternative<language::WaitUntilStep>(step.action) ||
         std::holds_alternative<language::SendStep>(step.action);
}

void CheckMoves(const Journey& before, const Journey& after, const Bundle& new_rules,
                std::vector<PlanError>* errors) {
  if (!after.move_on_change) return;
  const language::KeyPositions keys = FindKeys(new_rules, after.position.file);
  const auto key = keys.find("on_change");
  const SourcePosition position = key == keys.end() ? after.position : key->second;
  for (const Step& step : before.steps) {
    if (!CanRest(step) || after.moved_steps.contains(step.id)) continue;
    if (after.FindStep(step.id) != kEndOfJourney) continue;
    errors->push_back(
        {position,
         fmt::format("on_change: move, but the new revision of {} has no step \"{}\" for runs that "
                     "rest there",
                     after.name, step.id),
         fmt::format("add moved_steps: {{{}: NEW-ID}}, or {{{}: exit}} to end them", step.id,
                     step.id)});
  }
}

void PlanJourneys(const Bundle& old_rules, const Bundle& new_rules, RulesPlan* plan) {
  std::set<std::string> names;
  for (const Bundle* bundle : {&old_rules, &new_rules}) {
    for (const auto& journey : bundle->journeys) names.insert(journey->name);
  }
  for (const std::string& name : names) {
    const Journey* before = old_rules.FindJourney(name);
    const Journey* after = new_rules.FindJourney(name);
    JourneyChange change;
    const Journey& shown = after == nullptr ? *before : *after;
    change.journey = {ChangeKind::kChanged, name, shown.position};
    if (before == nullptr) change.journey.kind = ChangeKind::kAdded;
    if (after == nullptr) change.journey.kind = ChangeKind::kRemoved;
    if (before != nullptr) change.old_revision = before->revision_text;
    if (after != nullptr) change.new_revision = after->revision_text;
    if (change.old_revision == change.new_revision) continue;
    if (before != nullptr && after != nullptr) {
      change.moves = after->move_on_change;
      change.steps = ChangedSteps(*before, *after);
      change.keys = ChangedKeys(*before, *after);
      CheckMoves(*before, *after, new_rules, &plan->errors);
    }
    plan->journeys.push_back(std::move(change));
  }
}

// ---- segments, templates, pools --------------------------------------------------------------

struct Named {
  std::string content;
  SourcePosition position;
};
using Contents = std::map<std::string, Named>;

std::vector<NamedChange> ChangedContents(const Contents& before, const Contents& after) {
  std::vector<NamedChange> changes;
  for (const auto& [name, thing] : after) {
    const auto old = before.find(name);
    if (old == before.end()) {
      changes.push_back({ChangeKind::kAdded, name, thing.position});
    } else if (old->second.content != thing.content) {
      changes.push_back({ChangeKind::kChanged, name, thing.position});
    }
  }
  for (const auto& [name, thing] : before) {
    if (!after.contains(name)) changes.push_back({ChangeKind::kRemoved, name, thing.position});
  }
  std::sort(changes.begin(), changes.end(),
            [](const NamedChange& a, const NamedChange& b) { return a.name < b.name; });
  return changes;
}

Contents SegmentsOf(const Bundle& bundle) {
  Contents contents;
  for (const language::Segment& segment : bundle.segments) {
    contents[segment.name] = {language::DescribeConditions(segment.where), segment.position};
  }
  return contents;
}

Contents TemplatesOf(const Bundle& bundle) {
  Contents contents;
  for (const auto& one : bundle.templates) contents[one->name] = {one->revision, one->position};
  return contents;
}

Contents PoolsOf(const Bundle& bundle) {
  Contents contents;
  for (const auto& pool : bundle.pools)
    contents[pool->name] = {DescribePool(*pool), pool->position};
  return contents;
}

std::string CompanyText(const Bundle& bundle) {
  const auto file = bundle.files.find(language::CompanyFile(bundle));
  return file == bundle.files.end() ? "" : file->second;
}

// ---- missing history -------------------------------------------------------------------------

// The reads that the old rules have not counted for, or not so far back or not all of it.
std::vector<MissingHistory> FindMissing(const Bundle& old_rules, const Bundle& new_rules) {
  std::map<uint64_t, const CounterDefinition*> known;
  for (const CounterDefinition& counter : old_rules.counters.counters()) {
    known[counter.id] = &counter;
  }
  std::vector<MissingHistory> missing;
  for (const CounterReader& reader : FindCounterReaders(new_rules)) {
    const auto before = known.find(reader.counter->id);
    const bool longer = before != known.end();
    if (longer && Covers(*before->second, *reader.counter)) continue;
    missing.push_back({reader.reader, reader.text, reader.counter->event, longer, reader.position});
  }
  return missing;
}

}  // namespace

std::string_view ChangeKindName(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded:
      return "added";
    case ChangeKind::kRemoved:
      return "removed";
    case ChangeKind::kChanged:
      return "changed";
  }
  return "";
}

bool RulesPlan::empty() const {
  return journeys.empty() && segments.empty() && templates.empty() && pools.empty() &&
         !company_changes && missing.empty() && errors.empty();
}

RulesPlan PlanRules(const Bundle& old_rules, const Bundle& new_rules) {
  RulesPlan plan;
  PlanJourneys(old_rules, new_rules, &plan);
  plan.segments = ChangedContents(SegmentsOf(old_rules), SegmentsOf(new_rules));
  plan.templates = ChangedContents(TemplatesOf(old_rules), TemplatesOf(new_rules));
  plan.pools = ChangedContents(PoolsOf(old_rules), PoolsOf(new_rules));
  plan.company_changes = CompanyText(old_rules) != CompanyText(new_rules);
  plan.missing = FindMissing(old_rules, new_rules);
  return plan;
}

}  // namespace sojourn::simulate
