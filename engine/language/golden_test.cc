// Golden pairs in testdata/: NAME.bad.yaml -> NAME.diag (its diagnostics) and NAME.good.yaml ->
// NAME.dump (the bundle).
//
// A case is one text that holds several files, each behind a line `### path`. With the environment
// variable SOJOURN_UPDATE_GOLDENS=1 the expectations are written instead of compared: review the
// diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/language/load.h"

namespace sojourn::language {
namespace {

namespace fs = std::filesystem;

fs::path TestData() {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  return (directory == nullptr ? fs::current_path() : fs::path(directory)) /
         "engine/language/testdata";
}

std::string ReadAll(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::map<std::string, std::string> SplitCase(const std::string& text) {
  std::map<std::string, std::string> files;
  std::string* file = nullptr;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("### ", 0) == 0) {
      file = &files[line.substr(4)];
    } else if (file != nullptr) {
      *file += line + "\n";
    }
  }
  return files;
}

void ExpectGolden(const fs::path& path, const std::string& actual) {
  if (std::getenv("SOJOURN_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(ReadAll(path), actual) << path << " differs; see the head of golden_test.cc";
}

std::vector<std::string> CaseNames(const std::string& suffix) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(TestData())) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= suffix.size()) continue;
    if (name.substr(name.size() - suffix.size()) == suffix) {
      names.push_back(name.substr(0, name.size() - suffix.size()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Golden, Diagnostics) {
  const std::vector<std::string> names = CaseNames(".bad.yaml");
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const auto files = SplitCase(ReadAll(TestData() / (name + ".bad.yaml")));
    ASSERT_FALSE(files.empty());
    const LoadResult result = LoadBundle(files);
    EXPECT_FALSE(result.diagnostics.empty());
    ExpectGolden(TestData() / (name + ".diag"),
                 FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText));
  }
}

TEST(Golden, Bundles) {
  const std::vector<std::string> names = CaseNames(".good.yaml");
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const LoadResult result = LoadBundle(SplitCase(ReadAll(TestData() / (name + ".good.yaml"))));
    ASSERT_NE(result.bundle, nullptr)
        << FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
    ExpectGolden(TestData() / (name + ".dump"), result.bundle->Dump());
  }
}

}  // namespace
}  // namespace sojourn::language
