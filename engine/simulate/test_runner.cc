#include "engine/simulate/test_runner.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/simulate/judge.h"
#include "engine/simulate/rules_subset.h"
#include "engine/simulate/test_file.h"
#include "engine/simulate/virtual_person.h"

namespace sojourn::simulate {
namespace {

// How long a test without `until` runs at most.
constexpr Duration kLongestTest = Days(400);

using Reached = std::set<std::pair<std::string, std::string>>;  // journey, step

Timestamp LastExpected(const TestCase& test) {
  Timestamp last = test.start;
  for (const Expectation& expectation : test.expectations) last = std::max(last, expectation.at);
  return last;
}

void FireToTheEnd(const TestCase& test, VirtualPerson* person) {
  if (test.until) {
    while (person->FireNext(*test.until)) continue;
    return;
  }
  const Timestamp last_expected = LastExpected(test);
  const Timestamp end = test.start + kLongestTest;
  while (person->person().next_deadline <= end) {
    const bool over = !person->AwaitsSomething() && person->person().next_deadline > last_expected;
    if (over || !person->FireNext(end)) return;
  }
}

TestResult RunTest(const std::shared_ptr<const language::RuleSet>& rules, const TestCase& test,
                   const TestOptions& options, Reached* reached) {
  VirtualPerson person(rules, test, options);
  Judge judge(rules->current(), test);
  person.set_before_input([&](Timestamp now) { judge.BeforeInput(person, now); });
  for (const TestEvent& event : test.events) {
    if (!test.until || event.at <= *test.until) person.Apply(event);
  }
  FireToTheEnd(test, &person);
  for (const Happening& happening : person.happenings()) {
    if (happening.kind == model::FactKind::kStepPassed) {
      reached->emplace(happening.journey, happening.step);
    }
  }
  return judge.Finish(person);
}

void RunFile(const language::Bundle& bundle, const TestFile& file, const std::string& text,
             const TestOptions& options, Reached* reached, TestReport* report) {
  const auto rules =
      std::make_shared<const language::RuleSet>(SubsetFor(bundle, file.journeys, text));
  for (const TestCase& test : file.tests) {
    TestResult result = RunTest(rules, test, options, reached);
    (result.passed ? report->passed : report->failed) += 1;
    report->results.push_back(std::move(result));
  }
}

void ListUnreached(const language::Bundle& bundle, const Reached& reached, TestReport* report) {
  for (const auto& journey : bundle.journeys) {
    for (const language::Step& step : journey->steps) {
      if (reached.count({journey->name, step.id}) > 0) continue;
      report->unreached.push_back({journey->name, step.id, step.position});
    }
  }
}

}  // namespace

bool TestReport::HasErrors() const {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const auto& diagnostic) {
    return diagnostic.severity == language::Severity::kError;
  });
}

std::vector<language::Diagnostic> CheckTests(const language::Bundle& bundle,
                                             const std::map<std::string, std::string>& test_files) {
  std::vector<language::Diagnostic> diagnostics;
  for (const auto& [path, text] : test_files) ParseTestFile(path, text, bundle, &diagnostics);
  return diagnostics;
}

TestReport RunTests(const std::shared_ptr<const language::Bundle>& bundle,
                    const std::map<std::string, std::string>& test_files,
                    const TestOptions& options) {
  TestReport report;
  Reached reached;
  for (const auto& [path, text] : test_files) {
    const auto file = ParseTestFile(path, text, *bundle, &report.diagnostics);
    if (file != nullptr) RunFile(*bundle, *file, text, options, &reached, &report);
  }
  if (options.coverage) ListUnreached(*bundle, reached, &report);
  language::SortDiagnostics(&report.diagnostics);
  return report;
}

}  // namespace sojourn::simulate
