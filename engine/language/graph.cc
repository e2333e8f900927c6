#include "engine/language/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/base/duration_text.h"
#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/base/utf8.h"

namespace sojourn::language {
namespace {

constexpr const char* kWeekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                     "friday", "saturday", "sunday"};

// Whole days as days, as most rules say it: "14 days".
std::string DurationWords(Duration duration) {
  const int64_t day = Days(1).milliseconds();
  const int64_t days = duration.milliseconds() / day;
  if (days == 0 || duration.milliseconds() % day != 0) return FormatDuration(duration);
  return fmt::format("{} {}", days, days == 1 ? "day" : "days");
}

std::string All(const Conditions& conditions) {
  std::string text;
  for (const ProgramPointer& program : conditions) {
    text += (text.empty() ? "" : " and ") + program->text();
  }
  return text;
}

std::string EventText(const std::string& event, const Conditions& where) {
  return where.empty() ? event : fmt::format("{}, where {}", event, All(where));
}

std::string Clock(TimeOfDay time) { return fmt::format("{:02}:{:02}", time.hour, time.minute); }

std::string Names(const NamedValues& values) {
  std::string text;
  for (const auto& [name, program] : values) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, program->text());
  }
  return text;
}

std::string Weekday(int day) { return kWeekdays[std::clamp(day, 1, 7) - 1]; }

std::string ScheduleText(const Trigger& trigger) {
  std::string when;
  switch (trigger.schedule_every) {
    case ScheduleEvery::kDay:
      when = "every day";
      break;
    case ScheduleEvery::kWeek:
      when = "every " + Weekday(trigger.weekday);
      break;
    case ScheduleEvery::kMonth:
      when = fmt::format("every month on day {}", trigger.day);
      break;
    case ScheduleEvery::kYearlyDate:
      when = fmt::format("every year on {:02}-{:02}", trigger.month, trigger.day);
      break;
    case ScheduleEvery::kOnceDate:
      when = fmt::format("on {:04}-{:02}-{:02}", trigger.year, trigger.month, trigger.day);
      break;
  }
  std::string text = fmt::format("{} at {}", when, Clock(trigger.at));
  if (!trigger.segment.empty()) text += ", in segment " + trigger.segment;
  if (trigger.spread.milliseconds() > 0) {
    text += fmt::format(", spread over {}", DurationWords(trigger.spread));
  }
  return text;
}

std::string DateText(const Trigger& trigger) {
  std::string text = fmt::format("person.{} at {}", trigger.trait, Clock(trigger.at));
  const int days = trigger.offset_days;
  if (days != 0) {
    text += fmt::format(", {} {} {}", std::abs(days), std::abs(days) == 1 ? "day" : "days",
                        days < 0 ? "before" : "after");
  }
  return text + (trigger.date_every == DateEvery::kOnce ? ", once" : ", every year");
}

std::string TriggerText(const Trigger& trigger) {
  switch (trigger.kind) {
    case TriggerKind::kEvent:
      return EventText(trigger.event, trigger.where);
    case TriggerKind::kEntersSegment:
    case TriggerKind::kLeavesSegment:
      return fmt::format("{} segment {}{}",
                         trigger.kind == TriggerKind::kEntersSegment ? "enters" : "leaves",
                         trigger.segment, trigger.existing_enter ? ", members at first too" : "");
    case TriggerKind::kDate:
      return DateText(trigger);
    case TriggerKind::kSchedule:
      return ScheduleText(trigger);
  }
  return "";
}

std::string ExitText(const ExitRule& rule) {
  switch (rule.kind) {
    case ExitKind::kGoal:
      return "goal";
    case ExitKind::kEvent:
      return EventText(rule.event, rule.where);
    case ExitKind::kEntersSegment:
      return "enters segment " + rule.segment;
    case ExitKind::kLeavesSegment:
      return "leaves segment " + rule.segment;
  }
  return "";
}

std::string WaitText(const WaitStep& step) {
  switch (step.kind) {
    case WaitKind::kDuration:
      return DurationWords(step.duration);
    case WaitKind::kDays:
      return fmt::format("{} {}, at {}", step.days, step.days == 1 ? "day" : "days",
                         Clock(step.at));
    case WaitKind::kWeekday: {
      std::string days;
      for (const int day : step.weekdays) days += (days.empty() ? "" : " or ") + Weekday(day);
      return fmt::format("{}, at {}", days, Clock(step.at));
    }
    case WaitKind::kUntil:
      return "until " + step.until->text();
  }
  return "";
}

