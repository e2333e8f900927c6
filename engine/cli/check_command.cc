// `sojourn check` and `sojourn test`: the rules by themselves.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "engine/cli/commands.h"
#include "engine/cli/loaded_rules.h"
#include "engine/language/explanations.h"
#include "engine/simulate/test_runner.h"

namespace sojourn::cli {
namespace {

using language::DiagnosticFormat;
using language::Severity;

std::map<std::string, std::string> TestFilesOf(const LoadedRules& rules) {
  std::map<std::string, std::string> tests;
  for (const auto& [path, text] : rules.files) {
    if (path.ends_with(".test.yaml")) tests.emplace(path, text);
  }
  return tests;
}

const std::map<std::string, DiagnosticFormat> kDiagnosticFormats = {
    {"text", DiagnosticFormat::kText},
    {"json", DiagnosticFormat::kJson},
    {"sarif", DiagnosticFormat::kSarif},
    {"github", DiagnosticFormat::kGithub}};

const std::map<std::string, simulate::ReportFormat> kReportFormats = {
    {"text", simulate::ReportFormat::kText},
    {"json", simulate::ReportFormat::kJson},
    {"junit", simulate::ReportFormat::kJUnit}};

int Check(const std::string& directory, DiagnosticFormat format, bool strict) {
  Result<LoadedRules> rules = LoadRules(directory);
  if (!rules.ok()) return Fail(rules.status());
  if (rules->bundle != nullptr) {
    // Test files are part of the directory: what is wrong in them is wrong here.
    const auto found = simulate::CheckTests(*rules->bundle, TestFilesOf(*rules));
    rules->diagnostics.insert(rules->diagnostics.end(), found.begin(), found.end());
    language::SortDiagnostics(&rules->diagnostics);
  }
  std::fputs(FormatDiagnostics(rules->diagnostics, format).c_str(), stdout);
  const int errors = rules->Count(Severity::kError);
  const int warnings = rules->Count(Severity::kWarning);
  if (format == DiagnosticFormat::kText) {
    if (errors + warnings == 0) {
      std::printf("%s: %zu files, no errors, no warnings\n", directory.c_str(),
                  rules->files.size());
    } else {
      std::printf("%d error%s, %d warning%s\n", errors, errors == 1 ? "" : "s", warnings,
                  warnings == 1 ? "" : "s");
    }
  }
  if (errors > 0) return 1;
  return strict && warnings > 0 ? 3 : 0;
}

// `all` is the page of diagnostics.
int Explain(const std::string& code) {
  if (code == "all") {
    std::fputs(language::DiagnosticsPage().c_str(), stdout);
    return 0;
  }
  std::vector<std::string> codes;
  for (const language::DiagnosticKind& kind : language::DiagnosticTable()) {
    codes.emplace_back(kind.code);
    if (kind.code != code) continue;
    std::fputs(language::ExplainText(kind).c_str(), stdout);
    return 0;
  }
  return Fail(InvalidArgument("there is no code \"" + code + "\"; codes run from " + codes.front() +
                              " to " + codes.back() + ", --explain all lists them"));
}

constexpr std::chrono::milliseconds kWatchInterval(300);

int Test(const std::string& directory, simulate::ReportFormat format, bool coverage) {
  const Result<LoadedRules> rules = LoadRules(directory);
  if (!rules.ok()) return Fail(rules.status());
  if (rules->Count(Severity::kError) > 0 || rules->bundle == nullptr) {
    std::fputs(FormatDiagnostics(rules->diagnostics, DiagnosticFormat::kText).c_str(), stderr);
    return 2;
  }
  simulate::TestOptions options;
  options.coverage = coverage;
  const auto report = simulate::RunTests(rules->bundle, TestFilesOf(*rules), options);
  std::fputs(FormatReport(report, format).c_str(), stdout);
  if (report.HasErrors()) return 2;
  return report.failed == 0 ? 0 : 1;
}

// Until it is interrupted.
int TestWhenFilesChange(const std::string& directory, simulate::ReportFormat format,
                        bool coverage) {
  std::string seen;
  while (true) {
    if (std::string now = LookAtFiles(directory); now != seen || seen.empty()) {
      seen = std::move(now);
      if (isatty(STDOUT_FILENO) != 0) std::fputs("\x1b[2J\x1b[H", stdout);  // a page of its own
      const int code = Test(directory, format, coverage);
      if (seen.empty()) return code;  // there is nothing to wait for
      std::printf("\nWaiting for changes in %s; Ctrl-C ends.\n", directory.c_str());
      if (std::fflush(stdout) != 0) return 0;  // nobody reads any more
    }
    std::this_thread::sleep_for(kWatchInterval);
  }
}

}  // namespace

void AddCheckCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("check", "Checks a rules directory");
  auto directory = std::make_shared<std::string>("rules");
  auto format = std::make_shared<std::string>("text");
  auto strict = std::make_shared<bool>(false);
  auto code = std::make_shared<std::string>();
  command.AddOption("DIRECTORY", directory.get(), "Rules directory").ShowDefault();
  command.AddOption("--format", format.get(), "text, json, sarif or github")
      .OneOf(kDiagnosticFormats);
  command.AddFlag("--strict", strict.get(), "Warnings fail, with exit code 3");
  command.AddOption("--explain", code.get(), "Explains a code such as J020, or all of them");
  command.SetCallback([=] {
    *exit_code =
        code->empty() ? Check(*directory, kDiagnosticFormats.at(*format), *strict) : Explain(*code);
  });
}

void AddTestCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("test", "Runs the rules' own tests on virtual time");
  auto directory = std::make_shared<std::string>("rules");
  auto format = std::make_shared<std::string>("text");
  auto coverage = std::make_shared<bool>(false);
  auto watch = std::make_shared<bool>(false);
  command.AddOption("DIRECTORY", directory.get(), "Rules directory").ShowDefault();
  command.AddOption("--format", format.get(), "text, json or junit").OneOf(kReportFormats);
  command.AddFlag("--coverage", coverage.get(), "List the steps that no test reaches");
  command.AddFlag("--watch", watch.get(), "Stay, and run them again whenever a file changes");
  command.SetCallback([=] {
    const auto run = *watch ? &TestWhenFilesChange : &Test;
    *exit_code = run(*directory, kReportFormats.at(*format), *coverage);
  });
}

}  // namespace sojourn::cli
