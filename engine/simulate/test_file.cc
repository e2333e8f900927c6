#include "engine/simulate/test_file.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "engine/base/duration_text.h"
#include "engine/base/rfc3339.h"
#include "engine/language/yaml.h"
#include "engine/language/yaml_value.h"
#include "engine/simulate/test_entry.h"
#include "engine/simulate/test_names.h"
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

std::string TextOf(const Node* node) { return node == nullptr ? std::string() : node->text; }

class Parser {
 public:
  Parser(const language::Bundle& bundle, language::Reporter* reporter, TestFile* file)
      : bundle_(bundle),
        reporter_(reporter),
        file_(*file),
        names_(bundle, file->journeys, reporter) {}

  void Parse(const Node& root) {
    for (const Node* name : root.Find("journeys")->items) {
      names_.CheckJourney(*name);
      file_.journeys.push_back(name->text);
    }
    for (const Node* test : root.Find("tests")->items) ParseTest(*test);
  }

 private:
  void Error(Code code, const Node& node, std::string message, std::string hint = "") {
    reporter_->Error(code, *node.file, node.range, std::move(message), std::move(hint));
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
    reporter_->Error(
        Code::kBadDuration, *node.file, range,
        fmt::format("\"{}\" is neither a duration nor a timestamp: {}", node.text, problem.why),
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
    CheckTestName(*node.Find("name"));
    const auto start = ParseRfc3339(TextOf(node.Find("start")));
    if (!start) return;
    test.start = start_ = *start;
    test.person_id = "person";
    for (auto& [name, value] : NamedValuesOf(node.Find("person"))) {
      if (name == "id") {
        test.person_id = PersonId(*node.Find("person")->Find("id"));
      } else {
        test.traits.emplace_back(name, value);
      }
    }
    CheckTraits(*node.Find("person"), test, *bundle_.names, reporter_);
    test.history = EventsOf(node.Find("history"), "h", /*of_history=*/true);
    test.events = EventsOf(node.Find("events"), "e", /*of_history=*/false);
    ParseForced(node.Find("force"), &test);
    if (const Node* until = node.Find("until")) test.until = UntilOf(*until);
    test.partial = TextOf(node.Find("partial")) == "true";
    for (const Node* item : node.Find("expect")->items) {
      test.expectations.push_back(ExpectationOf(*item));
      CheckIsSeen(*item->Find("at"), test);
    }
    file_.tests.push_back(std::move(test));
  }

  void CheckTestName(const Node& name) {
    const auto same = std::find_if(file_.tests.begin(), file_.tests.end(),
                                   [&](const TestCase& test) { return test.name == name.text; });
    if (same == file_.tests.end()) return;
    Error(Code::kDuplicateStep, name, fmt::format("another test is called \"{}\"", name.text),
          fmt::format("the first stands in line {}", same->position.line));
  }

  std::string PersonId(const Node& id) {
    if (!id.is_scalar()) Error(Code::kWrongKindOfValue, id, "the person's \"id\" must be text");
    return id.text;
  }

  std::optional<Timestamp> UntilOf(const Node& node) {
    const auto errors = reporter_->error_count();
    const Timestamp until = MomentOf(node);
    if (reporter_->error_count() != errors) return std::nullopt;
    if (until >= start_) return until;
    Error(Code::kEmptyInterval, node,
          fmt::format("\"until: {}\" is before the test's start", node.text));
    return std::nullopt;
  }

  // What is expected later than `until` is never looked at.
  void CheckIsSeen(const Node& at, const TestCase& test) {
    if (!test.until || test.expectations.back().at <= *test.until) return;
    reporter_->Warning(Code::kEmptyInterval, *at.file, at.range,
                       fmt::format("\"at: {}\" is later than the test's \"until\"", at.text),
                       "let the test go on until then, or leave \"until\" out");
  }

  std::vector<TestEvent> EventsOf(const Node* list, std::string_view id_prefix, bool of_history) {
    std::vector<TestEvent> events;
    if (list == nullptr) return events;
    for (const Node* node : list->items) {
      TestEvent event;
      const Node& at = *node->Find("at");
      event.at = MomentOf(at);
      if (of_history && event.at > start_) {
        Error(Code::kEmptyInterval, at,
              fmt::format("an entry of the history is later than start: {}", at.text),
              "move it to events");
      }
      if (!of_history && event.at < start_) {
        Error(Code::kEmptyInterval, at,
              fmt::format("\"at: {}\" is before the test's start", at.text),
              "move the entry to history");
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
        names_.CheckHoldout(*entry.value);
      } else {
        test->forced_paths[entry.key->text] = entry.value->text;
        names_.CheckForced(*entry.key, *entry.value);
      }
    }
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
    names_.CheckExpectation(node, named, expectation);
    return expectation;
  }

  const language::Bundle& bundle_;
  language::Reporter* const reporter_;
  TestFile& file_;
  ExpectedNames names_;
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
