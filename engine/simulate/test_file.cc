#include "engine/simulate/test_file.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>
#include <re2/re2.h>

#include "engine/base/duration_text.h"
#include "engine/base/rfc3339.h"
#include "engine/base/suggest.h"
#include "engine/language/yaml.h"
#include "engine/language/yaml_value.h"
#include "engine/simulate/test_entry.h"
#include "engine/simulate/test_schema.h"

namespace sojourn::simulate {
namespace {

using language::Code;
using language::Node;
using model::Value;

struct KindName {
  ExpectationKind kind;
  std::string_view name;
};
constexpr std::array<KindName, 14> kKindNames = {{
    {ExpectationKind::kSendEmail, "send_email"},
    {ExpectationKind::kSendSms, "send_sms"},
    {ExpectationKind::kSendPush, "send_push"},
    {ExpectationKind::kWebhook, "webhook"},
    {ExpectationKind::kCoupon, "coupon"},
    {ExpectationKind::kEnter, "enter"},
    {ExpectationKind::kExit, "exit"},
    {ExpectationKind::kGoal, "goal"},
    {ExpectationKind::kSkipped, "skipped"},
    {ExpectationKind::kTrait, "trait"},
    {ExpectationKind::kInSegment, "in_segment"},
    {ExpectationKind::kNotInSegment, "not_in_segment"},
    {ExpectationKind::kPath, "path"},
    {ExpectationKind::kNothingMore, "nothing_more"},
}};

constexpr std::string_view kSkipReasons[] = {"no_address", "suppressed",    "no_consent",
                                             "holdout",    "frequency_cap", "quiet_hours",
                                             "error",      "coupon_empty"};

std::string TextOf(const Node* node) { return node == nullptr ? std::string() : node->text; }

class Parser {
 public:
  Parser(const language::Bundle& bundle, language::Reporter* reporter, TestFile* file)
      : bundle_(bundle), reporter_(reporter), file_(*file) {}

  void Parse(const Node& root) {
    std::vector<std::string> known;
    for (const auto& journey : bundle_.journeys) known.push_back(journey->name);
    for (const Node* name : root.Find("journeys")->items) {
      CheckName(*name, known, "journey", Code::kUnknownJourney);
      file_.journeys.push_back(name->text);
    }
    for (const Node* test : root.Find("tests")->items) ParseTest(*test);
  }

 private:
  void Error(Code code, const Node& node, std::string message, std::string hint = "") {
    reporter_->Error(code, *node.file, node.range, std::move(message), std::move(hint));
  }

  void CheckName(const Node& node, const std::vector<std::string>& known, std::string_view noun,
                 Code code) {
    if (std::find(known.begin(), known.end(), node.text) != known.end()) return;
    Error(code, node, "there is no " + std::string(noun) + " \"" + node.text + "\"",
          DidYouMean(node.text, known));
  }

  template <typename Rules>
  static std::vector<std::string> NamesOf(const Rules& rules) {
    std::vector<std::string> names;
    for (const auto& rule : rules) names.push_back(rule->name);
    return names;
  }

  // A duration from the test's start, or a timestamp.
  Timestamp MomentOf(const Node& node) {
    if (const auto moment = ParseRfc3339(node.text)) return *moment;
    DurationProblem problem;
    const auto duration = ParseDuration(node.text, DurationStyle::kLongOrShort, &problem);
    if (duration) return start_ + *duration;
    const auto range = problem.begin == problem.end
                           ? node.range
                           : node.RangeOf(static_cast<uint32_t>(problem.begin),
                                          static_cast<uint32_t>(problem.end));
    reporter_->Error(Code::kBadDuration, *node.file, range,
                     "this is neither a duration nor a timestamp: " + problem.why,
                     "write for example 2h, 1d 30m, -3d or 2026-03-02T09:00:00Z");
    return start_;
  }

  std::vector<std::pair<std::string, Value>> NamedValuesOf(const Node* node) {
    std::vector<std::pair<std::string, Value>> values;
    if (node == nullptr) return values;
    for (const Node::Entry& entry : node->entries) {
      values.emplace_back(entry.key->text, language::ValueOf(*entry.value, &file_.arena));
    }
    return values;
  }

  void ParseTest(const Node& node) {
    TestCase test;
    test.position = node.position();
    test.name = TextOf(node.Find("name"));
    const auto start = ParseRfc3339(TextOf(node.Find("start")));
    if (!start) return;
    test.start = start_ = *start;
    test.person_id = "person";
    for (auto& [name, value] : NamedValuesOf(node.Find("person"))) {
      if (name == "id") {
        test.person_id = node.Find("person")->Find("id")->text;
      } else {
        test.traits.emplace_back(name, value);
      }
    }
    CheckTraits(*node.Find("person"), test, *bundle_.names, reporter_);
    test.history = EventsOf(node.Find("history"), "h", /*of_history=*/true);
    test.events = EventsOf(node.Find("events"), "e", /*of_history=*/false);
    ParseForced(node.Find("force"), &test);
    if (const Node* until = node.Find("until")) test.until = MomentOf(*until);
    test.partial = TextOf(node.Find("partial")) == "true";
    for (const Node* item : node.Find("expect")->items) {
      test.expectations.push_back(ExpectationOf(*item));
    }
    file_.tests.push_back(std::move(test));
  }

