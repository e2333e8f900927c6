// Scalars of the schema: what each leaf shape accepts, and what is said where it does not.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/duration_text.h"
#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/base/suggest.h"
#include "engine/base/time_zone_names.h"
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

bool IsQuoted(const Node& node) {
  return node.style == ScalarStyle::kDoubleQuoted || node.style == ScalarStyle::kSingleQuoted;
}

// A value that would be right without its quotes.
bool RefuseQuotes(const Node& node, Code code, std::string_view noun, Problem* problem) {
  return Refuse(problem, code,
                fmt::format("{} in quotes is text, not {}", QuotedText(node.text), noun),
                fmt::format("write {} without quotes", node.text));
}

// What those who know other tools write.
constexpr std::pair<std::string_view, std::string_view> kForeignWords[] = {
    {"float", "double"}, {"number", "double"},      {"decimal", "double"},
    {"text", "string"},  {"datetime", "timestamp"}, {"object", "map"},
    {"array", "list"},   {"yes", "true"},           {"no", "false"},
    {"on", "true"},      {"off", "false"},          {"off", "none"},
    {"no", "none"},      {"false", "none"}};

// The hint for a word that is none of a few: which one is meant, or `otherwise`.
std::string MeantOf(const std::string& word, const std::vector<std::string>& choices,
                    std::string otherwise) {
  std::string meant = NearestName(word, choices);
  const std::string small = ToCase(word, '_');
  for (const std::string& choice : choices) {
    const size_t common = std::min(small.size(), choice.size());
    const bool begins = common > 2 && small.compare(0, common, choice, 0, common) == 0;
    if (meant.empty() && begins) meant = choice;
  }
  for (const auto& [foreign, own] : kForeignWords) {
    const bool known = std::find(choices.begin(), choices.end(), own) != choices.end();
    if (meant.empty() && known && foreign == small) meant = own;
  }
  return meant.empty() ? std::move(otherwise) : fmt::format("did you mean \"{}\"?", meant);
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

// `before` ends with the number of the unit that `word` seems to be.
std::string MeantUnit(std::string_view before, std::string_view word) {
  const bool is_unit =
      std::find(kDurationUnits.begin(), kDurationUnits.end(), word) != kDurationUnits.end();
  std::string unit = is_unit ? "" : NearestName(word, kDurationUnits);
  if (unit.empty()) return "";
  if (unit.back() == 's') unit.pop_back();
  const size_t number = before.find_last_not_of(' ');
  const bool one = number != std::string_view::npos && before[number] == '1' &&
                   (number == 0 || before[number - 1] == ' ');
  return fmt::format("did you mean \"{}{}\"?", unit, one ? "" : "s");
}

// The duration that stands behind the first `skipped` bytes of the text.
bool CheckDurationBehind(const Node& node, size_t skipped, std::string_view example,
                         Problem* problem) {
  const std::string_view text = std::string_view(node.text).substr(skipped);
  DurationProblem wrong;
  if (ParseDuration(text, DurationStyle::kLong, &wrong)) return true;
  const std::string_view word = text.substr(wrong.begin, wrong.end - wrong.begin);
  std::string hint = MeantUnit(text.substr(0, wrong.begin), word);
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
  const bool quoted = IsQuoted(node);
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
  const bool valid = value && *value >= shape.minimum && *value <= shape.maximum;
  if (valid && node.style == ScalarStyle::kPlain) return true;
  if (valid && IsQuoted(node)) {
    return RefuseQuotes(node, Code::kBadNumber, "a whole number", problem);
  }
  return Refuse(problem, Code::kBadNumber,
                fmt::format("{} is not a whole number from {} to {}", QuotedText(node.text),
                            shape.minimum, shape.maximum));
}

bool CheckChoice(const Node& node, const Shape& shape, Problem* problem) {
  std::vector<std::string> choices;
  for (const std::string_view choice : shape.choices) {
    if (choice == node.text) return true;
    choices.emplace_back(choice);
  }
  return Refuse(problem, Code::kNotAChoice,
                fmt::format("{} is not allowed here", QuotedText(node.text)),
                MeantOf(node.text, choices, fmt::format("one of: {}", fmt::join(choices, ", "))));
}

std::string_view PlaceOf(std::string_view zone) { return zone.substr(zone.rfind('/') + 1); }

// The zone whose place is called like the wrong one's, or nearly so; `words` can stand there, too.
std::string NearestZone(std::string_view wrong, std::vector<std::string> words) {
  for (const std::string& zone : TimeZoneNames()) words.push_back(zone);
  std::vector<std::string> places;
  for (const std::string& zone : words) {
    places.emplace_back(PlaceOf(zone));
    if (places.back() == PlaceOf(wrong)) return zone;
  }
  const std::string nearest = NearestName(PlaceOf(wrong), places);
  const auto found = std::find(places.begin(), places.end(), nearest);
  return nearest.empty() ? "" : words[static_cast<size_t>(found - places.begin())];
}

bool CheckTimeZone(const Node& node, std::vector<std::string> words, Problem* problem) {
  if (std::find(words.begin(), words.end(), node.text) != words.end()) return true;
  if (FindTimeZone(node.text)) return true;
  const std::string nearest = NearestZone(node.text, std::move(words));
  return Refuse(problem, Code::kUnknownTimeZone,
                fmt::format("{} is not a time zone", QuotedText(node.text)),
                nearest.empty() ? "an IANA name such as Europe/Berlin"
                                : fmt::format("did you mean \"{}\"?", nearest));
}

bool CheckReentry(const Node& node, Problem* problem) {
  if (node.text == "always" || node.text == "never") return true;
  constexpr std::string_view kAfter = "after ";
  if (std::string_view(node.text).substr(0, kAfter.size()) == kAfter) {
    return CheckDurationBehind(node, kAfter.size(), "after 180 days", problem);
  }
  return Refuse(problem, Code::kNotAChoice,
                fmt::format("{} is not allowed here", QuotedText(node.text)),
                MeantOf(node.text, {"always", "never", "after DURATION"},
                        "one of: always, never, after DURATION"));
}

bool CheckScheduleDay(const Node& node, Problem* problem) {
  const auto day = ParseInteger(node.text);
  const bool is_day = day && *day >= 1 && *day <= 31;
  if (is_day && IsQuoted(node)) {
    return RefuseQuotes(node, Code::kNotAChoice, "a day of the month", problem);
  }
  if (ParseWeekday(node.text) || is_day) return true;
  const std::vector<std::string> weekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                             "friday", "saturday", "sunday"};
  return Refuse(
      problem, Code::kNotAChoice,
      fmt::format("{} is neither a weekday nor a day of the month", QuotedText(node.text)),
      MeantOf(node.text, weekdays, "monday to sunday, or 1 to 31"));
}

