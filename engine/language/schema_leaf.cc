// Scalars of the schema: what each leaf shape accepts, and what is said where it does not.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/duration_text.h"
#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/base/suggest.h"
#include "engine/base/utf8.h"
#include "engine/language/schema.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

using Problem = ScalarProblem;

const std::vector<std::string> kDurationUnits = {"second", "seconds", "minute", "minutes", "hour",
                                                 "hours",  "day",     "days",   "week",    "weeks"};

bool Refuse(Problem* problem, Code code, std::string message, std::string hint = "") {
  *problem = {code, std::move(message), std::move(hint)};
  return false;
}

bool CheckName(const Node& node, bool kebab, Problem* problem) {
  if (kebab ? IsKebabCase(node.text) : IsSnakeCase(node.text)) return true;
  const std::string better = ToCase(node.text, kebab ? '-' : '_');
  const bool usable = kebab ? IsKebabCase(better) : IsSnakeCase(better);
  return Refuse(problem, kebab ? Code::kNotKebabCase : Code::kNotSnakeCase,
                fmt::format("{} is not {}", QuotedText(node.text),
                            kebab ? "kebab-case (small letters, digits and single hyphens)"
                                  : "snake_case (small letters, digits and single underscores)"),
                usable ? fmt::format("write {}", better) : "");
}

bool CheckEventName(const Node& node, Problem* problem) {
  if (node.text.empty()) return Refuse(problem, Code::kBadEventName, "an event needs a name");
  if (CountCodePoints(node.text) > kMaxEventNameCharacters) {
    return Refuse(
        problem, Code::kBadEventName,
        fmt::format("an event's name has at most {} characters", kMaxEventNameCharacters));
  }
  return true;
}

// The duration that stands behind the first `skipped` bytes of the text.
bool CheckDurationBehind(const Node& node, size_t skipped, std::string_view example,
                         Problem* problem) {
  const std::string_view text = std::string_view(node.text).substr(skipped);
  DurationProblem wrong;
  if (ParseDuration(text, DurationStyle::kLong, &wrong)) return true;
  const std::string_view word = text.substr(wrong.begin, wrong.end - wrong.begin);
  const bool is_unit =
      std::find(kDurationUnits.begin(), kDurationUnits.end(), word) != kDurationUnits.end();
  std::string hint = is_unit ? "" : DidYouMean(word, kDurationUnits);
  if (hint.empty()) hint = fmt::format("write it like {}", example);
  Refuse(problem, Code::kBadDuration,
         fmt::format("{} is not a duration: {}", QuotedText(text), wrong.why), std::move(hint));
  problem->begin = static_cast<uint32_t>(skipped + wrong.begin);
  problem->end = static_cast<uint32_t>(skipped + wrong.end);
  return false;
}

bool CheckDuration(const Node& node, Problem* problem) {
  return CheckDurationBehind(node, 0, "2 days or 1 day 12 hours", problem);
}

bool CheckTimeOfDay(const Node& node, Problem* problem) {
  const bool quoted =
      node.style == ScalarStyle::kDoubleQuoted || node.style == ScalarStyle::kSingleQuoted;
  const bool valid = ParseTimeOfDay(node.text).has_value();
  if (valid && quoted) return true;
  if (valid) {
    return Refuse(problem, Code::kBadTimeOfDay,
                  fmt::format("the time of day {} must stand in quotes", node.text),
                  fmt::format("write \"{}\"", node.text));
  }
  return Refuse(problem, Code::kBadTimeOfDay,
                fmt::format("{} is not a time of day", QuotedText(node.text)),
                "write it like \"09:00\", from \"00:00\" to \"23:59\"");
}

bool CheckInteger(const Node& node, const Shape& shape, Problem* problem) {
  const auto value = ParseInteger(node.text);
  if (node.style == ScalarStyle::kPlain && value && *value >= shape.minimum &&
      *value <= shape.maximum) {
    return true;
  }
  return Refuse(problem, Code::kBadNumber,
                fmt::format("{} is not a whole number from {} to {}", QuotedText(node.text),
                            shape.minimum, shape.maximum));
}

bool CheckChoice(const Node& node, const Shape& shape, Problem* problem) {
  std::vector<std::string> choices;
  std::string listed;
  for (const std::string_view choice : shape.choices) {
    if (choice == node.text) return true;
    choices.emplace_back(choice);
    if (!listed.empty()) listed += ", ";
    listed += choice;
  }
  std::string hint = DidYouMean(node.text, choices);
  if (hint.empty()) hint = fmt::format("one of: {}", listed);
  return Refuse(problem, Code::kNotAChoice,
                fmt::format("{} is not allowed here", QuotedText(node.text)), std::move(hint));
}

bool CheckTimeZone(const Node& node, Problem* problem) {
  if (FindTimeZone(node.text)) return true;
  return Refuse(problem, Code::kUnknownTimeZone,
                fmt::format("{} is not a time zone", QuotedText(node.text)),
                "an IANA name such as Europe/Berlin");
}

bool CheckReentry(const Node& node, Problem* problem) {
  if (node.text == "always" || node.text == "never") return true;
  constexpr std::string_view kAfter = "after ";
  if (std::string_view(node.text).substr(0, kAfter.size()) == kAfter) {
    return CheckDurationBehind(node, kAfter.size(), "after 180 days", problem);
  }
  return Refuse(problem, Code::kNotAChoice,
                fmt::format("{} is not allowed here", QuotedText(node.text)),
                "one of: always, never, after DURATION");
}

