// A journey's keys; triggers and steps have files of their own.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/duration_text.h"
#include "engine/base/hash.h"
#include "engine/base/rfc3339.h"
#include "engine/base/suggest.h"
#include "engine/language/journey_draft.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

class JourneyLoader {
 public:
  JourneyLoader(const RulesFile& file, LoadContext* context)
      : root_(file.document->root()), context_(context), journey_(&draft_.journey) {
    draft_.file = &file;
    draft_.root = &root_;
  }

  void Load() {
    journey_->name = TextAt(root_, "journey");
    journey_->id = StableHash64(journey_->name);
    journey_->position = root_.position();
    SetRevision();
    LoadTriggers(&draft_, context_);
    LoadEntryRules();
    LoadTimes();
    BuildSteps(&draft_, context_);
    draft_.flow = AnalyzeFlow(draft_.steps, draft_.trigger_events);
    CompileStepExpressions(&draft_, context_);
    LoadGoal();
    LoadExitRules();
    LoadChange();
    CheckSends(&draft_, context_);
    // Steps that are not understood hide ways through the journey.
    if (draft_.file->has_shape) {
      CheckJourneyFlow(&draft_, context_);
      WarnAboutJourney(&draft_, context_);
    }
    KeepProperties();
    draft_.steps.shrink_to_fit();
    journey_->steps = std::move(draft_.steps);
    context_->bundle->journeys.push_back(std::make_unique<Journey>(std::move(*journey_)));
  }

 private:
  void SetRevision() {
    const Sha256Digest digest = Sha256(draft_.file->document->Canonical());
    journey_->revision_text = Hex(digest.data(), 8);
    for (size_t i = 0; i < 8; ++i) journey_->revision = journey_->revision << 8 | digest[i];
  }

  void LoadEntryRules() {
    expr::Scope scope;
    scope.event = true;
    scope.trigger = true;
    scope.events = draft_.trigger_events;
    scope.trigger_events = draft_.trigger_events;
    journey_->only_if = CompileConditions(root_.Find("only_if"), scope, context_);
    LoadRunKey(scope);
    const std::string reentry = TextAt(root_, "reentry");
    constexpr std::string_view kAfter = "after ";
    if (reentry == "never") {
      journey_->reentry = ReentryKind::kNever;
    } else if (std::string_view(reentry).substr(0, kAfter.size()) == kAfter) {
      journey_->reentry = ReentryKind::kAfter;
      journey_->reentry_after =
          ParseDuration(reentry.substr(kAfter.size()), DurationStyle::kLong).value_or(Duration());
    }
    journey_->restart_if_running = TextAt(root_, "if_already_running") == "restart";
  }

  void LoadRunKey(const expr::Scope& scope) {
    const Node* node = root_.Find("one_run_per");
    journey_->one_run_per = CompileExpression(node, scope, expr::TypeKind::kDynamic, context_);
    if (journey_->one_run_per == nullptr) return;
    const expr::TypeKind kind = journey_->one_run_per->type().kind;
    const bool usable = kind == expr::TypeKind::kString || kind == expr::TypeKind::kInt ||
                        kind == expr::TypeKind::kBool || kind == expr::TypeKind::kDynamic;
    if (usable) return;
    context_->reporter->Error(
        Code::kRunKeyType, *node->file, node->range,
        fmt::format("one_run_per must be a string, int or bool, {} is of type {}",
                    ShortText(node->text), expr::TypeKindName(kind)));
  }

  void LoadTimes() {
    const Company& company = context_->bundle->company;
    const std::string zone = TextAt(root_, "timezone");
    journey_->zone = company.timezone;
    if (zone == "person") {
      journey_->zone_kind = JourneyZone::kPerson;
    } else if (!zone.empty() && zone != "company") {
      journey_->zone_kind = JourneyZone::kNamed;
      journey_->zone = FindTimeZone(zone).value_or(company.timezone);
    }
    journey_->quiet_hours = company.quiet_hours;
    if (const Node* hours = root_.Find("quiet_hours")) {
      journey_->quiet_hours = QuietHoursFrom(*hours, context_);
    }
    journey_->holdout_buckets = ParsePercentBuckets(TextAt(root_, "holdout")).value_or(0);
    if (const Node* active = root_.Find("active")) LoadActive(*active);
  }

  void LoadActive(const Node& active) {
    const Node* from = active.Find("from");
    const Node* until = active.Find("until");
    if (from != nullptr) journey_->active_from = ParseRfc3339(from->text);
    if (until != nullptr) journey_->active_until = ParseRfc3339(until->text);
    if (!journey_->active_from || !journey_->active_until) return;
    if (*journey_->active_from < *journey_->active_until) return;
    context_->reporter->Error(Code::kEmptyInterval, *until->file, until->range,
                              fmt::format("the journey ends before it begins: until {}, from {}",
                                          until->text, from->text));
  }

  // A goal or exit rule may come at any moment of a run.
  expr::Scope RunScope(const std::string& event) const {
    expr::Scope scope;
    scope.event = true;
    scope.events = {event};
    scope.trigger = true;
    scope.trigger_events = draft_.trigger_events;
    scope.ab_test = !draft_.ab_tests.empty();
    scope.ab_tests = draft_.ab_tests;
    if (draft_.file->has_shape) scope.ab_test_paths = draft_.ab_test_paths;
    scope.coupon = draft_.has_coupon;
    return scope;
  }

