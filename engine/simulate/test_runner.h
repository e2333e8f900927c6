// Runs unit tests of journeys and reports on them.
//
// Threads: pure functions. Errors: mistakes in test files are Diagnostics in the report; a test
// that fails is a result.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/language/bundle.h"
#include "engine/language/diagnostic.h"
#include "engine/runtime/ports.h"

namespace sojourn::simulate {

class TestWorld;

struct TestOptions {
  bool coverage = false;  // list the steps that no test reached
  // What hostile runs of the same tests change; the results must not.
  bool restart_after_every_input = false;
  bool tracing =
      true;  // without it, as in operation, only triggers that the index names are judged
  // Makes what lies beneath each test; absent: memory. The clock outlives the world.
  std::function<std::unique_ptr<TestWorld>(const runtime::WallClock*)> make_world;
};

// One thing expected or actual: both sides of a report.
struct ReportLine {
  std::string text;  // "2h send_email: cart-reminder"
  bool wrong = false;
};

struct TestResult {
  std::string file;
  std::string name;
  language::SourcePosition position;
  bool passed = false;
  std::vector<std::string> problems;  // empty where passed
  std::vector<ReportLine> expected;
  std::vector<ReportLine> actual;
  std::vector<std::string> trace;  // what happened, line by line
};

struct UnreachedStep {
  std::string journey;
  std::string step;
  language::SourcePosition position;
};

struct TestReport {
  std::vector<language::Diagnostic> diagnostics;  // of the test files
  std::vector<TestResult> results;                // in file order
  std::vector<UnreachedStep> unreached;           // with TestOptions::coverage
  int passed = 0;
  int failed = 0;

  // Some test file does not check: exit code 2.
  bool HasErrors() const;
};

// What is wrong with test files, without running them.
std::vector<language::Diagnostic> CheckTests(const language::Bundle& bundle,
                                             const std::map<std::string, std::string>& test_files);

// `test_files`: text by path. Each file runs only the journeys it names.
TestReport RunTests(const std::shared_ptr<const language::Bundle>& bundle,
                    const std::map<std::string, std::string>& test_files,
                    const TestOptions& options = {});

enum class ReportFormat { kText, kJson, kJUnit };
std::string FormatReport(const TestReport& report, ReportFormat format);

}  // namespace sojourn::simulate