  std::vector<TestEvent> EventsOf(const Node* list, std::string_view id_prefix, bool of_history) {
    std::vector<TestEvent> events;
    if (list == nullptr) return events;
    for (const Node* node : list->items) {
      TestEvent event;
      const Node& at = *node->Find("at");
      event.at = MomentOf(at);
      if (of_history && event.at > start_) {
        Error(Code::kEmptyInterval, at, "an entry of the history is later than start",
              "move it to events");
      }
      const Node* time = node->Find("time");
      event.time = time == nullptr ? event.at : MomentOf(*time);
      const Node* id = node->Find("id");
      event.id = id != nullptr
                     ? id->text
                     : "unnamed-" + std::string(id_prefix) + std::to_string(events.size());
      const Node* traits = node->Find("identify");
      event.identify = traits != nullptr;
      event.name = event.identify ? "Identify" : TextOf(node->Find("track"));
      const Node* properties = event.identify ? traits : node->Find("properties");
      if (properties != nullptr) event.properties = language::ValueOf(*properties, &file_.arena);
      CheckEntry(*node, event, *bundle_.names, reporter_);
      events.push_back(std::move(event));
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const TestEvent& a, const TestEvent& b) { return a.at < b.at; });
    return events;
  }

  void ParseForced(const Node* force, TestCase* test) {
    if (force == nullptr) return;
    for (const Node::Entry& entry : force->entries) {
      if (entry.key->text == "holdout") {
        test->forced_holdout = entry.value->text == "true";
      } else {
        test->forced_paths[entry.key->text] = entry.value->text;
        CheckForced(*entry.key, *entry.value);
      }
    }
  }

  // The key is TEST or JOURNEY.TEST; of several tests called TEST one must have the path.
  void CheckForced(const Node& key, const Node& path) {
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

  static const KindName& KindOf(const Node& node) {
    for (const KindName& kind : kKindNames) {
      if (node.FindKey(kind.name) != nullptr) return kind;
    }
    return kKindNames.back();  // not reached: the schema demands one of them
  }

  static std::optional<std::string> OptionalText(const Node& node, std::string_view key) {
    const Node* text = node.Find(key);
    return text == nullptr ? std::nullopt : std::optional<std::string>(text->text);
  }

  Expectation ExpectationOf(const Node& node) {
    Expectation expectation;
    expectation.position = node.position();
    expectation.at = MomentOf(*node.Find("at"));
    const KindName& kind = KindOf(node);
    expectation.kind = kind.kind;
    const Node& named = *node.Find(kind.name);
    if (named.is_scalar()) expectation.name = named.text;
    if (kind.kind == ExpectationKind::kPath) {
      for (const Node::Entry& entry : named.entries) {
        expectation.paths.emplace_back(entry.key->text, entry.value->text);
      }
    }
    expectation.values =
        NamedValuesOf(kind.kind == ExpectationKind::kTrait ? &named : node.Find("data"));
    expectation.journey = TextOf(node.Find("journey"));
    expectation.subject = OptionalText(node, "subject");
    expectation.body_contains = OptionalText(node, "body_contains");
    expectation.code_matches = OptionalText(node, "code_matches");
    CheckExpectation(node, named, expectation);
    return expectation;
  }

  void CheckReason(const Node& reason, const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), reason.text) != known.end()) return;
    std::string hint = DidYouMean(reason.text, known);
    if (hint.empty()) hint = fmt::format("one of: {}", fmt::join(known, ", "));
    Error(Code::kNotAChoice, reason, "nothing has the reason \"" + reason.text + "\"",
          std::move(hint));
  }

  // Those of the engine, and of the exit steps.
  std::vector<std::string> ExitReasons() const {
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

  void CheckExpectation(const Node& node, const Node& named, const Expectation& expectation) {
    switch (expectation.kind) {
      case ExpectationKind::kSendEmail:
      case ExpectationKind::kSendSms:
      case ExpectationKind::kSendPush:
        CheckName(named, NamesOf(bundle_.templates), "template", Code::kUnknownTemplate);
        break;
      case ExpectationKind::kCoupon:
        CheckName(named, NamesOf(bundle_.pools), "coupon pool", Code::kUnknownPool);
        break;
      case ExpectationKind::kEnter:
        CheckName(named, NamesOf(bundle_.journeys), "journey", Code::kUnknownJourney);
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
    if (const Node* journey = node.Find("journey")) {
      CheckName(*journey, NamesOf(bundle_.journeys), "journey", Code::kUnknownJourney);
    }
    if (!expectation.code_matches) return;
    const RE2 pattern(*expectation.code_matches, RE2::Quiet);
    if (pattern.ok()) return;
    Error(Code::kWrongKindOfValue, *node.Find("code_matches"),
          "this is no regular expression: " + pattern.error());
  }

  const language::Bundle& bundle_;
  language::Reporter* const reporter_;
  TestFile& file_;
  Timestamp start_;
};

}  // namespace

bool IsAction(ExpectationKind kind) { return kind <= ExpectationKind::kCoupon; }

std::string_view ExpectationKindName(ExpectationKind kind) {
  for (const KindName& known : kKindNames) {
    if (known.kind == kind) return known.name;
  }
  return "";
}

std::unique_ptr<TestFile> ParseTestFile(const std::string& path, std::string_view text,
                                        const language::Bundle& bundle,
                                        std::vector<language::Diagnostic>* diagnostics) {
  language::Reporter reporter;
  const language::SourceFile source(path, text);
  auto file = std::make_unique<TestFile>();
  file->path = path;
  const auto document = language::YamlDocument::Parse(source, &reporter);
  if (document != nullptr && language::CheckShape(document->root(), TestFileShape(), &reporter)) {
    Parser(bundle, &reporter, file.get()).Parse(document->root());
  }
  const bool failed = reporter.error_count() > 0;
  for (language::Diagnostic& diagnostic : reporter.Take()) {
    diagnostics->push_back(std::move(diagnostic));
  }
  return failed ? nullptr : std::move(file);
}

}  // namespace sojourn::simulate
