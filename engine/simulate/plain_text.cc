// Plain journeys as the YAML that the engine reads.
#include <utility>

#include <fmt/format.h>

#include "engine/base/rfc3339.h"
#include "engine/base/time.h"
#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {
namespace {

constexpr const char* kWeekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                     "friday", "saturday", "sunday"};

std::string SpanText(int64_t span) {
  if (span % kPlainDay == 0) return fmt::format("{} days", span / kPlainDay);
  if (span % kPlainHour == 0) return fmt::format("{} hours", span / kPlainHour);
  return fmt::format("{} minutes", span / kPlainMinute);
}

std::string ConditionText(const PlainCondition& condition) {
  using Kind = PlainCondition::Kind;
  switch (condition.kind) {
    case Kind::kTrue:
      return "'true'";
    case Kind::kEventValue:
      return fmt::format("'event.value >= {}'", condition.number);
    case Kind::kTriggerValue:
      return fmt::format("'trigger.value >= {}'", condition.number);
    case Kind::kLevel:
      return fmt::format("'person.level >= {}'", condition.number);
    case Kind::kKey:
      return fmt::format("'event.key == \"{}\"'", condition.text);
    case Kind::kLongAgo:
      return fmt::format("'now - last(\"{}\") > hours({})'", condition.text,
                         condition.window / kPlainHour);
    case Kind::kPath:
      return fmt::format("'ab_test.{} == \"{}\"'", condition.text, condition.path);
    case Kind::kInSegment:
      return fmt::format("'in_segment(\"{}\")'", condition.text);
    case Kind::kCount:
    case Kind::kFewer:
      break;
  }
  return fmt::format("'count(\"{}\", hours({})) {} {}'", condition.text,
                     condition.window / kPlainHour, condition.kind == Kind::kCount ? ">=" : "<",
                     condition.number);
}

// "event: A, where: ..." without braces.
std::string MatchText(const PlainMatch& match) {
  if (!match.segment.empty()) {
    return (match.leaves ? "leaves_segment: " : "enters_segment: ") + match.segment;
  }
  if (match.where.kind == PlainCondition::Kind::kTrue) return "event: " + match.event;
  return fmt::format("event: {}, where: {}", match.event, ConditionText(match.where));
}

std::string StepsText(const std::vector<PlainStep>& steps);

std::string WaysText(const PlainStep& step) {
  std::string text;
  if (!step.then.empty()) text += ", then: " + StepsText(step.then);
  if (!step.otherwise.empty()) text += ", else: " + StepsText(step.otherwise);
  return text;
}

std::string AtText(const PlainStep& step) {
  return fmt::format("\"{:02}:{:02}\"", step.minute_of_day / 60, step.minute_of_day % 60);
}

// "A" or "any_of: [A, ...]", without braces.
std::string AwaitedText(const PlainStep& step) {
  if (step.ways.size() == 1) return MatchText(step.ways[0].match);
  std::string text;
  for (const PlainWay& way : step.ways) {
    text += (text.empty() ? "{" : ", {") + MatchText(way.match);
    if (!way.steps.empty()) text += ", then: " + StepsText(way.steps);
    text += "}";
  }
  return "any_of: [" + text + "]";
}

std::string WaitUntilText(const PlainStep& step) {
  using Kind = PlainStep::Kind;
  std::string awaited = AwaitedText(step);
  if (step.kind == Kind::kWaitCondition) awaited = "condition: " + ConditionText(step.condition);
  if (step.kind == Kind::kWaitSegment) {
    awaited = (step.relative ? "not_in_segment: " : "in_segment: ") + step.text;
  }
  std::string text = fmt::format("wait_until: {{{}, up_to: {}}}", awaited, SpanText(step.span));
  if (step.ways.size() == 1 && !step.ways[0].steps.empty()) {
    text += ", then: " + StepsText(step.ways[0].steps);
  }
  return text + WaysText(step);
}

std::string WeekdaysText(const PlainStep& step) {
  std::string text;
  for (const int day : step.weekdays) {
    text += (text.empty() ? "" : ", ") + std::string(kWeekdays[day - 1]);
  }
  return "[" + text + "]";
}

std::string ChooseText(const PlainStep& step) {
  std::string text;
  for (const PlainWay& way : step.ways) {
    text += fmt::format("{}{{when: {}, then: {}}}", text.empty() ? "" : ", ",
                        ConditionText(way.condition), StepsText(way.steps));
  }
  if (!step.otherwise.empty()) text += ", {otherwise: " + StepsText(step.otherwise) + "}";
  return "choose: [" + text + "]";
}

std::string AbTestText(const PlainStep& step) {
  std::string text;
  for (const PlainWay& way : step.ways) {
    text += fmt::format("{}{{name: {}, percent: {}.{:02}", text.empty() ? "" : ", ", way.name,
                        way.share / 100, way.share % 100);
    text += (way.steps.empty() ? "" : ", steps: " + StepsText(way.steps)) + "}";
  }
  return fmt::format("ab_test: {}, paths: [{}]", step.text, text);
}

