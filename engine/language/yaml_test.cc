#include "engine/language/yaml.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <random>

#include "engine/base/limits.h"
#include "engine/language/load.h"

namespace sojourn::language {
namespace {

std::string Repeat(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string FirstCode(const std::string& text) {
  const SourceFile file("a.yaml", text);
  Reporter reporter;
  const auto document = YamlDocument::Parse(file, &reporter);
  const std::vector<Diagnostic> diagnostics = reporter.Take();
  EXPECT_TRUE(document != nullptr || !diagnostics.empty());
  return diagnostics.empty() ? "" : diagnostics.front().code;
}

// The part of the file that a part of the scalar under `key` stands in.
std::string SourceOf(const std::string& text, std::string_view part) {
  const SourceFile file("a.yaml", text);
  Reporter reporter;
  const auto document = YamlDocument::Parse(file, &reporter);
  if (document == nullptr) return "does not parse";
  const Node* scalar = document->root().Find("k");
  const size_t begin = scalar->text.find(part);
  if (begin == std::string::npos) return "not in " + scalar->text;
  const SourceRange range =
      scalar->RangeOf(static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + part.size()));
  return file.text().substr(range.begin, range.end - range.begin);
}

TEST(Yaml, TreeWithPositions) {
  const SourceFile file("a.yaml",
                        "\xEF\xBB\xBF"
                        "a: \"日本\"\r\nb: [x, {c: ~}]\r\n");
  Reporter reporter;
  const auto document = YamlDocument::Parse(file, &reporter);
  ASSERT_NE(document, nullptr);
  EXPECT_EQ(document->Dump(),
            "1:1 mapping\n"
            "1:1   plain \"a\"\n"
            "1:4     double \"日本\"\n"
            "2:1   plain \"b\"\n"
            "2:4     sequence\n"
            "2:5       plain \"x\"\n"
            "2:8       mapping\n"
            "2:9         plain \"c\"\n"
            "2:12           plain \"~\"\n");
  EXPECT_TRUE(document->root().Find("b")->items[1]->Find("c")->is_null());
}

TEST(Yaml, ScalarTypesOfTheCoreSchema) {
  const auto type_of = [](const char* text) {
    const SourceFile file("a.yaml", std::string("k: ") + text + "\n");
    Reporter reporter;
    const auto document = YamlDocument::Parse(file, &reporter);
    return TypeOfScalar(*document->root().entries[0].value);
  };
  for (const char* text : {"", "~", "null", "Null"}) EXPECT_EQ(type_of(text), ScalarType::kNull);
  for (const char* text : {"true", "False"}) EXPECT_EQ(type_of(text), ScalarType::kBool);
  for (const char* text : {"1", "-20", "0x1F", "0o17"}) EXPECT_EQ(type_of(text), ScalarType::kInt);
  for (const char* text : {"1.5", "1e3", ".inf", "-.5"}) {
    EXPECT_EQ(type_of(text), ScalarType::kDouble) << text;
  }
  for (const char* text : {"yes", "on", "\"1\"", "'true'", "09:00", "1_000", "."}) {
    EXPECT_EQ(type_of(text), ScalarType::kText) << text;
  }
}

TEST(Yaml, RangesInsideScalars) {
  EXPECT_EQ(SourceOf("k: one two\n", "two"), "two");
  EXPECT_EQ(SourceOf("k: one\n  two three\n", "three"), "three");
  EXPECT_EQ(SourceOf("k: 'it''s two'\n", "it's"), "it''s");
  EXPECT_EQ(SourceOf("k: 'it''s two'\n", "two"), "two");
  EXPECT_EQ(SourceOf("k: \"a\\u00e9b two\"\n", "b"), "b");
  EXPECT_EQ(SourceOf("k: \"a\\u00e9b two\"\n", "é"), "\\u00e9");
  EXPECT_EQ(SourceOf("k: \"a \\\n   two\"\n", "two"), "two");
  EXPECT_EQ(SourceOf("k: \"a\\\\n \\\"two\\\" x\"\n", "\"two\""), "\\\"two\\\"");
  EXPECT_EQ(SourceOf("k: |\n   one\n     two\n", "two"), "two");
  EXPECT_EQ(SourceOf("k: |2-\n   one\n  two\n", "two"), "two");
  EXPECT_EQ(SourceOf("k: >-\n  one\n  two\n\n  three\n    four\n", "three\n  four"),
            "three\n    four");
}

TEST(Yaml, NestingStopsAtItsLimit) {
  const auto flow = [](int depth) {
    return "a: " + Repeat("[", static_cast<size_t>(depth)) +
           Repeat("]", static_cast<size_t>(depth)) + "\n";
  };
  EXPECT_EQ(FirstCode(flow(kMaxYamlNesting - 1)), "");
  EXPECT_EQ(FirstCode(flow(kMaxYamlNesting)), "J010");
  EXPECT_EQ(FirstCode(flow(100'000)), "J010");
  EXPECT_EQ(FirstCode(Repeat("- ", 100'000)), "J010");
  EXPECT_EQ(FirstCode(Repeat("{a: ", 100'000)), "J010");
  EXPECT_EQ(FirstCode(Repeat("? ", 100'000)), "J017");
}

TEST(Yaml, NestingCountsThroughAliases) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) text += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  EXPECT_EQ(FirstCode(text), "J010");
}

TEST(Yaml, AliasBombsAreRefusedBeforeTheyGrow) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = fmt::format("*a{}", i - 1);
    text += fmt::format("a{}: &a{} [{}", i, i, below) + Repeat("," + below, 9) + "]\n";
  }
  EXPECT_EQ(FirstCode(text), "J011");
}

TEST(Yaml, AliasesExpandUpToTheLimit) {
  const std::string kilobyte = "a: &a " + Repeat("x", 1023) + "\nb: [";
  EXPECT_EQ(FirstCode(kilobyte + Repeat("*a,", 1024) + "]\n"), "");
  EXPECT_EQ(FirstCode(kilobyte + Repeat("*a,", 1025) + "]\n"), "J011");
}

TEST(Yaml, AnAliasIsTheSameContent) {
  const SourceFile file("a.yaml", "a: &x {k: v}\nb: *x\n");
  Reporter reporter;
  const auto document = YamlDocument::Parse(file, &reporter);
  ASSERT_NE(document, nullptr);
  EXPECT_EQ(document->root().Find("b"), document->root().Find("a"));
}

TEST(Yaml, RefusesWhatRulesMayNotHold) {
  EXPECT_EQ(FirstCode("a: 1\na: 2\n"), "J008");
  EXPECT_EQ(FirstCode("a: !!str 1\n"), "J009");
  EXPECT_EQ(FirstCode("a: !x [1]\n"), "J009");
  EXPECT_EQ(FirstCode("a: &x [*x]\n"), "J016");
  EXPECT_EQ(FirstCode("a: \xFF\n"), "J004");
  EXPECT_EQ(FirstCode(std::string("a: \0\n", 5)), "J004");
  EXPECT_EQ(FirstCode("a: \x07\n"), "J004");
  EXPECT_EQ(FirstCode("{a: 1}: 2\n"), "J017");
  EXPECT_EQ(FirstCode(""), "J006");
  EXPECT_EQ(FirstCode("---\n"), "J006");
  EXPECT_EQ(FirstCode("a: 1\n---\nb: 2\n"), "J007");
  EXPECT_EQ(FirstCode("a: 1\n...\n---\n"), "J007");
}

TEST(Yaml, CanonicalTextKnowsContentOnly) {
  const auto canonical = [](const char* text) {
    const SourceFile file("a.yaml", text);
    Reporter reporter;
    return YamlDocument::Parse(file, &reporter)->Canonical();
  };
  EXPECT_EQ(canonical("a: 1 # x\nb: [x, \"y z\"]\n"), canonical("b:\n  - x\n  - 'y z'\n\na: 1\n"));
  EXPECT_NE(canonical("a: [x, y]\n"), canonical("a: [y, x]\n"));
  EXPECT_NE(canonical("a: [xy]\n"), canonical("a: [x, y]\n"));
  EXPECT_NE(canonical("a:\n"), canonical("a: \"\"\n"));
}

// Whatever the bytes: diagnostics, never a crash. The seeds are fixed.
TEST(Yaml, SurvivesDamagedFiles) {
  const std::string journey =
      "journey: a\ntrigger: {event: X, where: 'event.x == \"y\"'}\nsteps:\n"
      "  - wait: 1 day\n  - send_email: {template: m, data: {n: \"\\u00e9 + 1\"}}\n"
      "  - &s if: >-\n      person.x\n      > 3\n    then: [{exit: done}, *s]\n"
      "  - ab_test: t\n    paths: [{name: a, percent: 50}, {name: b, percent: 50}]\n";
  const std::string mail =
      "---\ntemplate: m\nsubject: \"Hi {{ person.name | default: 'x' }}\"\n---\n"
      "{% for a in b %}{{ a['x'].y }}{% endfor %}{% if x %}{% endif %}\n";
  constexpr std::string_view kSpice = "{}[]:,&*!|>'\"%@`#?- \n\t\r\\\x80\xFF\xC3(.";
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 4 == 0 ? mail : journey;
    const int edits = 1 + static_cast<int>(random() % 6);
    for (int i = 0; i < edits && !text.empty(); ++i) {
      const size_t at = random() % (text.size() + 1);
      switch (random() % 4) {
        case 0:
          text.insert(at, 1, kSpice[random() % kSpice.size()]);
          break;
        case 1:
          text.erase(at, random() % 9);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
          break;
        default:
          text.resize(std::max<size_t>(1, at));
      }
    }
    const LoadResult result =
        LoadBundle({{round % 4 == 0 ? "m.liquid" : "a.yaml", text}, {"c.yaml", "catalog: c\n"}});
    for (const Diagnostic& one : result.diagnostics) {
      ASSERT_GE(one.line, 1);
      ASSERT_GT(one.end_column, one.column);
    }
    FormatDiagnostics(result.diagnostics, DiagnosticFormat::kJson);
    FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
  }
}

}  // namespace
}  // namespace sojourn::language
