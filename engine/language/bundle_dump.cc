// A bundle as text, for golden tests.
#include <fmt/format.h>

#include "engine/base/duration_text.h"
#include "engine/language/bundle.h"
#include "engine/language/describe.h"

namespace sojourn::language {
namespace {

std::string All(const Conditions& conditions) {
  std::string text;
  for (const ProgramPointer& program : conditions) {
    text += fmt::format("{}({})", text.empty() ? "" : " and ", program->text());
  }
  return text.empty() ? "always" : text;
}

std::string Clock(TimeOfDay time) { return fmt::format("{:02}:{:02}", time.hour, time.minute); }

std::string Values(const NamedValues& values) {
  std::string text;
  for (const auto& [name, program] : values) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, program->text());
  }
  return "{" + text + "}";
}

std::string Quiet(const std::optional<QuietHours>& hours) {
  if (!hours) return "none";
  return fmt::format("{}-{} {}", Clock(hours->from), Clock(hours->to),
                     hours->then == QuietThen::kSkip ? "skip" : "send_later");
}

struct DumpAction {
  const Journey* named = nullptr;  // targets by their ids; null: by their indexes

  std::string Target(uint32_t index) const {
    if (index == kEndOfJourney) return "end";
    return named == nullptr ? std::to_string(index) : named->steps[index].id;
  }

  std::string operator()(const SendStep& step) const {
    return fmt::format("{} {} topic={} data={}", model::ActionKindName(step.channel),
                       step.template_name, step.topic, Values(step.data));
  }
  std::string operator()(const WebhookStep& step) const {
    return fmt::format("webhook {} {} data={}", step.method, step.url, Values(step.data));
  }
  std::string operator()(const CouponStep& step) const {
    return fmt::format("coupon {} expires_after={}", step.pool->name,
                       step.expires_after ? FormatDuration(*step.expires_after) : "never");
  }
  std::string operator()(const WaitStep& step) const {
    switch (step.kind) {
      case WaitKind::kDuration:
        return fmt::format("wait {}", FormatDuration(step.duration));
      case WaitKind::kDays:
        return fmt::format("wait days={} at={}", step.days, Clock(step.at));
      case WaitKind::kWeekday:
        return fmt::format("wait weekdays={} at={}", fmt::join(step.weekdays, ","), Clock(step.at));
      case WaitKind::kUntil:
        return fmt::format("wait until {}", step.until->text());
    }
    return "";
  }
  std::string operator()(const WaitUntilStep& step) const {
    std::string text = fmt::format("wait_until up_to={}", FormatDuration(step.up_to));
    for (const WaitAlternative& one : step.alternatives) {
      text += fmt::format(" [\"{}\" where {} -> {}]", one.event, All(one.where), Target(one.then));
    }
    if (step.kind == WaitUntilKind::kInSegment) text += " in_segment=" + step.segment;
    if (step.kind == WaitUntilKind::kNotInSegment) text += " not_in_segment=" + step.segment;
    if (step.kind == WaitUntilKind::kCondition) text += " condition=" + All(step.condition);
    if (step.kind != WaitUntilKind::kEvents) text += " then -> " + Target(step.then);
    return text + " else -> " + Target(step.otherwise);
  }
  std::string operator()(const BranchStep& step) const {
    std::string text = "branch";
    for (const BranchCase& one : step.cases) {
      text += fmt::format(" [{} -> {}]", All(one.when), Target(one.then));
    }
    return text + " otherwise -> " + Target(step.otherwise);
  }
  std::string operator()(const AbTestStep& step) const {
    std::string text = "ab_test " + step.test;
    for (const AbPath& path : step.paths) {
      text += fmt::format(" [{} below {} -> {}]", path.name, path.end_bucket, Target(path.then));
    }
    return text;
  }
  std::string operator()(const RepeatStep& step) const {
    return fmt::format("repeat times={} depth={} while {} -> {}", step.times, step.depth,
                       All(step.while_true), Target(step.body));
  }
  std::string operator()(const UpdatePersonStep& step) const {
    return "update_person " + Values(step.traits);
  }
  std::string operator()(const EmitEventStep& step) const {
    return fmt::format("emit_event \"{}\" {}", step.name, Values(step.properties));
  }
  std::string operator()(const ExitStep& step) const { return "exit " + step.reason; }
};

std::string Schedule(const Trigger& trigger) {
  std::string when;
  switch (trigger.schedule_every) {
    case ScheduleEvery::kDay:
      when = "day";
      break;
    case ScheduleEvery::kWeek:
      when = fmt::format("weekday {}", trigger.weekday);
      break;
    case ScheduleEvery::kMonth:
      when = fmt::format("day {} of the month", trigger.day);
      break;
    case ScheduleEvery::kYearlyDate:
      when = fmt::format("{:02}-{:02}", trigger.month, trigger.day);
      break;
    case ScheduleEvery::kOnceDate:
      when = fmt::format("{:04}-{:02}-{:02}", trigger.year, trigger.month, trigger.day);
      break;
  }
  return fmt::format("schedule {} at={} spread={}ms segment={}", when, Clock(trigger.at),
                     trigger.spread.milliseconds(), trigger.segment);
}

std::string DumpEntry(const Journey& journey) {
  std::string text;
  for (const Trigger& trigger : journey.triggers) {
    text += fmt::format("  trigger {}\n", DescribeTrigger(trigger));
  }
  text += fmt::format("  only_if {}\n", All(journey.only_if));
  constexpr const char* kReentry[] = {"always", "never", "after"};
  text += fmt::format("  reentry {}", kReentry[static_cast<int>(journey.reentry)]);
  if (journey.reentry == ReentryKind::kAfter) text += " " + FormatDuration(journey.reentry_after);
  if (journey.one_run_per) text += fmt::format(" one_run_per {}", journey.one_run_per->text());
  if (journey.restart_if_running) text += " restart";
  constexpr const char* kZones[] = {"company", "person", "named"};
  text += fmt::format("\n  zone {} {}", kZones[static_cast<int>(journey.zone_kind)],
                      journey.zone.name());
  text +=
      fmt::format(" quiet {} holdout {}\n", Quiet(journey.quiet_hours), journey.holdout_buckets);
  return text;
}

