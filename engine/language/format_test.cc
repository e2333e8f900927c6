#include "engine/language/format.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/language/load.h"

namespace sojourn::language {
namespace {

namespace fs = std::filesystem;

std::string Formatted(const std::string& text, const std::string& path = "a.yaml") {
  const FormatResult result = FormatRules(path, text);
  EXPECT_TRUE(result.diagnostics.empty())
      << FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
  EXPECT_EQ(result.left_because, "") << text;
  return result.text;
}

TEST(Format, IndentsByTwo) {
  EXPECT_EQ(Formatted("journey:   a\n"
                      "trigger:\n"
                      "    event:   A\n"
                      "steps:\n"
                      "- send_email:  hello\n"
                      "-   if: x > 1\n"
                      "    then:\n"
                      "        -   wait:   1 day\n"
                      "        - \n"
                      "          exit: b\n"),
            "journey: a\n"
            "trigger:\n"
            "  event: A\n"
            "steps:\n"
            "  - send_email: hello\n"
            "  - if: x > 1\n"
            "    then:\n"
            "      - wait: 1 day\n"
            "      - exit: b\n");
}

TEST(Format, KeepsEveryCommentAndAtMostOneEmptyLine) {
  EXPECT_EQ(Formatted("\n"
                      "# head\n"
                      "journey: a    # name\n"
                      "\n"
                      "\n"
                      "steps:   # all of them\n"
                      "\n"
                      "    # first\n"
                      "    - wait: 1 day   # long\n"
                      "      # inside\n"
                      "      id: b\n"
                      "    # last\n"
                      "\n"
                      "# before the goal\n"
                      "goal: {event: A}\n"
                      "# end\n"
                      "\n"),
            "# head\n"
            "journey: a # name\n"
            "\n"
            "steps: # all of them\n"
            "  # first\n"
            "  - wait: 1 day # long\n"
            "    # inside\n"
            "    id: b\n"
            "  # last\n"
            "\n"
            "# before the goal\n"
            "goal: {event: A}\n"
            "# end\n");
}

TEST(Format, QuotesAreDoubleUnlessTheTextHoldsSome) {
  EXPECT_EQ(Formatted("a: 'x'\n"
                      "b: \"event.c == \\\"d\\\"\"\n"
                      "c: 'event.c == \"d\"'\n"
                      "d: 'it''s'\n"
                      "e: \"it's \\\"so\\\"\"\n"
                      "f: \"09:00\"\n"
                      "g: \"\\u00e9\"\n"
                      "h: plain \"text\"\n"
                      "i: '\\d'\n"),
            "a: \"x\"\n"
            "b: 'event.c == \"d\"'\n"
            "c: 'event.c == \"d\"'\n"
            "d: \"it's\"\n"
            "e: \"it's \\\"so\\\"\"\n"
            "f: \"09:00\"\n"
            "g: \"\\u00e9\"\n"
            "h: plain \"text\"\n"
            "i: '\\d'\n");
}

TEST(Format, BracketsAreSpacedAlikeAndLongOnesOpened) {
  EXPECT_EQ(Formatted("a: { b : 1,c: [ 1,2 ], d: {} , e: [ ] }\n"
                      "f:\n"
                      "  {g: 1,\n"
                      "   h: 2}\n"),
            "a: {b: 1, c: [1, 2], d: {}, e: []}\n"
            "f: {g: 1, h: 2}\n");
  const std::string word(60, 'x');
  EXPECT_EQ(Formatted("a: {b: " + word + ", c: {d: " + word + "}}\n"),
            "a:\n  b: " + word + "\n  c: {d: " + word + "}\n");
  EXPECT_EQ(Formatted("- {b: " + word + ", c: " + word + "}\n"),
            "- b: " + word + "\n  c: " + word + "\n");
  EXPECT_EQ(Formatted("a: [1, # one\n  2]\n"), "a:\n  - 1 # one\n  - 2\n");
}

TEST(Format, TextOfSeveralLinesKeepsItsLines) {
  EXPECT_EQ(Formatted("a: >-   # folded\n"
                      "      one\n"
                      "      two\n"
                      "\n"
                      "        three\n"
                      "b: |\n"
                      "  # no comment\n"
                      "  x\n"
                      "c: one\n"
                      "     two\n"
                      "d: \"one\n"
                      "  two\"\n"
                      "e:\n"
                      "- |\n"
                      "  x\n"),
            "a: >- # folded\n"
            "  one\n"
            "  two\n"
            "\n"
            "    three\n"
            "b: |\n"
            "  # no comment\n"
            "  x\n"
            "c: one\n"
            "  two\n"
            "d: \"one\n"
            "  two\"\n"
            "e:\n"
            "  - |\n"
            "    x\n");
}

TEST(Format, EndsOfLinesAndEmptyValues) {
  EXPECT_EQ(Formatted("\xEF\xBB\xBF"
                      "a:\r\nb: 1  \r\nc:\r\n  -\r\n  - 2\r\n"),
            "a:\nb: 1\nc:\n  -\n  - 2\n");
  EXPECT_EQ(Formatted("a: 1"), "a: 1\n");
}

TEST(Format, OfATemplateOnlyTheFrontMatter) {
  EXPECT_EQ(
      Formatted("---\ntemplate:   a\nsubject: 'Hi'\n---\n<p>  {{ x }}\t </p>\n\n\n", "a.liquid"),
      "---\ntemplate: a\nsubject: \"Hi\"\n---\n<p>  {{ x }}\t </p>\n\n\n");
}

TEST(Format, APartialStays) {
  EXPECT_EQ(Formatted("<p>  x</p>", "templates/partials/a.liquid"), "<p>  x</p>");
}

TEST(Format, LeavesAloneWhatDoesNotParse) {
  const std::string broken = "a: [1\nb:   2\n";
  const FormatResult result = FormatRules("a.yaml", broken);
  EXPECT_EQ(result.text, broken);
  ASSERT_FALSE(result.diagnostics.empty());
  EXPECT_EQ(result.diagnostics[0].code, "J005");
}

TEST(Format, LeavesAloneAnchorsAndIndentationInHeaders) {
  for (const std::string text :
       {"a:   &x 1\nb: *x\n", "a:   |2\n    x\n", "%YAML 1.2\n---\na:   1\n"}) {
    const FormatResult result = FormatRules("a.yaml", text);
    EXPECT_EQ(result.text, text);
    EXPECT_NE(result.left_because, "") << text;
    EXPECT_TRUE(result.diagnostics.empty());
  }
}

std::vector<fs::path> RulesDirectories() {
  const char* source = std::getenv("SOJOURN_SOURCE_DIR");
  const fs::path root = source == nullptr ? fs::current_path() : fs::path(source);
  std::vector<fs::path> directories = {root / "rules"};
  for (const char* base : {"tests/scenarios", "../shared/scenarios", "engine/cli/starter"}) {
    if (!fs::exists(root / base)) continue;
    for (const auto& entry : fs::directory_iterator(root / base)) {
      if (entry.is_directory()) directories.push_back(entry.path());
    }
  }
  return directories;
}

std::map<std::string, std::string> Revisions(const Bundle& bundle) {
  std::map<std::string, std::string> revisions;
  for (const auto& journey : bundle.journeys) revisions[journey->name] = journey->revision_text;
  for (const auto& one : bundle.templates) revisions["template " + one->name] = one->revision;
  return revisions;
}

TEST(Format, RulesOfTheTreeKeepTheirMeaningAndTheirComments) {
  size_t files = 0;
  for (const fs::path& directory : RulesDirectories()) {
    SCOPED_TRACE(directory);
    std::vector<Diagnostic> diagnostics;
    auto before = ReadRulesDirectory(directory.string(), &diagnostics);
    ASSERT_TRUE(before.ok());
    std::map<std::string, std::string> after = *before;
    for (auto& [path, text] : after) {
      if (!path.ends_with(".yaml") && !path.ends_with(".liquid")) continue;
      SCOPED_TRACE(path);
      if (text.find(": &") != std::string::npos || text.find("- &") != std::string::npos) {
        EXPECT_NE(FormatRules(path, text).left_because, "");  // anchors
        continue;
      }
      const std::string once = Formatted(text, path);
      EXPECT_EQ(Formatted(once, path), once);
      EXPECT_EQ(std::count(once.begin(), once.end(), '#'),
                std::count(text.begin(), text.end(), '#'));
      text = once;
      ++files;
    }
    const LoadResult loaded = LoadBundle(*before);
    const LoadResult again = LoadBundle(after);
    ASSERT_EQ(loaded.bundle == nullptr, again.bundle == nullptr);
    if (loaded.bundle == nullptr) continue;
    EXPECT_EQ(Revisions(*loaded.bundle), Revisions(*again.bundle));
  }
  EXPECT_GT(files, 50u);
}

TEST(Format, TheDemoRulesAreFormatted) {
  const fs::path rules = RulesDirectories().front();
  std::vector<Diagnostic> diagnostics;
  const auto files = ReadRulesDirectory(rules.string(), &diagnostics);
  ASSERT_TRUE(files.ok());
  for (const auto& [path, text] : *files) {
    if (path.ends_with(".csv") || path.ends_with(".txt")) continue;
    EXPECT_EQ(Formatted(text, path), text) << path << ": run sojourn fmt rules";
  }
}

}  // namespace
}  // namespace sojourn::language