// Nests the flat steps again.
class GraphBuilder {
 public:
  explicit GraphBuilder(const std::vector<Step>& steps) : steps_(steps) {}

  std::vector<GraphStep> Block(uint32_t begin, uint32_t stop) {
    std::vector<GraphStep> block;
    for (uint32_t at = begin; at != stop && at < steps_.size(); at = steps_[at].next) {
      index_ = at;
      GraphStep step;
      step.id = steps_[at].id;
      std::visit([&](const auto& action) { Add(action, &step); }, steps_[at].action);
      block.push_back(std::move(step));
    }
    return block;
  }

 private:
  void Way(std::string label, uint32_t to, GraphStep* step) {
    const uint32_t here = index_;
    step->branches.push_back({std::move(label), Block(to, steps_[here].next)});
    index_ = here;
  }

  void Add(const SendStep& action, GraphStep* step) {
    step->kind = GraphKind::kSend;
    step->label =
        fmt::format("{}: {}", model::ActionKindName(action.channel), action.template_name);
  }
  void Add(const WebhookStep& action, GraphStep* step) {
    step->label = fmt::format("webhook: {} {}", action.method, action.url);
  }
  void Add(const CouponStep& action, GraphStep* step) {
    step->label = "coupon: " + (action.pool == nullptr ? "" : action.pool->name);
    if (action.expires_after) {
      step->label += fmt::format(", good for {}", DurationWords(*action.expires_after));
    }
  }
  void Add(const WaitStep& action, GraphStep* step) {
    step->kind = GraphKind::kWait;
    step->label = "wait: " + WaitText(action);
  }
  void Add(const WaitUntilStep& action, GraphStep* step) {
    step->kind = GraphKind::kWait;
    step->label = "wait_until: " + Awaited(action);
    for (const WaitAlternative& one : action.alternatives) {
      const bool single = action.alternatives.size() == 1;
      Way(single ? "it comes" : EventText(one.event, one.where), one.then, step);
    }
    if (action.kind != WaitUntilKind::kEvents) Way("it holds", action.then, step);
    Way("after " + DurationWords(action.up_to), action.otherwise, step);
  }
  static std::string Awaited(const WaitUntilStep& action) {
    switch (action.kind) {
      case WaitUntilKind::kInSegment:
        return "in segment " + action.segment;
      case WaitUntilKind::kNotInSegment:
        return "not in segment " + action.segment;
      case WaitUntilKind::kCondition:
        return All(action.condition);
      case WaitUntilKind::kEvents:
        break;
    }
    if (action.alternatives.size() != 1) return "the first of these";
    return EventText(action.alternatives[0].event, action.alternatives[0].where);
  }
  void Add(const BranchStep& action, GraphStep* step) {
    step->kind = GraphKind::kBranch;
    const bool single = action.cases.size() == 1;
    step->label = single ? "if: " + All(action.cases[0].when) : "choose: the first that holds";
    for (const BranchCase& one : action.cases) Way(single ? "yes" : All(one.when), one.then, step);
    Way(single ? "no" : "otherwise", action.otherwise, step);
  }
  void Add(const AbTestStep& action, GraphStep* step) {
    step->kind = GraphKind::kBranch;
    step->label = "ab_test: " + action.test;
    int before = 0;
    for (const AbPath& path : action.paths) {
      constexpr double kBucketsPerPercent = kBuckets / 100.0;
      Way(fmt::format("{} {:g}%", path.name, (path.end_bucket - before) / kBucketsPerPercent),
          path.then, step);
      before = path.end_bucket;
    }
  }
  void Add(const RepeatStep& action, GraphStep* step) {
    step->kind = GraphKind::kBranch;
    step->label = fmt::format("repeat: {} {}", action.times, action.times == 1 ? "time" : "times");
    if (!action.while_true.empty()) {
      step->label =
          fmt::format("repeat: at most {} times, while {}", action.times, All(action.while_true));
    }
    const uint32_t here = index_;
    step->branches.push_back({"each time", Block(action.body, here), true});
    step->branches.push_back({"afterwards", {}});
    index_ = here;
  }
  void Add(const UpdatePersonStep& action, GraphStep* step) {
    step->label = "update_person: " + Names(action.traits);
  }
  void Add(const EmitEventStep& action, GraphStep* step) {
    step->label = "emit_event: " + action.name;
  }
  void Add(const ExitStep& action, GraphStep* step) {
    step->kind = GraphKind::kExit;
    step->label = "exit: " + action.reason;
  }

