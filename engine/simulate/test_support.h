// What tests of scenarios share: rules directories with their tests, all run with given options.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/language/load.h"
#include "engine/simulate/test_runner.h"

namespace sojourn::simulate {

inline std::filesystem::path SourceDirectory() {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  return directory == nullptr ? std::filesystem::path(".") : std::filesystem::path(directory);
}

inline std::vector<std::filesystem::path> RulesDirectories(const std::filesystem::path& parent) {
  std::vector<std::filesystem::path> directories;
  if (!std::filesystem::is_directory(parent)) return directories;
  for (const auto& entry : std::filesystem::directory_iterator(parent)) {
    if (std::filesystem::exists(entry.path() / "company.yaml")) directories.push_back(entry.path());
  }
  std::sort(directories.begin(), directories.end());
  return directories;
}

inline std::map<std::string, std::string> TestFilesOf(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const std::string path = std::filesystem::relative(entry.path(), directory).string();
    if (!entry.is_regular_file() || path.find(".test.yaml") == std::string::npos) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    files[path] = text.str();
  }
  return files;
}

inline std::shared_ptr<const language::Bundle> LoadRules(const std::filesystem::path& directory) {
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
inline void RunAllBelow(const std::filesystem::path& parent, const TestOptions& options = {}) {
  int passed = 0;
  int total = 0;
  for (const std::filesystem::path& directory : RulesDirectories(parent)) {
    SCOPED_TRACE(directory.string());
    const auto bundle = LoadRules(directory);
    if (bundle == nullptr) continue;
    const TestReport report = RunTests(bundle, TestFilesOf(directory), options);
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

// The project's own and, where they lie beside it, the samples.
inline void RunOwnAndSamples(const TestOptions& options) {
  RunAllBelow(SourceDirectory() / "tests" / "scenarios", options);
  const std::filesystem::path samples = SourceDirectory() / ".." / "shared" / "scenarios";
  if (std::filesystem::is_directory(samples)) RunAllBelow(samples, options);
}

}  // namespace sojourn::simulate
