// Golden files of graphs: testdata/graph.rules.yaml -> graph.text, graph.mermaid, graph.dot,
// graph.svg. With SOJOURN_UPDATE_GOLDENS=1 they are written instead of compared.
#include "engine/language/graph.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/base/utf8.h"
#include "engine/language/load.h"

namespace sojourn::language {
namespace {

namespace fs = std::filesystem;

fs::path SourceDirectory() {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  return directory == nullptr ? fs::current_path() : fs::path(directory);
}

std::string ReadAll(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void ExpectGolden(const std::string& name, const std::string& actual) {
  const fs::path path = SourceDirectory() / "engine/language/testdata" / name;
  if (std::getenv("SOJOURN_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(ReadAll(path), actual) << path << " differs; see the head of graph_test.cc";
}

std::map<std::string, std::string> ExampleRules() {
  std::map<std::string, std::string> files;
  std::string* file = nullptr;
  std::istringstream lines(
      ReadAll(SourceDirectory() / "engine/language/testdata/graph.rules.yaml"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("### ")) {
      file = &files[line.substr(4)];
    } else if (file != nullptr) {
      *file += line + "\n";
    }
  }
  return files;
}

std::vector<JourneyGraph> GraphsOf(const std::map<std::string, std::string>& files) {
  const LoadResult loaded = LoadBundle(files);
  EXPECT_NE(loaded.bundle, nullptr)
      << FormatDiagnostics(loaded.diagnostics, DiagnosticFormat::kText);
  std::vector<JourneyGraph> graphs;
  if (loaded.bundle == nullptr) return graphs;
  for (const auto& journey : loaded.bundle->journeys) graphs.push_back(MakeGraph(*journey));
  return graphs;
}

TEST(Graph, Goldens) {
  const std::vector<JourneyGraph> graphs = GraphsOf(ExampleRules());
  std::string text;
  for (const JourneyGraph& graph : graphs) text += GraphText(graph) + "\n";
  ExpectGolden("graph.text", text);
  ExpectGolden("graph.mermaid", GraphMermaid(graphs));
  ExpectGolden("graph.dot", GraphDot(graphs));
  ExpectGolden("graph.svg", GraphSvg(graphs));
}

size_t WidestLine(const std::string& text) {
  size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    widest = std::max(widest, CountCodePoints(line));
  }
  return widest;
}

TEST(Graph, TextFitsATerminal) {
  for (const JourneyGraph& graph : GraphsOf(ExampleRules())) {
    EXPECT_LE(WidestLine(GraphText(graph)), 80u) << GraphText(graph);
  }
  JourneyGraph graph;
  graph.name = "long";
  graph.facts.emplace_back("goal", std::string(300, 'x'));
  graph.steps.push_back({GraphKind::kSend, std::string(200, 'i'), std::string(200, 'l'), {}});
  EXPECT_LE(WidestLine(GraphText(graph)), 80u);
}

std::vector<std::string> Arrows(const JourneyGraph& graph) {
  const FlatGraph flat = Flatten(graph);
  std::vector<std::string> arrows;
  for (const GraphEdge& edge : flat.edges) {
    const auto name = [&](int node) { return node < 0 ? "end" : flat.nodes[node]->id; };
    arrows.push_back(name(edge.from) + (edge.label.empty() ? "" : " " + edge.label) + " > " +
                     name(edge.to));
  }
  return arrows;
}

TEST(Graph, WaysMeetAgainLoopsLeadBackAndExitsLeadNowhere) {
  const std::vector<JourneyGraph> graphs =
      GraphsOf({{"journeys/a.yaml",
                 "journey: a\n"
                 "trigger: {event: A}\n"
                 "steps:\n"
                 "  - if: count(\"A\") > 1\n"
                 "    then: [{exit: enough}]\n"
                 "    else: [{wait: 1 day}, {wait: 2 days}]\n"
                 "  - repeat: {times: 3, steps: [{wait: 1 day}]}\n"
                 "  - ab_test: t\n"
                 "    paths: [{name: x, percent: 12.5}, {name: y, percent: 87.5, steps: [{wait: 1 "
                 "day}]}]\n"}});
  ASSERT_EQ(graphs.size(), 1u);
  EXPECT_EQ(Arrows(graphs[0]),
            (std::vector<std::string>{"1 yes > 1.then.1", "1 no > 1.else.1", "1.else.1 > 1.else.2",
                                      "1.else.2 > 2", "2 each time > 2.steps.1", "2.steps.1 > 2",
                                      "2 afterwards > 3", "3 x 12.5% > end", "3 y 87.5% > 3.y.1",
                                      "3.y.1 > end"}));
}

TEST(Graph, MarkupIsEscaped) {
  JourneyGraph graph;
  graph.name = "a\"b";
  graph.triggers = {"<&>\"\\#"};
  graph.steps.push_back({GraphKind::kAction, "1", "a < b && \"c\" \\ #", {}});
  const std::string svg = GraphSvg({graph});
  EXPECT_NE(svg.find("a &lt; b &amp;&amp; &quot;c&quot; \\ #"), std::string::npos) << svg;
  const std::string dot = GraphDot({graph});
  EXPECT_NE(dot.find("a < b && \\\"c\\\" \\\\ #"), std::string::npos) << dot;
  const std::string mermaid = GraphMermaid({graph});
  EXPECT_NE(mermaid.find("a #60; b #38;#38; #34;c#34; #92; #35;"), std::string::npos) << mermaid;
}

TEST(Graph, AJourneyWithoutStepsIsOnlyItsTriggerAndEnd) {
  const std::vector<JourneyGraph> graphs =
      GraphsOf({{"journeys/a.yaml", "journey: a\ntrigger: {event: A}\nsteps: []\n"}});
  ASSERT_EQ(graphs.size(), 1u);
  EXPECT_EQ(GraphText(graphs[0]), "a\n  starts with  A\n\n  end\n");
  EXPECT_NE(GraphMermaid(graphs).find("j1t0 --> j1end"), std::string::npos);
}

TEST(WrapText, BreaksAtSpacesAndInsideWordsThatAreTooLong) {
  EXPECT_EQ(WrapText("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(WrapText("ab cdefgh", 3), (std::vector<std::string>{"ab", "cde", "fgh"}));
  EXPECT_EQ(WrapText("ééé", 2), (std::vector<std::string>{"éé", "é"}));
  EXPECT_EQ(WrapText("", 5), (std::vector<std::string>{""}));
}

}  // namespace
}  // namespace sojourn::language