bool CheckTypeName(const Node& node, Problem* problem) {
  if (ParseTypeName(node.text)) return true;
  const std::string base = node.text.substr(0, node.text.find('?'));
  return Refuse(
      problem, Code::kUnknownType, fmt::format("{} is not a type", QuotedText(node.text)),
      MeantOf(base, {"bool", "int", "double", "string", "timestamp", "date", "list", "map"},
              "one of: bool, int, double, string, timestamp, date, list, map; ? may be absent"));
}

bool CheckOf(bool valid, const Node& node, Code code, std::string_view noun, std::string hint,
             Problem* problem) {
  if (valid) return true;
  return Refuse(problem, code, fmt::format("{} is not {}", QuotedText(node.text), noun),
                std::move(hint));
}

bool CheckPercent(const Node& node, Problem* problem) {
  const bool valid = ParsePercentBuckets(node.text).has_value();
  if (valid && IsQuoted(node)) {
    return RefuseQuotes(node, Code::kBadPercent, "a percentage", problem);
  }
  return CheckOf(valid, node, Code::kBadPercent, "a percentage",
                 "a number from 0 to 100 with at most two decimals", problem);
}

bool CheckBoolean(const Node& node, Problem* problem) {
  const bool valid = node.text == "true" || node.text == "false";
  if (valid && IsQuoted(node)) {
    return RefuseQuotes(node, Code::kNotAChoice, "true or false", problem);
  }
  return CheckOf(TypeOfScalar(node) == ScalarType::kBool, node, Code::kNotAChoice, "true or false",
                 MeantOf(node.text, {"true", "false"}, ""), problem);
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
      return CheckTimeZone(node, {}, problem);
    case ShapeKind::kJourneyZone:
      return CheckTimeZone(node, {"company", "person"}, problem);
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
      return CheckPercent(node, problem);
    case ShapeKind::kBoolean:
      return CheckBoolean(node, problem);
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
