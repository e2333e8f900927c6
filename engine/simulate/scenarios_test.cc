// Runs whole rules directories with their tests.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "engine/language/load.h"
#include "engine/simulate/test_runner.h"

namespace sojourn::simulate {
namespace {

namespace fs = std::filesystem;

fs::path SourceDirectory() {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  return directory == nullptr ? fs::path(".") : fs::path(directory);
}

std::vector<fs::path> RulesDirectories(const fs::path& parent) {
  std::vector<fs::path> directories;
  if (!fs::is_directory(parent)) return directories;
  for (const auto& entry : fs::directory_iterator(parent)) {
    if (fs::exists(entry.path() / "company.yaml")) directories.push_back(entry.path());
  }
  std::sort(directories.begin(), directories.end());
  return directories;
}

std::map<std::string, std::string> TestFilesOf(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string path = fs::relative(entry.path(), directory).string();
    if (!entry.is_regular_file() || path.find(".test.yaml") == std::string::npos) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    files[path] = text.str();
  }
  return files;
}

std::shared_ptr<const language::Bundle> LoadRules(const fs::path& directory) {
  std::vector<language::Diagnostic> diagnostics;
  const auto files = language::ReadRulesDirectory(directory.string(), &diagnostics);
  if (!files.ok()) {
    ADD_FAILURE() << files.status().message();
    return nullptr;
  }
  const language::LoadResult loaded = language::LoadBundle(*files);
  if (loaded.bundle == nullptr) {
    ADD_FAILURE() << language::FormatDiagnostics(loaded.diagnostics,
                                                 language::DiagnosticFormat::kText);
  }
  return loaded.bundle;
}

// Runs all tests below each rules directory of `parent`; prints how many passed.
void RunAllBelow(const fs::path& parent) {
  int passed = 0;
  int total = 0;
  for (const fs::path& directory : RulesDirectories(parent)) {
    SCOPED_TRACE(directory.string());
    const auto bundle = LoadRules(directory);
    if (bundle == nullptr) continue;
    const TestReport report = RunTests(bundle, TestFilesOf(directory));
    passed += report.passed;
    total += report.passed + report.failed;
    EXPECT_FALSE(report.HasErrors());
    EXPECT_GT(report.passed, 0);
    if (report.failed > 0 || report.HasErrors()) {
      ADD_FAILURE() << FormatReport(report, ReportFormat::kText);
    }
  }
  std::printf("%d of %d tests below %s passed\n", passed, total, parent.c_str());
  EXPECT_GT(total, 0);
}

TEST(ScenariosTest, OwnScenarios) { RunAllBelow(SourceDirectory() / "tests" / "scenarios"); }

TEST(ScenariosTest, SampleScenarios) {
  const fs::path samples = SourceDirectory() / ".." / "shared" / "scenarios";
  if (!fs::is_directory(samples)) GTEST_SKIP() << "no sample scenarios beside the source tree";
  RunAllBelow(samples);
}

}  // namespace
}  // namespace sojourn::simulate
