// The rules directories that come with the project, and the samples beside it where they are, load
// without an error.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "engine/language/load.h"

namespace sojourn::language {
namespace {

namespace fs = std::filesystem;

fs::path SourceDirectory() {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  return directory == nullptr ? fs::current_path() : fs::path(directory);
}

std::vector<fs::path> RulesDirectories() {
  std::vector<fs::path> directories = {SourceDirectory() / "rules"};
  const fs::path samples = SourceDirectory() / "../shared/scenarios";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(samples, error)) {
    if (entry.is_directory()) directories.push_back(entry.path());
  }
  const fs::path own = SourceDirectory() / "tests/scenarios";
  for (const auto& entry : fs::directory_iterator(own, error)) {
    if (fs::exists(entry.path() / "company.yaml")) directories.push_back(entry.path());
  }
  return directories;
}

TEST(Scenarios, LoadWithoutErrors) {
  for (const fs::path& directory : RulesDirectories()) {
    SCOPED_TRACE(directory.string());
    std::vector<Diagnostic> diagnostics;
    const auto files = ReadRulesDirectory(directory.string(), &diagnostics);
    ASSERT_TRUE(files.ok()) << files.status().message();
    const LoadResult result = LoadBundle(*files);
    const std::string found = FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
    EXPECT_TRUE(diagnostics.empty());
    ASSERT_NE(result.bundle, nullptr) << found;
    if (std::getenv("SOJOURN_SHOW_WARNINGS") != nullptr) std::cout << found;
    EXPECT_FALSE(result.bundle->journeys.empty());
  }
}

}  // namespace
}  // namespace sojourn::language