  const std::vector<Step>& steps_;
  uint32_t index_ = 0;  // of the step being added
};

void AddFacts(const Journey& journey, JourneyGraph* graph) {
  const auto add = [&](std::string name, std::string text) {
    if (!text.empty()) graph->facts.emplace_back(std::move(name), std::move(text));
  };
  add("only if", All(journey.only_if));
  if (journey.reentry == ReentryKind::kNever) add("reentry", "never");
  if (journey.reentry == ReentryKind::kAfter) {
    add("reentry", "after " + DurationWords(journey.reentry_after));
  }
  if (journey.one_run_per != nullptr) add("one run per", journey.one_run_per->text());
  if (journey.active_from) add("from", FormatRfc3339(*journey.active_from));
  if (journey.active_until) add("until", FormatRfc3339(*journey.active_until));
  if (journey.holdout_buckets > 0) {
    add("held out", fmt::format("{:g}%", journey.holdout_buckets * 100.0 / kBuckets));
  }
  if (journey.goal) {
    std::string goal = EventText(journey.goal->event, journey.goal->where);
    if (journey.goal->within) goal += ", within " + DurationWords(*journey.goal->within);
    add("goal", std::move(goal));
  }
  std::string exits;
  for (const ExitRule& rule : journey.exit_on) {
    exits += (exits.empty() ? "" : "; ") + ExitText(rule);
  }
  add("ends on", std::move(exits));
}

class Flattener {
 public:
  FlatGraph Flatten(const JourneyGraph& graph) {
    Number(graph.steps);
    flat_.first = First(graph.steps, -1);
    Walk(graph.steps, -1);
    flat_.has_end = flat_.first == -1 || std::any_of(flat_.edges.begin(), flat_.edges.end(),
                                                     [](const auto& e) { return e.to == -1; });
    return std::move(flat_);
  }

 private:
  void Number(const std::vector<GraphStep>& steps) {
    for (const GraphStep& step : steps) {
      numbers_[&step] = static_cast<int>(flat_.nodes.size());
      flat_.nodes.push_back(&step);
      for (const GraphBranch& branch : step.branches) Number(branch.steps);
    }
  }

  int First(const std::vector<GraphStep>& steps, int after) const {
    return steps.empty() ? after : numbers_.at(&steps.front());
  }

  void Walk(const std::vector<GraphStep>& steps, int after) {
    for (size_t i = 0; i < steps.size(); ++i) {
      const GraphStep& step = steps[i];
      const int here = numbers_.at(&step);
      const int next = i + 1 < steps.size() ? numbers_.at(&steps[i + 1]) : after;
      if (step.kind == GraphKind::kExit) continue;
      if (step.branches.empty()) flat_.edges.push_back({here, next, ""});
      for (const GraphBranch& branch : step.branches) {
        const int behind = branch.loops ? here : next;
        flat_.edges.push_back({here, First(branch.steps, behind), branch.label});
        Walk(branch.steps, behind);
      }
    }
  }

  FlatGraph flat_;
  std::map<const GraphStep*, int> numbers_;
};

}  // namespace

JourneyGraph MakeGraph(const Journey& journey) {
  JourneyGraph graph;
  graph.name = journey.name;
  for (const Trigger& trigger : journey.triggers) graph.triggers.push_back(TriggerText(trigger));
  AddFacts(journey, &graph);
  graph.steps = GraphBuilder(journey.steps).Block(0, kEndOfJourney);
  return graph;
}

FlatGraph Flatten(const JourneyGraph& graph) { return Flattener().Flatten(graph); }

std::vector<std::string> WrapText(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  size_t column = 0;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find_first_of(" \n\t", at), text.size());
    size_t length = CountCodePoints(text.substr(at, end - at));
    if (column > 0 && column + 1 + length > width) {
      lines.emplace_back();
      column = 0;
    }
    if (column > 0) lines.back() += ' ';
    column += column > 0 ? 1 : 0;
    while (at < end) {  // a word that is longer than a line
      if (column == width) {
        lines.emplace_back();
        column = 0;
      }
      const size_t begin = at;
      NextCodePoint(text, &at);
      lines.back() += text.substr(begin, at - begin);
      ++column;
    }
    at = std::min(text.find_first_not_of(" \n\t", end), text.size());
  }
  return lines;
}

}  // namespace sojourn::language