std::string WebhookText(const PlainStep& step) {
  return "webhook: {url: https://crm.shop.example/" +
         (step.text.empty() ? "" : "orders, data: {it: " + step.text + "}") + "}";
}

// Without braces.
std::string StepText(const PlainStep& step) {
  using Kind = PlainStep::Kind;
  switch (step.kind) {
    case Kind::kSend:
      return fmt::format("send_email: {{template: mail, topic: {}}}", step.text);
    case Kind::kWait:
      return "wait: " + SpanText(step.span);
    case Kind::kWebhook:
      return WebhookText(step);
    case Kind::kCoupon:
      return "coupon: {pool: " + step.text + "}";
    case Kind::kChoose:
      return ChooseText(step);
    case Kind::kAbTest:
      return AbTestText(step);
    case Kind::kWaitMoment:
      return fmt::format("wait: {{until: '{} + hours({})'}}", step.text, step.span / kPlainHour);
    case Kind::kWaitDay:
      return fmt::format("wait: {{days: {}, at: {}}}", step.number, AtText(step));
    case Kind::kWaitWeekday:
      return fmt::format("wait: {{weekday: {}, at: {}}}", WeekdaysText(step), AtText(step));
    case Kind::kWaitUntil:
    case Kind::kWaitSegment:
    case Kind::kWaitCondition:
      return WaitUntilText(step);
    case Kind::kIf:
      return "if: " + ConditionText(step.condition) + WaysText(step);
    case Kind::kRepeat:
      return fmt::format("repeat: {{times: {}, while: {}, steps: {}}}", step.number,
                         ConditionText(step.condition), StepsText(step.then));
    case Kind::kUpdate:
      return fmt::format("update_person: {{level: '{}{}'}}", step.relative ? "person.level + " : "",
                         step.number);
    case Kind::kEmit:
      return fmt::format("emit_event: {{name: {}, properties: {{value: '{}'}}}}", step.text,
                         step.relative ? "event.value" : std::to_string(step.number));
    case Kind::kExit:
      break;
  }
  return "exit: " + step.text;
}

std::string StepsText(const std::vector<PlainStep>& steps) {
  std::string text;
  for (const PlainStep& step : steps) {
    text += (text.empty() ? "{" : ", {") + StepText(step) + "}";
  }
  return "[" + text + "]";
}

std::string MatchesText(const std::vector<PlainMatch>& matches) {
  std::string text;
  for (const PlainMatch& match : matches) {
    text += (text.empty() ? "{" : ", {") + MatchText(match) + "}";
  }
  return "[" + text + "]";
}

std::string DatedText(const PlainDated& dated) {
  using Every = PlainDated::Every;
  const std::string at =
      fmt::format("at: \"{:02}:{:02}\"", dated.minute_of_day / 60, dated.minute_of_day % 60);
  const bool is_date = dated.every == Every::kBirthday || dated.every == Every::kBirthdayOnce;
  if (is_date) {
    return fmt::format("{{date: person.birthday, {}, offset: {} days, every: {}}}", at,
                       dated.offset, dated.every == Every::kBirthday ? "year" : "once");
  }
  std::string when = "every: day";
  if (dated.every == Every::kWeek)
    when = fmt::format("every: week, on: {}", kWeekdays[dated.day - 1]);
  if (dated.every == Every::kMonth) when = fmt::format("every: month, on: {}", dated.day);
  if (dated.every == Every::kYear) when = fmt::format("date: {:02}-{:02}", dated.month, dated.day);
  if (dated.every == Every::kOnce)
    when = fmt::format("date: 2026-{:02}-{:02}", dated.month, dated.day);
  return fmt::format("{{schedule: {{{}, {}{}}}{}}}", when, at,
                     dated.spread == 0 ? "" : ", spread: " + SpanText(dated.spread),
                     dated.segment.empty() ? "" : ", segment: " + dated.segment);
}

std::string TriggersText(const PlainJourney& journey) {
  std::string text = MatchesText(journey.triggers);
  text.pop_back();
  for (const PlainDated& dated : journey.dated) text += ", " + DatedText(dated);
  return text + "]";
}

std::string EndingText(const PlainJourney& journey) {
  std::string text;
  if (journey.goal) {
    const std::string within =
        journey.goal_within == 0 ? "" : ", within: " + SpanText(journey.goal_within);
    text += fmt::format("goal: {{{}{}}}\n", MatchText(*journey.goal), within);
  }
  std::string exits = journey.exit_on_goal ? "goal" : "";
  for (const PlainMatch& match : journey.exit_on) {
    exits += fmt::format("{}{{{}}}", exits.empty() ? "" : ", ", MatchText(match));
  }
  if (!exits.empty()) text += "exit_on: [" + exits + "]\n";
  return text;
}

