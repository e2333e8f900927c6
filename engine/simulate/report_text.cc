#include "engine/simulate/report_text.h"

#include <fmt/format.h>

#include "engine/model/value.h"

namespace sojourn::simulate {
namespace {

std::string ActionName(const model::Action& action) {
  switch (action.kind) {
    case model::ActionKind::kWebhook:
      return action.url;
    case model::ActionKind::kCoupon:
      return fmt::format("{} gives {}", action.coupon.pool, action.coupon.code);
    default:
      return action.template_name;
  }
}

std::string ValuesText(const std::vector<std::pair<std::string, model::Value>>& values) {
  std::string text;
  for (const auto& [name, value] : values) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, model::DebugString(value));
  }
  return "{" + text + "}";
}

std::string PathsText(const std::vector<std::pair<std::string, std::string>>& paths) {
  std::string text;
  for (const auto& [test, path] : paths) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", test, path);
  }
  return "{" + text + "}";
}

// "journey/step name (reason): detail", as far as there is something.
std::string FactText(const Happening& happening) {
  std::string text(model::FactKindName(happening.kind));
  if (!happening.journey.empty()) text += " " + happening.journey;
  if (!happening.step.empty()) text += "/" + happening.step;
  if (!happening.name.empty()) text += " " + happening.name;
  if (!happening.reason.empty()) text += " (" + happening.reason + ")";
  if (!happening.detail.empty()) text += ": " + happening.detail;
  return text;
}

}  // namespace

std::string OffsetText(Timestamp start, Timestamp moment) {
  int64_t rest = moment.milliseconds() - start.milliseconds();
  if (rest == 0) return "0m";
  std::string text = rest < 0 ? "-" : "";
  rest = rest < 0 ? -rest : rest;
  struct Unit {
    int64_t milliseconds;
    const char* name;
  };
  bool first = true;
  for (const Unit unit :
       {Unit{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}}) {
    const int64_t count = rest / unit.milliseconds;
    rest %= unit.milliseconds;
    if (count == 0) continue;
    text += fmt::format("{}{}{}", first ? "" : " ", count, unit.name);
    first = false;
  }
  return text;
}

std::string ExpectationText(const TestCase& test, const Expectation& expectation) {
  std::string text = fmt::format("{} {}", OffsetText(test.start, expectation.at),
                                 ExpectationKindName(expectation.kind));
  if (!expectation.name.empty()) text += ": " + expectation.name;
  if (!expectation.values.empty()) text += " " + ValuesText(expectation.values);
  if (!expectation.paths.empty()) text += " " + PathsText(expectation.paths);
  if (!expectation.journey.empty()) text += " (" + expectation.journey + ")";
  return text;
}

std::string ActionText(const TestCase& test, const model::Action& action) {
  return fmt::format("{} {}: {}", OffsetText(test.start, action.time),
                     model::ActionKindName(action.kind), ActionName(action));
}

std::string HappeningText(const TestCase& test, const Happening& happening) {
  const std::string at = OffsetText(test.start, happening.time);
  if (happening.action) {
    return fmt::format("{} ({}/{}) {}", ActionText(test, *happening.action), happening.journey,
                       happening.step, happening.action->values_json);
  }
  return at + " " + FactText(happening);
}

}  // namespace sojourn::simulate