  void LoadGoal() {
    const Node* node = root_.Find("goal");
    if (node == nullptr) return;
    Goal goal;
    goal.event = TextAt(*node, "event");
    goal.within = DurationAt(*node, "within");
    KnowsEvent(node->Find("event"), context_);
    goal.where = CompileConditions(node->Find("where"), RunScope(goal.event), context_);
    journey_->goal = std::move(goal);
  }

  void LoadExitRules() {
    const Node* list = root_.Find("exit_on");
    if (list == nullptr) return;
    for (const Node* item : list->items) {
      if (!item->broken) journey_->exit_on.push_back(LoadExitRule(*item));
    }
  }

  ExitRule LoadExitRule(const Node& node) {
    ExitRule rule;
    if (node.is_scalar()) {
      if (root_.FindKey("goal") == nullptr && !IsMisspelt(root_, "goal")) {
        context_->reporter->Error(Code::kExitOnGoalWithoutGoal, *node.file, node.range,
                                  "this journey has no goal",
                                  "add the key goal, or leave goal out of exit_on");
      }
      return rule;
    }
    if (node.FindKey("event") != nullptr) {
      rule.kind = ExitKind::kEvent;
      rule.event = TextAt(node, "event");
      KnowsEvent(node.Find("event"), context_);
      rule.where = CompileConditions(node.Find("where"), RunScope(rule.event), context_);
      return rule;
    }
    const bool enters = node.FindKey("enters_segment") != nullptr;
    const char* key = enters ? "enters_segment" : "leaves_segment";
    rule.kind = enters ? ExitKind::kEntersSegment : ExitKind::kLeavesSegment;
    rule.segment = TextAt(node, key);
    rule.segment_id = StableHash64(rule.segment);
    KnowsSegment(node.Find(key), context_);
    return rule;
  }

  void LoadChange() {
    journey_->move_on_change = TextAt(root_, "on_change") == "move";
    const Node* moved = root_.Find("moved_steps");
    if (moved == nullptr) return;
    std::vector<std::string> ids;
    for (const Step& step : draft_.steps) ids.push_back(step.id);
    for (const Node::Entry& entry : moved->entries) {
      const std::string& target = entry.value->text;
      journey_->moved_steps[entry.key->text] = target;
      if (target == "exit" || std::find(ids.begin(), ids.end(), target) != ids.end()) continue;
      context_->reporter->Error(Code::kUnknownStep, *entry.value->file, entry.value->range,
                                fmt::format("this journey has no step \"{}\"", target),
                                DidYouMean(target, ids));
    }
  }

  // What the snapshots of `trigger` and `event` must keep for later.
  void KeepProperties() {
    for (const PendingExpression& pending : draft_.pending) {
      Conditions programs;
      if (pending.conditions != nullptr) programs = *pending.conditions;
      if (pending.program != nullptr) programs.push_back(*pending.program);
      for (const ProgramPointer& program : programs) {
        if (program != nullptr) Keep(*program, pending.candidate.empty());
      }
    }
    if (journey_->goal) KeepOf(journey_->goal->where);
    for (const ExitRule& rule : journey_->exit_on) KeepOf(rule.where);
    for (const Step& step : draft_.steps) {
      const auto* send = std::get_if<SendStep>(&step.action);
      if (send == nullptr || send->template_rule == nullptr) continue;
      for (const std::string& path : send->template_rule->reads) KeepPath(path);
    }
    journey_->event_properties = Sorted(event_);
    journey_->trigger_properties = Sorted(trigger_);
  }

  void KeepOf(const Conditions& conditions) {
    for (const ProgramPointer& program : conditions) Keep(*program, false);
  }

  // Where `event` is a candidate it is at hand, and no snapshot is read.
  void Keep(const expr::Program& program, bool event_is_snapshot) {
    trigger_.insert(program.trigger_properties().begin(), program.trigger_properties().end());
    if (!event_is_snapshot) return;
    event_.insert(program.event_properties().begin(), program.event_properties().end());
  }

  void KeepPath(const std::string& path) {
    const size_t dot = path.find('.');
    const std::string root = path.substr(0, dot);
    if (root != "event" && root != "trigger") return;
    std::set<std::string>& kept = root == "event" ? event_ : trigger_;
    if (dot == std::string::npos) {
      kept.insert("*");
    } else {
      kept.insert(path.substr(dot + 1, path.find('.', dot + 1) - dot - 1));
    }
  }

  static std::vector<std::string> Sorted(const std::set<std::string>& names) {
    if (names.count("*") != 0) return {"*"};
    return {names.begin(), names.end()};
  }

  const Node& root_;
  LoadContext* const context_;
  JourneyDraft draft_;
  Journey* const journey_;
  std::set<std::string> event_;
  std::set<std::string> trigger_;
};

}  // namespace

void LoadJourney(const RulesFile& file, LoadContext* context) {
  JourneyLoader(file, context).Load();
}

}  // namespace sojourn::language