std::string JourneyText(const PlainJourney& journey) {
  std::string text =
      fmt::format("journey: {}\ntrigger: {{any_of: {}}}\nonly_if: {}\n", journey.name,
                  TriggersText(journey), ConditionText(journey.only_if));
  if (journey.reentry == PlainJourney::Reentry::kNever) text += "reentry: never\n";
  if (journey.reentry == PlainJourney::Reentry::kAfter) {
    text += "reentry: after " + SpanText(journey.reentry_after) + "\n";
  }
  if (journey.one_run_per_key) text += "one_run_per: event.key\n";
  if (journey.zone != "company") text += "timezone: " + journey.zone + "\n";
  if (journey.holdout) text += "holdout: 10\n";
  if (journey.restart) text += "if_already_running: restart\n";
  text += EndingText(journey) + "steps:\n";
  for (const PlainStep& step : journey.steps) text += "  - {" + StepText(step) + "}\n";
  return text;
}

std::string CompanyText(const PlainRules& rules) {
  std::string text =
      "company: Shop\ntimezone: " + rules.zone +
      "\ntopics:\n  marketing: {default: opted_in}\n"
      "  newsletter: {default: opted_out}\n  orders: {default: opted_in, kind: transactional}\n";
  if (rules.holdout) text += "holdout: 5\n";
  if (!rules.caps.empty()) text += "frequency_caps:\n";
  for (const PlainCap& cap : rules.caps) {
    text += fmt::format("  - {{max: {}, per: {}{}}}\n", cap.max, SpanText(cap.per),
                        cap.topic.empty() ? "" : ", topic: " + cap.topic);
  }
  if (rules.quiet_hours) {
    const auto clock = [](int minutes) {
      return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
    };
    text += fmt::format("quiet_hours: {{from: \"{}\", to: \"{}\", then: {}}}\n",
                        clock(rules.quiet_hours->from), clock(rules.quiet_hours->to),
                        rules.quiet_hours->skip ? "skip" : "send_later");
  }
  return text;
}

std::string PoolText(const PlainPool& pool) {
  std::string codes;
  for (const std::string& code : pool.codes) codes += (codes.empty() ? "" : ", ") + code;
  std::string text = "coupon_pool: " + pool.name + "\n";
  if (codes.empty()) return text + "generate: {prefix: \"MADE-\", length: 8}\n";
  if (pool.is_static) return text + "static: " + codes + "\n";
  return text + "codes: [" + codes + "]\n" + (pool.exits ? "on_empty: exit\n" : "");
}

std::string EventText(const PlainEvent& event) {
  std::string values;
  const auto add = [&values](const std::string& name, const std::string& value) {
    values += fmt::format("{}{}: {}", values.empty() ? "" : ", ", name, value);
  };
  for (const auto& [name, number] : event.numbers) add(name, std::to_string(number));
  for (const auto& [name, text] : event.texts) add(name, "\"" + text + "\"");
  for (const std::string& name : event.nulls) add(name, "null");
  const std::string what = event.name == "Identify"
                               ? fmt::format("identify: {{{}}}", values)
                               : fmt::format("track: {}, properties: {{{}}}", event.name, values);
  return fmt::format("{{at: {}, time: {}{}, {}}}", PlainTime(event.at), PlainTime(event.time),
                     event.id.empty() ? "" : ", id: " + event.id, what);
}

}  // namespace

std::string PlainTime(int64_t time) { return FormatRfc3339(Timestamp(time)); }

std::map<std::string, std::string> PlainRulesText(const PlainRules& rules) {
  std::map<std::string, std::string> files;
  files["company.yaml"] = CompanyText(rules);
  files["templates/mail.liquid"] = "---\ntemplate: mail\nsubject: Hi\n---\nHi\n";
  for (const PlainSegment& segment : rules.segments) {
    files["segments/" + segment.name + ".yaml"] =
        "segment: " + segment.name + "\nwhere: " + ConditionText(segment.where) + "\n";
  }
  for (const PlainPool& pool : rules.pools)
    files["coupons/" + pool.name + ".yaml"] = PoolText(pool);
  for (const PlainJourney& journey : rules.journeys) {
    files["journeys/" + journey.name + ".yaml"] = JourneyText(journey);
  }
  return files;
}

std::string PlainLifeText(const PlainRules& rules, const PlainLife& life) {
  std::string names;
  for (const PlainJourney& journey : rules.journeys) {
    names += (names.empty() ? "" : ", ") + journey.name;
  }
  std::string person = "id: " + life.person;
  if (life.email) person += ", email: " + *life.email;
  if (life.zone) person += ", timezone: " + *life.zone;
  if (life.level) person += fmt::format(", level: {}", *life.level);
  if (life.birthday) person += ", birthday: " + *life.birthday;
  if (life.held_out) person += "}\n    force: {holdout: true";
  std::string text = fmt::format(
      "journeys: [{}]\ntests:\n  - name: random\n    start: {}\n    until: {}\n"
      "    person: {{{}}}\n    partial: true\n    expect: []\n    events:\n",
      names, PlainTime(life.start), PlainTime(life.until), person);
  for (const PlainEvent& event : life.events) text += "      - " + EventText(event) + "\n";
  return text;
}

}  // namespace sojourn::simulate
