// Mutated templates neither crash nor hang; the seed is fixed.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "engine/liquid/test_support.h"

namespace sojourn::liquid {
namespace {

constexpr uint32_t kSeed = 20261122;
constexpr int kRounds = 20'000;

std::vector<std::string> GoldenTemplates() {
  const char* source = std::getenv("SOJOURN_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) +
                     "/engine/liquid/testdata/golden_liquid.json");
  std::vector<std::string> templates;
  const nlohmann::json golden = nlohmann::json::parse(file);
  for (const auto& test : golden["tests"]) {
    templates.push_back(test["template"].get<std::string>());
  }
  return templates;
}

class Mutator {
 public:
  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

  std::string Mutated(const std::vector<std::string>& templates) {
    std::string text = templates[Below(templates.size())];
    for (size_t changes = 1 + Below(4); changes > 0; --changes) Change(templates, &text);
    return text;
  }

 private:
  void Change(const std::vector<std::string>& templates, std::string* text) {
    const size_t at = Below(text->size() + 1);
    const std::string& other = templates[Below(templates.size())];
    switch (Below(5)) {
      case 0:
        text->erase(at, 1 + Below(8));
        return;
      case 1:
        text->insert(at, 1, static_cast<char>(Below(256)));
        return;
      case 2:
        text->insert(at, other.substr(Below(other.size() + 1), Below(20)));
        return;
      case 3:
        text->insert(at, text->substr(Below(text->size() + 1), Below(40)));
        return;
      default:
        constexpr std::string_view kPieces[] = {"{%",  "%}",    "{{", "}}", "-",           "|",
                                                "'",   "[",     "(",  "..", "99999999999", "-1",
                                                "nil", "blank", ":",  ","};
        text->insert(at, kPieces[Below(std::size(kPieces))]);
    }
  }

  std::mt19937 random_{kSeed};
};

TEST(RobustnessTest, MutatedTemplates) {
  const std::vector<std::string> templates = GoldenTemplates();
  ASSERT_GT(templates.size(), 1000u);
  const MapPartials partials(
      PartialTexts{{"product", "{{ product.title | upcase }}"}, {"a", "{{ a }}"}});
  Arena arena;
  const auto data = model::JsonReader().Read(
      R"({"a": [3, "b", null, {"title": "x"}, [1.5]], "product": {"title": "<t>", "tags": ["s"]},
          "s": "hello", "x": 5, "foo": "bar", "obj": {"first": 1}, "array": [1, 2, 3]})",
      kMaxStoredNesting, &arena);
  ASSERT_TRUE(data.ok());
  RenderOptions options;
  options.max_steps = 2'000;
  options.max_work_bytes = 100'000;
  options.max_output_bytes = 20'000;
  Mutator mutator;
  int rendered = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < kRounds; ++round) {
    const std::string text = mutator.Mutated(templates);
    const ParseResult result = Parse(text, {&partials});
    EXPECT_EQ(result.parsed == nullptr, !result.issues.empty());
    for (const Issue& issue : result.issues) {
      EXPECT_LT(issue.begin, issue.end) << text;
      EXPECT_LE(issue.begin, text.size()) << text;
    }
    for (const Read& read : result.reads) EXPECT_LE(read.end, text.size()) << text;
    if (result.parsed == nullptr) continue;
    options.auto_escape = round % 2 == 0;
    std::string out;
    if (Render(*result.parsed, *data, options, &out).ok()) ++rendered;
    EXPECT_LE(out.size(), options.max_output_bytes);
  }
  // Enough of them are still templates, and none took long.
  EXPECT_GT(rendered, kRounds / 10);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(2));
}

}  // namespace
}  // namespace sojourn::liquid
