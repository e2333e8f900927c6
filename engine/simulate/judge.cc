#include "engine/simulate/judge.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include "engine/base/hash.h"
#include "engine/base/json_text.h"
#include "engine/language/render_message.h"
#include "engine/model/json_writer.h"
#include "engine/simulate/report_text.h"

namespace sojourn::simulate {
namespace {

using model::FactKind;
using nlohmann::json;

// Tests send nothing, so these lead nowhere.
constexpr const char* kUnsubscribeUrl = "https://sojourn.example/unsubscribe/sample";
constexpr const char* kPreferencesUrl = "https://sojourn.example/preferences/sample";

json JsonOf(const model::Value& value) {
  model::JsonWriter writer;
  writer.Write(value);
  return ParseJson(writer.text());
}

bool IsState(ExpectationKind kind) {
  return kind == ExpectationKind::kTrait || kind == ExpectationKind::kInSegment ||
         kind == ExpectationKind::kNotInSegment || kind == ExpectationKind::kPath;
}

std::string_view NameOf(const model::Action& action) {
  if (action.kind == model::ActionKind::kWebhook) return action.url;
  if (action.kind == model::ActionKind::kCoupon) return action.coupon.pool;
  return action.template_name;
}

// The expectation about a fact: which kind, and which of its fields the name is held against.
bool IsThat(const Expectation& expectation, const Happening& happening) {
  if (happening.time != expectation.at) return false;
  if (!expectation.journey.empty() && happening.journey != expectation.journey) return false;
  switch (expectation.kind) {
    case ExpectationKind::kEnter:
      return happening.kind == FactKind::kEntered && happening.journey == expectation.name;
    case ExpectationKind::kExit:
      return happening.kind == FactKind::kExited && happening.reason == expectation.name;
    case ExpectationKind::kGoal:
      return happening.kind == FactKind::kGoal;
    case ExpectationKind::kSkipped:
      return happening.kind == FactKind::kSkipped && happening.reason == expectation.name;
    default:
      return false;
  }
}

json DataOf(const model::Action& action) {
  const json values = ParseJson(action.values_json);
  return values.is_object() && values.contains("data") ? values["data"] : json::object();
}

// What differs between the values that the action carries and those expected.
std::string DataDifference(const Expectation& expectation, const model::Action& action) {
  if (expectation.values.empty()) return {};
  const json data = DataOf(action);
  for (const auto& [name, value] : expectation.values) {
    const json wanted = JsonOf(value);
    const json actual = data.contains(name) ? data[name] : json();
    if (wanted == actual) continue;
    return fmt::format("data {} is {}, not {}", name, DumpJson(actual), DumpJson(wanted));
  }
  return {};
}

}  // namespace

Judge::Judge(const language::Bundle& bundle, const TestCase& test) : bundle_(bundle), test_(test) {
  for (const Expectation& expectation : test.expectations) {
    matches_.push_back({&expectation, false, {}});
  }
}

void Judge::BeforeInput(const VirtualPerson& person, Timestamp now) {
  for (Match& match : matches_) {
    if (!IsState(match.expectation->kind) || match.met || !match.why_not.empty()) continue;
    if (match.expectation->at < now) JudgeState(person, &match);
  }
}

void Judge::JudgeState(const VirtualPerson& person, Match* match) {
  const Expectation& expectation = *match->expectation;
  if (expectation.kind == ExpectationKind::kTrait) return JudgeTrait(person.person(), match);
  if (expectation.kind == ExpectationKind::kPath) return JudgePath(person, match);
  const bool member = person.person().InSegment(StableHash64(expectation.name));
  match->met = member == (expectation.kind == ExpectationKind::kInSegment);
  if (!match->met) match->why_not = member ? "is in the segment" : "is not in the segment";
}

void Judge::JudgeTrait(const model::Person& person, Match* match) {
  for (const auto& [name, value] : match->expectation->values) {
    const model::Value* trait = person.FindTrait(name);
    const json actual = trait == nullptr ? json() : JsonOf(*trait);
    if (actual == JsonOf(value)) continue;
    match->why_not = fmt::format("trait {} is {}", name, DumpJson(actual));
    return;
  }
  match->met = true;
}

void Judge::JudgePath(const VirtualPerson& person, Match* match) {
  for (const auto& [test, path] : match->expectation->paths) {
    std::string taken;
    for (const Happening& happening : person.happenings()) {
      const bool meant =
          match->expectation->journey.empty() || happening.journey == match->expectation->journey;
      if (meant && happening.kind == FactKind::kPathTaken && happening.name == test) {
        taken = happening.reason;
      }
    }
    if (taken == path) continue;
    match->why_not = taken.empty() ? fmt::format("{} was not passed", test)
                                   : fmt::format("{} took {}", test, taken);
    return;
  }
  match->met = true;
}

std::string Judge::RenderedDifference(const Expectation& expectation,
                                      const model::Action& action) const {
  if (!expectation.subject && !expectation.body_contains) return {};
  const language::Template* rule = bundle_.FindTemplate(action.template_name);
  if (rule == nullptr) return fmt::format("there is no template \"{}\"", action.template_name);
  const auto rendered =
      language::RenderMessage(bundle_.company, *rule, action, {kUnsubscribeUrl, kPreferencesUrl});
  if (!rendered.ok()) return rendered.status().message();
  if (expectation.subject && rendered->subject != *expectation.subject) {
    return fmt::format("the subject is \"{}\"", rendered->subject);
  }
  if (expectation.body_contains &&
      rendered->body.find(*expectation.body_contains) == std::string::npos) {
    return fmt::format("the body does not contain \"{}\"", *expectation.body_contains);
  }
  return {};
}

std::string Judge::Difference(const Expectation& expectation, const model::Action& action) const {
  const bool same = ExpectationKindName(expectation.kind) == model::ActionKindName(action.kind) &&
                    expectation.name == NameOf(action);
  if (!same) return "another action: " + ActionText(test_, action);
  if (expectation.at != action.time) {
    return "happened at " + OffsetText(test_.start, action.time);
  }
  if (!expectation.journey.empty() && expectation.journey != action.journey) {
    return "came from " + action.journey;
  }
  if (expectation.code_matches &&
      !RE2::PartialMatch(action.coupon.code, RE2(*expectation.code_matches, RE2::Quiet))) {
    return "the code is " + (action.coupon.code.empty() ? "absent" : action.coupon.code);
  }
  if (std::string data = DataDifference(expectation, action); !data.empty()) return data;
  return RenderedDifference(expectation, action);
}

void Judge::JudgeActions(const std::vector<const Happening*>& actions) {
  size_t next = 0;
  for (Match& match : matches_) {
    if (!IsAction(match.expectation->kind)) continue;
    if (next == actions.size()) {
      match.why_not = "did not happen";
      continue;
    }
    match.why_not = Difference(*match.expectation, *actions[next]->action);
    match.met = match.why_not.empty();
    action_wrong_[next++] = !match.met;
  }
  for (; next < actions.size(); ++next) {
    action_wrong_[next] = true;
    result_.problems.push_back("not expected: " + ActionText(test_, *actions[next]->action));
  }
}

void Judge::JudgePartly(const std::vector<const Happening*>& actions) {
  std::vector<bool> taken(actions.size());
  for (Match& match : matches_) {
    if (!IsAction(match.expectation->kind)) continue;
    match.why_not = "did not happen";
    for (size_t i = 0; i < actions.size() && !match.met; ++i) {
      if (taken[i] || actions[i]->time != match.expectation->at) continue;
      match.why_not = Difference(*match.expectation, *actions[i]->action);
      match.met = taken[i] = match.why_not.empty();
    }
  }
}

// Each fact meets one expectation only. Those that name a journey choose first.
void Judge::JudgeFacts(const std::vector<Happening>& happenings) {
  std::vector<bool> taken(happenings.size());
  for (const bool names_journey : {true, false}) {
    for (Match& match : matches_) {
      const ExpectationKind kind = match.expectation->kind;
      if (IsAction(kind) || IsState(kind) || kind == ExpectationKind::kNothingMore) continue;
      if (match.expectation->journey.empty() == names_journey) continue;
      match.why_not = "did not happen";
      for (size_t i = 0; i < happenings.size() && !match.met; ++i) {
        match.met = !taken[i] && IsThat(*match.expectation, happenings[i]);
        if (match.met) taken[i] = true;
      }
    }
  }
}

void Judge::JudgeNothingMore(const std::vector<const Happening*>& actions) {
  for (Match& match : matches_) {
    if (match.expectation->kind != ExpectationKind::kNothingMore) continue;
    match.met = true;
    for (const Happening* action : actions) {
      if (action->time < match.expectation->at) continue;
      match.met = false;
      match.why_not = "there was " + ActionText(test_, *action->action);
      break;
    }
  }
}

// With those of its values that are expected of such an action.
std::string Judge::ActualText(const model::Action& action) const {
  std::string text = ActionText(test_, action);
  const auto asked = std::find_if(matches_.begin(), matches_.end(), [&](const Match& match) {
    const Expectation& expectation = *match.expectation;
    return IsAction(expectation.kind) && expectation.name == NameOf(action) &&
           !expectation.values.empty();
  });
  if (asked == matches_.end()) return text;
  const json data = DataOf(action);
  std::string values;
  for (const auto& [name, value] : asked->expectation->values) {
    if (!data.contains(name)) continue;
    values += fmt::format("{}{}: {}", values.empty() ? "" : ", ", name, DumpJson(data[name]));
  }
  return fmt::format("{} {{{}}}", text, values);
}

void Judge::Report(const std::vector<const Happening*>& actions,
                   const std::vector<Happening>& all) {
  for (const Match& match : matches_) {
    const std::string text = ExpectationText(test_, *match.expectation);
    result_.expected.push_back({text, !match.met});
    if (!match.met) result_.problems.push_back(text + ": " + match.why_not);
  }
  for (size_t i = 0; i < actions.size(); ++i) {
    result_.actual.push_back({ActualText(*actions[i]->action), action_wrong_[i]});
  }
  for (const Happening& happening : all) {
    result_.trace.push_back(HappeningText(test_, happening));
  }
}

TestResult Judge::Finish(const VirtualPerson& person) {
  BeforeInput(person, Timestamp::Max());
  std::vector<const Happening*> actions;
  for (const Happening& happening : person.happenings()) {
    if (happening.action) actions.push_back(&happening);
  }
  action_wrong_.assign(actions.size(), false);
  if (test_.partial) {
    JudgePartly(actions);
  } else {
    JudgeActions(actions);
  }
  JudgeFacts(person.happenings());
  JudgeNothingMore(actions);
  if (!person.failure().ok()) {
    result_.problems.push_back("the test broke off: " + person.failure().message());
  }
  Report(actions, person.happenings());
  result_.name = test_.name;
  result_.position = test_.position;
  result_.file = test_.position.file;
  result_.passed = result_.problems.empty();
  return std::move(result_);
}

}  // namespace sojourn::simulate
