// Two bundles held against each other.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/language/describe.h"
#include "engine/language/key_places.h"
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

// Looks at every expression of the new rules.
class HistoryCheck {
 public:
  HistoryCheck(const Bundle& old_rules, const Bundle& new_rules, std::vector<MissingHistory>* found)
      : found_(found) {
    for (const CounterDefinition& counter : old_rules.counters.counters()) {
      old_[counter.id] = &counter;
    }
    for (const CounterDefinition& counter : new_rules.counters.counters()) {
      new_[counter.id] = &counter;
    }
  }

  void LookAt(const std::string& reader, const SourcePosition& position,
              const ProgramPointer& program) {
    if (program == nullptr) return;
    for (const uint64_t id : program->counters()) {
      const auto counter = new_.find(id);
      if (counter == new_.end()) continue;
      const auto known = old_.find(id);
      const bool longer = known != old_.end();
      if (longer && Covers(*known->second, *counter->second)) continue;
      found_->push_back({reader, program->text(), counter->second->event, longer, position});
    }
  }
  void LookAt(const std::string& reader, const SourcePosition& position,
              const Conditions& conditions) {
    for (const ProgramPointer& program : conditions) LookAt(reader, position, program);
  }
  void LookAt(const std::string& reader, const SourcePosition& position,
              const language::NamedValues& values) {
    for (const auto& [name, program] : values) LookAt(reader, position, program);
  }

 private:
  static bool Covers(const CounterDefinition& before, const CounterDefinition& after) {
    return (after.needs & ~before.needs) == 0 && after.window <= before.window &&
           after.keep <= before.keep;
  }

  std::map<uint64_t, const CounterDefinition*> old_;
  std::map<uint64_t, const CounterDefinition*> new_;
  std::vector<MissingHistory>* const found_;
};

struct LookAtStep {
  HistoryCheck* check;
  const std::string& reader;
  const SourcePosition& position;

  void operator()(const language::SendStep& step) const {
    check->LookAt(reader, position, step.data);
  }
  void operator()(const language::WebhookStep& step) const {
    check->LookAt(reader, position, step.data);
  }
  void operator()(const language::WaitStep& step) const {
    check->LookAt(reader, position, step.until);
  }
  void operator()(const language::WaitUntilStep& step) const {
    for (const auto& one : step.alternatives) check->LookAt(reader, position, one.where);
    check->LookAt(reader, position, step.condition);
  }
  void operator()(const language::BranchStep& step) const {
    for (const auto& one : step.cases) check->LookAt(reader, position, one.when);
  }
  void operator()(const language::RepeatStep& step) const {
    check->LookAt(reader, position, step.while_true);
  }
  void operator()(const language::UpdatePersonStep& step) const {
    check->LookAt(reader, position, step.traits);
  }
  void operator()(const language::EmitEventStep& step) const {
    check->LookAt(reader, position, step.properties);
  }
  void operator()(const language::CouponStep&) const {}
  void operator()(const language::AbTestStep&) const {}
  void operator()(const language::ExitStep&) const {}
};

void LookAtJourney(const Bundle& bundle, const Journey& journey, HistoryCheck* check) {
  const language::KeyPositions keys = FindKeys(bundle, journey.position.file);
  const auto key = [&](const char* name) {
    const auto found = keys.find(name);
    return found == keys.end() ? journey.position : found->second;
  };
  const std::string reader = "journey " + journey.name;
  for (const auto& trigger : journey.triggers) {
    check->LookAt(reader + ", trigger", trigger.position, trigger.where);
  }
  check->LookAt(reader + ", only_if", key("only_if"), journey.only_if);
  check->LookAt(reader + ", one_run_per", key("one_run_per"), journey.one_run_per);
  if (journey.goal) check->LookAt(reader + ", goal", key("goal"), journey.goal->where);
  for (const auto& rule : journey.exit_on) {
    check->LookAt(reader + ", exit_on", key("exit_on"), rule.where);
  }
  for (const Step& step : journey.steps) {
    std::visit(LookAtStep{check, reader + ", step " + step.id, step.position}, step.action);
  }
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
  HistoryCheck check(old_rules, new_rules, &plan.missing);
  for (const language::Segment& segment : new_rules.segments) {
    const language::KeyPositions keys = FindKeys(new_rules, segment.position.file);
    const auto where = keys.find("where");
    check.LookAt("segment " + segment.name, where == keys.end() ? segment.position : where->second,
                 segment.where);
  }
  for (const auto& journey : new_rules.journeys) LookAtJourney(new_rules, *journey, &check);
  return plan;
}

}  // namespace sojourn::simulate
