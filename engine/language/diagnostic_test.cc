#include "engine/language/diagnostic.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/language/load.h"

namespace sojourn::language {
namespace {

namespace fs = std::filesystem;

Diagnostic Sample() {
  Diagnostic one;
  one.code = "J041";
  one.file = "a,b.yaml";
  one.line = 3;
  one.column = 4;
  one.end_column = 6;
  one.message = "50% wrong";
  one.hint = "mend it";
  one.source_line = "\t日 x\xFFy";
  return one;
}

TEST(Diagnostics, Text) {
  EXPECT_EQ(FormatDiagnostics({Sample()}, DiagnosticFormat::kText),
            "a,b.yaml:3:4: error[J041]: 50% wrong\n"
            "  \t日 x\xFFy\n"
            "  \t  ^^\n"
            "  hint: mend it\n");
}

TEST(Diagnostics, Github) {
  EXPECT_EQ(FormatDiagnostics({Sample()}, DiagnosticFormat::kGithub),
            "::error file=a%2Cb.yaml,line=3,col=4,endColumn=6,title=J041::50%25 wrong; mend it\n");
}

TEST(Diagnostics, JsonAndSarifAreJson) {
  const auto json = ParseJson(FormatDiagnostics({Sample()}, DiagnosticFormat::kJson));
  EXPECT_EQ(json[0]["code"], "J041");
  EXPECT_EQ(json[0]["end_column"], 6);
  const auto sarif = ParseJson(FormatDiagnostics({Sample()}, DiagnosticFormat::kSarif));
  const auto& run = sarif["runs"][0];
  EXPECT_EQ(run["results"][0]["ruleId"], "J041");
  EXPECT_EQ(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
  EXPECT_EQ(run["tool"]["driver"]["rules"].size(), DiagnosticTable().size());
  EXPECT_EQ(FormatDiagnostics({}, DiagnosticFormat::kJson), "[]\n");
}

TEST(Diagnostics, TheTableIsSortedAndWithoutDoubles) {
  const std::vector<DiagnosticKind>& table = DiagnosticTable();
  ASSERT_GT(table.size(), 50u);
  for (size_t i = 1; i < table.size(); ++i) EXPECT_LT(table[i - 1].code, table[i].code);
}

TEST(Suggest, TakesTheNearestThatIsNear) {
  EXPECT_EQ(NearestName("frist_name", {"last_name", "first_name"}), "first_name");
  EXPECT_EQ(NearestName("Order completed", {"Order Completed", "Order Refunded"}),
            "Order Completed");
  EXPECT_EQ(NearestName("x", {"y"}), "");
  EXPECT_EQ(NearestName("welcome", {"goodbye"}), "");
  EXPECT_EQ(DidYouMean("wellcome", {"welcome"}), "did you mean \"welcome\"?");
}

class ReadDirectory : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "rules-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::create_directories(root_ / "rules/journeys");
    fs::create_directories(root_ / "rules/.git");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::ofstream(root_ / path, std::ios::binary) << text;
  }

  fs::path root_;
};

TEST_F(ReadDirectory, TakesRulesFilesByRelativePath) {
  Write("rules/company.yaml", "company: x\n");
  Write("rules/journeys/a.yml", "x");
  Write("rules/journeys/codes.csv", "A\n");
  Write("rules/README.md", "x");
  Write("rules/.git/b.yaml", "x");
  Write("outside.yaml", "x");
  fs::create_symlink(root_ / "outside.yaml", root_ / "rules/link.yaml");
  fs::create_symlink(root_ / "rules", root_ / "rules/journeys/circle");
  Write("rules/big.yaml", std::string(kMaxRuleFileBytes + 1, '#'));
  Write("rules/full.yaml", std::string(kMaxRuleFileBytes, '#'));
  ASSERT_EQ(mkfifo((root_ / "rules/pipe.yaml").c_str(), 0600), 0);  // waits for a writer
  fs::create_symlink("pipe.yaml", root_ / "rules/to_pipe.csv");
  std::vector<Diagnostic> diagnostics;
  const auto files = ReadRulesDirectory((root_ / "rules").string(), &diagnostics);
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->count("company.yaml"), 1u);
  EXPECT_EQ(files->count("journeys/a.yml"), 1u);
  EXPECT_EQ(files->count("journeys/codes.csv"), 1u);
  EXPECT_EQ(files->count("full.yaml"), 1u);
  EXPECT_EQ(files->size(), 4u);
  std::string codes;
  for (const Diagnostic& one : diagnostics) codes += one.code + " " + one.file + "; ";
  EXPECT_EQ(codes, "J002 big.yaml; J015 link.yaml; J001 pipe.yaml; J001 to_pipe.csv; ");
}

TEST_F(ReadDirectory, SaysWhatIsMissing) {
  std::vector<Diagnostic> diagnostics;
  EXPECT_EQ(ReadRulesDirectory((root_ / "none").string(), &diagnostics).status().code(),
            StatusCode::kNotFound);
  Write("file", "x");
  EXPECT_EQ(ReadRulesDirectory((root_ / "file").string(), &diagnostics).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sojourn::language
