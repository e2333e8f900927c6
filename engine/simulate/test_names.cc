#include "engine/simulate/test_names.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <variant>

#include "engine/base/suggest.h"
#include "engine/simulate/test_entry.h"

namespace sojourn::simulate {
namespace {

using language::Code;
using language::Node;

constexpr std::string_view kSkipReasons[] = {"no_address", "suppressed",    "no_consent",
                                             "holdout",    "frequency_cap", "quiet_hours",
                                             "error",      "coupon_empty",  "coupon_expired"};

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <typename Rules>
std::vector<std::string> NamesOf(const Rules& rules) {
  std::vector<std::string> names;
  for (const auto& rule : rules) names.push_back(rule->name);
  return names;
}

model::ActionKind ChannelOf(ExpectationKind kind) {
  if (kind == ExpectationKind::kSendSms) return model::ActionKind::kSendSms;
  if (kind == ExpectationKind::kSendPush) return model::ActionKind::kSendPush;
  return model::ActionKind::kSendEmail;
}

}  // namespace

void ExpectedNames::Error(Code code, const Node& node, std::string message, std::string hint) {
  reporter_->Error(code, *node.file, node.range, std::move(message), std::move(hint));
}

void ExpectedNames::CheckName(const Node& node, const std::vector<std::string>& known,
                              std::string_view noun, Code code) {
  if (Has(known, node.text)) return;
  Error(code, node, fmt::format("there is no {} \"{}\"", noun, node.text),
        DidYouMean(node.text, known));
}

void ExpectedNames::CheckJourney(const Node& name) {
  CheckName(name, NamesOf(bundle_.journeys), "journey", Code::kUnknownJourney);
}

// A journey that the file leaves out does nothing in its tests.
void ExpectedNames::CheckRunning(const Node& journey) {
  CheckJourney(journey);
  if (!Has(NamesOf(bundle_.journeys), journey.text) || Has(running_, journey.text)) return;
  Error(Code::kUnknownJourney, journey,
        fmt::format("the journey \"{}\" does not run in this file", journey.text),
        "add it to \"journeys\"");
}

void ExpectedNames::CheckTemplate(const Node& name, ExpectationKind kind) {
  CheckName(name, NamesOf(bundle_.templates), "template", Code::kUnknownTemplate);
  for (const auto& rule : bundle_.templates) {
    if (rule->name != name.text || rule->channel == ChannelOf(kind)) continue;
    Error(Code::kWrongChannel, name,
          fmt::format("the template \"{}\" is for {}", name.text,
                      model::ActionKindName(rule->channel)));
  }
}

void ExpectedNames::CheckUrl(const Node& url) {
  std::vector<std::string> known;
  for (const auto& journey : bundle_.journeys) {
    for (const language::Step& step : journey->steps) {
      const auto* webhook = std::get_if<language::WebhookStep>(&step.action);
      if (webhook != nullptr) known.push_back(webhook->url);
    }
  }
  if (Has(known, url.text)) return;
  Error(Code::kNotAChoice, url, fmt::format("no step calls the webhook \"{}\"", url.text),
        DidYouMean(url.text, known));
}

void ExpectedNames::CheckHoldout(const Node& held_out) {
  if (held_out.text == "true" || held_out.text == "false") return;
  Error(Code::kNotAChoice, held_out,
        fmt::format("\"holdout\" is true or false, not \"{}\"", held_out.text));
}

void ExpectedNames::CheckForced(const Node& key, const Node& path) {
  const size_t dot = key.text.find('.');
  const std::string wanted_test = dot == std::string::npos ? key.text : key.text.substr(dot + 1);
  std::vector<std::string> tests;
  std::vector<std::string> paths;
  for (const auto& journey : bundle_.journeys) {
    if (dot != std::string::npos && journey->name != key.text.substr(0, dot)) continue;
    for (const language::Step& step : journey->steps) {
      const auto* test = std::get_if<language::AbTestStep>(&step.action);
      if (test == nullptr) continue;
      tests.push_back(test->test);
      if (test->test != wanted_test) continue;
      for (const language::AbPath& known : test->paths) paths.push_back(known.name);
    }
  }
  if (std::find(paths.begin(), paths.end(), path.text) != paths.end()) return;
  if (paths.empty()) {
    return Error(Code::kNotAChoice, key, "there is no A/B test \"" + key.text + "\"",
                 DidYouMean(wanted_test, tests));
  }
  Error(Code::kNotAChoice, path,
        "the A/B test \"" + wanted_test + "\" has no path \"" + path.text + "\"",
        DidYouMean(path.text, paths));
}

void ExpectedNames::CheckReason(const Node& reason, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), reason.text) != known.end()) return;
  std::string hint = DidYouMean(reason.text, known);
  if (hint.empty()) hint = fmt::format("one of: {}", fmt::join(known, ", "));
  Error(Code::kNotAChoice, reason, "nothing has the reason \"" + reason.text + "\"",
        std::move(hint));
}

// Those of the engine, and of the exit steps.
std::vector<std::string> ExpectedNames::ExitReasons() const {
  std::vector<std::string> reasons(language::kEngineExitReasons.begin(),
                                   language::kEngineExitReasons.end());
  for (const auto& journey : bundle_.journeys) {
    for (const language::Step& step : journey->steps) {
      const auto* exit = std::get_if<language::ExitStep>(&step.action);
      if (exit != nullptr) reasons.push_back(exit->reason);
    }
  }
  return reasons;
}

void ExpectedNames::CheckExpectation(const Node& node, const Node& named,
                                     const Expectation& expectation) {
  switch (expectation.kind) {
    case ExpectationKind::kSendEmail:
    case ExpectationKind::kSendSms:
    case ExpectationKind::kSendPush:
      CheckTemplate(named, expectation.kind);
      break;
    case ExpectationKind::kWebhook:
      CheckUrl(named);
      break;
    case ExpectationKind::kCoupon:
      CheckName(named, NamesOf(bundle_.pools), "coupon pool", Code::kUnknownPool);
      break;
    case ExpectationKind::kEnter:
      CheckRunning(named);
      break;
    case ExpectationKind::kInSegment:
    case ExpectationKind::kNotInSegment:
      CheckName(named, bundle_.names->SegmentNames(), "segment", Code::kUnknownSegment);
      break;
    case ExpectationKind::kPath:
      for (const Node::Entry& entry : named.entries) CheckForced(*entry.key, *entry.value);
      break;
    case ExpectationKind::kTrait:
      CheckExpectedTraits(named, *bundle_.names, reporter_);
      break;
    case ExpectationKind::kExit:
      CheckReason(named, ExitReasons());
      break;
    case ExpectationKind::kSkipped:
      CheckReason(named, {std::begin(kSkipReasons), std::end(kSkipReasons)});
      break;
    default:
      break;
  }
  if (const Node* journey = node.Find("journey")) CheckRunning(*journey);
  if (expectation.code_matches) CheckPattern(*node.Find("code_matches"));
}

void ExpectedNames::CheckPattern(const Node& pattern) {
  const RE2 compiled(pattern.text, RE2::Quiet);
  if (compiled.ok()) return;
  Error(Code::kWrongKindOfValue, pattern,
        fmt::format("\"{}\" is no regular expression: {}", pattern.text, compiled.error()));
}

}  // namespace sojourn::simulate