bool CheckScheduleDay(const Node& node, Problem* problem) {
  const auto day = ParseInteger(node.text);
  if (ParseWeekday(node.text) || (day && *day >= 1 && *day <= 31)) return true;
  return Refuse(
      problem, Code::kNotAChoice,
      fmt::format("{} is neither a weekday nor a day of the month", QuotedText(node.text)),
      "monday to sunday, or 1 to 31");
}

bool CheckTypeName(const Node& node, Problem* problem) {
  if (ParseTypeName(node.text)) return true;
  const std::string base = node.text.substr(0, node.text.find('?'));
  std::string hint =
      DidYouMean(base, {"bool", "int", "double", "string", "timestamp", "date", "list", "map"});
  if (hint.empty()) {
    hint = "one of: bool, int, double, string, timestamp, date, list, map; ? may be absent";
  }
  return Refuse(problem, Code::kUnknownType, fmt::format("{} is not a type", QuotedText(node.text)),
                std::move(hint));
}

bool CheckOf(bool valid, const Node& node, Code code, std::string_view noun, std::string hint,
             Problem* problem) {
  if (valid) return true;
  return Refuse(problem, code, fmt::format("{} is not {}", QuotedText(node.text), noun),
                std::move(hint));
}

}  // namespace

bool CheckScalar(const Node& node, const Shape& shape, ScalarProblem* problem) {
  switch (shape.kind) {
    case ShapeKind::kKebabName:
      return CheckName(node, true, problem);
    case ShapeKind::kSnakeName:
      return CheckName(node, false, problem);
    case ShapeKind::kEventName:
      return CheckEventName(node, problem);
    case ShapeKind::kDuration:
      return CheckDuration(node, problem);
    case ShapeKind::kTimeOfDay:
      return CheckTimeOfDay(node, problem);
    case ShapeKind::kTimestamp:
      return CheckOf(ParseRfc3339(node.text).has_value(), node, Code::kBadTimestamp, "a timestamp",
                     "write it like 2026-03-02T09:00:00Z", problem);
    case ShapeKind::kTimeZone:
      return CheckTimeZone(node, problem);
    case ShapeKind::kJourneyZone:
      return node.text == "company" || node.text == "person" || CheckTimeZone(node, problem);
    case ShapeKind::kDayOffset:
      return CheckOf(ParseDayOffset(node.text).has_value(), node, Code::kBadDuration,
                     "an offset in days", "write it like -3 days, at most 365 either way", problem);
    case ShapeKind::kScheduleDay:
      return CheckScheduleDay(node, problem);
    case ShapeKind::kCivilDate:
      return CheckOf(ParseCivilDate(node.text).has_value(), node, Code::kBadDate, "a date",
                     "write 12-24 for each year or 2026-12-01 for once", problem);
    case ShapeKind::kInteger:
      return CheckInteger(node, shape, problem);
    case ShapeKind::kPercent:
      return CheckOf(ParsePercentBuckets(node.text).has_value(), node, Code::kBadPercent,
                     "a percentage", "a number from 0 to 100 with at most two decimals", problem);
    case ShapeKind::kBoolean:
      return CheckOf(TypeOfScalar(node) == ScalarType::kBool, node, Code::kNotAChoice,
                     "true or false", "", problem);
    case ShapeKind::kChoice:
      return CheckChoice(node, shape, problem);
    case ShapeKind::kReentry:
      return CheckReentry(node, problem);
    case ShapeKind::kTypeName:
      return CheckTypeName(node, problem);
    case ShapeKind::kUrl:
      return CheckOf(IsAllowedWebhookUrl(node.text), node, Code::kBadUrl, "a URL for a webhook",
                     "https, or http to localhost, 127.0.0.1 or [::1]; no expressions", problem);
    case ShapeKind::kMailbox:
      return CheckOf(IsMailbox(node.text), node, Code::kBadMailbox, "a mail address",
                     "write \"Example Shop <hello@shop.example>\" or the address alone", problem);
    default:
      return true;
  }
}

std::string_view ShapeNoun(const Shape& shape) {
  if (!shape.noun.empty()) return shape.noun;
  switch (shape.kind) {
    case ShapeKind::kKebabName:
    case ShapeKind::kSnakeName:
      return "a name";
    case ShapeKind::kEventName:
      return "the name of an event";
    case ShapeKind::kExpression:
      return "an expression";
    case ShapeKind::kConditions:
      return "a condition or a list of conditions";
    case ShapeKind::kDuration:
      return "a duration";
    case ShapeKind::kTimeOfDay:
      return "a time of day";
    case ShapeKind::kTimestamp:
      return "a timestamp";
    case ShapeKind::kTimeZone:
    case ShapeKind::kJourneyZone:
      return "a time zone";
    case ShapeKind::kDayOffset:
      return "an offset in days";
    case ShapeKind::kScheduleDay:
      return "a day";
    case ShapeKind::kCivilDate:
      return "a date";
    case ShapeKind::kInteger:
      return "a whole number";
    case ShapeKind::kPercent:
      return "a percentage";
    case ShapeKind::kBoolean:
      return "true or false";
    case ShapeKind::kTypeName:
      return "a type";
    case ShapeKind::kUrl:
      return "a URL";
    case ShapeKind::kMailbox:
      return "a mail address";
    case ShapeKind::kObject:
    case ShapeKind::kMap:
      return "a mapping";
    case ShapeKind::kList:
      return "a list";
    default:
      return "text";
  }
}

}  // namespace sojourn::language