std::string DumpJourney(const Journey& journey) {
  std::string text = fmt::format("journey {}\n{}", journey.name, DumpEntry(journey));
  if (journey.goal) text += fmt::format("  goal {}\n", DescribeGoal(*journey.goal));
  for (const ExitRule& rule : journey.exit_on)
    text += fmt::format("  exit_on {}\n", DescribeExit(rule));
  if (journey.move_on_change) text += "  on_change move\n";
  for (const auto& [from, to] : journey.moved_steps) {
    text += fmt::format("  moved {} -> {}\n", from, to);
  }
  text +=
      fmt::format("  keeps trigger: {}; event: {}\n", fmt::join(journey.trigger_properties, ", "),
                  fmt::join(journey.event_properties, ", "));
  for (size_t i = 0; i < journey.steps.size(); ++i) {
    const Step& step = journey.steps[i];
    text += fmt::format("  {} [{}] {} next -> {}\n", i, step.id,
                        std::visit(DumpAction{}, step.action), DumpAction{}.Target(step.next));
  }
  return text;
}

std::string DumpCompany(const Company& company) {
  std::string text = fmt::format("company {} zone {} quiet {} holdout {} late {}\n", company.name,
                                 company.timezone_name, Quiet(company.quiet_hours),
                                 company.holdout_buckets, FormatDuration(company.late_send_limit));
  for (const ConsentTopic& topic : company.topics) {
    text += fmt::format("  topic {} {}{}\n", topic.name, topic.opted_in ? "in" : "out",
                        topic.transactional ? " transactional" : "");
  }
  for (const FrequencyCap& cap : company.frequency_caps) {
    text += fmt::format("  cap {} per {} {}\n", cap.max, FormatDuration(cap.per), cap.topic);
  }
  for (const Sender& sender : company.senders) {
    text += fmt::format("  sender {} {}\n", sender.name, sender.from);
  }
  return text + fmt::format("  value {}\n", model::DebugString(company.value));
}

}  // namespace

std::string DescribeConditions(const Conditions& conditions) { return All(conditions); }

std::string DescribeStep(const Journey& journey, const Step& step) {
  const DumpAction dump{&journey};
  return fmt::format("{} next -> {}", std::visit(dump, step.action), dump.Target(step.next));
}

std::string DescribeTrigger(const Trigger& trigger) {
  switch (trigger.kind) {
    case TriggerKind::kEvent:
      return fmt::format("event \"{}\" where {}", trigger.event, All(trigger.where));
    case TriggerKind::kEntersSegment:
    case TriggerKind::kLeavesSegment:
      return fmt::format("{} {}{}",
                         trigger.kind == TriggerKind::kEntersSegment ? "enters" : "leaves",
                         trigger.segment, trigger.existing_enter ? " existing" : "");
    case TriggerKind::kDate:
      return fmt::format("date {} at={} offset={} every={}", trigger.trait, Clock(trigger.at),
                         trigger.offset_days,
                         trigger.date_every == DateEvery::kOnce ? "once" : "year");
    case TriggerKind::kSchedule:
      return Schedule(trigger);
  }
  return "";
}

std::string DescribeExit(const ExitRule& rule) {
  switch (rule.kind) {
    case ExitKind::kGoal:
      return "goal";
    case ExitKind::kEvent:
      return fmt::format("event \"{}\" where {}", rule.event, All(rule.where));
    case ExitKind::kEntersSegment:
      return "enters " + rule.segment;
    case ExitKind::kLeavesSegment:
      return "leaves " + rule.segment;
  }
  return "";
}

std::string DescribeGoal(const Goal& goal) {
  return fmt::format("\"{}\" where {} within {}", goal.event, All(goal.where),
                     goal.within ? FormatDuration(*goal.within) : "ever");
}

std::string DescribePool(const CouponPool& pool) {
  constexpr const char* kKinds[] = {"generate", "codes", "static"};
  return fmt::format("{} prefix={} length={} codes={}{}", kKinds[static_cast<int>(pool.kind)],
                     pool.prefix, pool.length, fmt::join(pool.codes, ","),
                     pool.exit_on_empty ? " exit" : "");
}

std::string Bundle::Dump() const {
  std::string text = DumpCompany(company);
  for (const auto& one : templates) {
    text += fmt::format("template {} {} topic={} from={} reads {}\n", one->name,
                        model::ActionKindName(one->channel), one->topic, one->from,
                        fmt::join(one->reads, ", "));
  }
  for (const auto& pool : pools) {
    text += fmt::format("coupon_pool {} {}\n", pool->name, DescribePool(*pool));
  }
  for (const Segment& segment : segments) {
    text += fmt::format("segment {} where {} after {}\n", segment.name, All(segment.where),
                        fmt::join(segment.depends_on, ", "));
  }
  for (const auto& journey : journeys) text += DumpJourney(*journey);
  for (const expr::CounterDefinition& counter : counters.counters()) {
    text += fmt::format("counter \"{}\" if {} of {} window {}ms keep {} needs {}\n", counter.event,
                        counter.condition_text.empty() ? "always" : counter.condition_text,
                        counter.value_text.empty() ? "nothing" : counter.value_text,
                        counter.window.milliseconds(), counter.keep, counter.needs);
  }
  return text;
}

}  // namespace sojourn::language
