#include "engine/language/explanations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/base/json_text.h"
#include "engine/language/load.h"

namespace sojourn::language {
namespace {

using Files = std::map<std::string, std::string>;

// The example directory with the files of one side of an example in it.
Files InDirectory(const ExampleFiles& files) {
  Files all = ExampleDirectory();
  for (const auto& [name, text] : files) all[name] = text;
  return all;
}

// How often `code` is given for the files of the example (either side of it).
long CountOf(const Explanation& explanation, const LoadResult& result) {
  std::set<std::string> names;
  for (const auto& [name, text] : WrongFiles(explanation)) names.insert(name);
  for (const auto& [name, text] : RightFiles(explanation)) names.insert(name);
  return std::count_if(result.diagnostics.begin(), result.diagnostics.end(),
                       [&](const Diagnostic& one) {
                         return one.code == explanation.code && names.count(one.file) != 0;
                       });
}

bool IsOfCommands(const Explanation& explanation) {
  return WrongFiles(explanation).front().first == "sh";
}

TEST(Explanations, EveryCodeHasOneAndNoOtherHas) {
  size_t count = 0;
  for (const std::span<const Explanation> group :
       {FileExplanations(), ShapeExplanations(), NameExplanations(), MeaningExplanations(),
        WarningExplanations(), ExpressionExplanations()}) {
    count += group.size();
  }
  EXPECT_EQ(count, DiagnosticTable().size());
  for (const DiagnosticKind& kind : DiagnosticTable()) {
    ASSERT_NE(FindExplanation(kind.code), nullptr) << kind.code << " has no explanation";
    EXPECT_FALSE(FindExplanation(kind.code)->means.empty()) << kind.code;
    EXPECT_FALSE(WrongFiles(*FindExplanation(kind.code)).empty()) << kind.code;
  }
  EXPECT_EQ(FindExplanation("J000"), nullptr);
}

TEST(Explanations, TheExampleDirectoryHasNoErrors) {
  const LoadResult result = LoadBundle(ExampleDirectory());
  EXPECT_NE(result.bundle, nullptr)
      << FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
}

// J052 is about test files, which the bundle does not read; like the commands, it is run against
// the binary in tests/integration/diagnostics_page_test.py.
TEST(Explanations, EachExampleGivesItsCodeAndWhatToWriteInsteadDoesNot) {
  for (const DiagnosticKind& kind : DiagnosticTable()) {
    SCOPED_TRACE(kind.code);
    const Explanation& explanation = *FindExplanation(kind.code);
    if (IsOfCommands(explanation)) continue;
    const LoadResult right = LoadBundle(InDirectory(RightFiles(explanation)));
    EXPECT_NE(right.bundle, nullptr)
        << FormatDiagnostics(right.diagnostics, DiagnosticFormat::kText);
    EXPECT_EQ(CountOf(explanation, right), 0);
    if (kind.code == "J052") continue;
    const LoadResult wrong = LoadBundle(InDirectory(WrongFiles(explanation)));
    EXPECT_GE(CountOf(explanation, wrong), 1)
        << FormatDiagnostics(wrong.diagnostics, DiagnosticFormat::kText);
    for (const Diagnostic& one : wrong.diagnostics) {
      if (one.code != kind.code) continue;
      EXPECT_EQ(one.severity, SeverityOf(kind.code));
    }
  }
}

TEST(Explanations, TakesAnExampleApart) {
  const Explanation explanation = {"J000", "",
                                   "a/b.yaml\n both\n-wrong\n+right\n+# c/d.yaml\n+more\n"};
  EXPECT_EQ(WrongFiles(explanation), (ExampleFiles{{"a/b.yaml", "both\nwrong\n"}}));
  EXPECT_EQ(RightFiles(explanation),
            (ExampleFiles{{"a/b.yaml", "both\nright\n"}, {"c/d.yaml", "more\n"}}));
}

TEST(Explanations, OneEntry) {
  for (const DiagnosticKind& kind : DiagnosticTable()) {
    if (kind.code != "J034") continue;
    EXPECT_EQ(ExplainText(kind),
              "J034 (error): an empty list\n\n"
              "    # segments/example.yaml\n"
              "    segment: example\n"
              "    where: []\n\n"
              "A list without anything in it says nothing here. Fill it, or leave the key out.\n\n"
              "Instead:\n\n"
              "    # segments/example.yaml\n"
              "    segment: example\n"
              "    where:\n"
              "      - count(\"Order Completed\") >= 2\n");
  }
}

TEST(Explanations, ThePageIsWhatIsGenerated) {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  std::ifstream stream(std::string(directory == nullptr ? "." : directory) +
                       "/rules/DIAGNOSTICS.md");
  std::stringstream page;
  page << stream.rdbuf();
  EXPECT_EQ(page.str(), DiagnosticsPage())
      << "write it again: sojourn check --explain all > rules/DIAGNOSTICS.md";
}

TEST(Explanations, SarifRulesCarryThem) {
  const auto sarif = ParseJson(FormatDiagnostics({}, DiagnosticFormat::kSarif));
  for (const auto& rule : sarif["runs"][0]["tool"]["driver"]["rules"]) {
    const std::string text = rule["help"]["text"];
    const std::string id = rule["id"];
    EXPECT_NE(text.find(std::string(FindExplanation(id)->means).substr(0, 20)), std::string::npos)
        << id;
  }
}

}  // namespace
}  // namespace sojourn::language
