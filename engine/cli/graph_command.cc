// `sojourn graph`: journeys as pictures.

#include <cstdio>
#include <map>

#include "engine/base/suggest.h"
#include "engine/cli/commands.h"
#include "engine/cli/loaded_rules.h"
#include "engine/language/graph.h"

namespace sojourn::cli {
namespace {

using language::JourneyGraph;

enum class GraphFormat { kText, kMermaid, kDot, kSvg };

const std::map<std::string, GraphFormat> kFormats = {{"text", GraphFormat::kText},
                                                     {"mermaid", GraphFormat::kMermaid},
                                                     {"dot", GraphFormat::kDot},
                                                     {"svg", GraphFormat::kSvg}};

// The graphs of all journeys, or of the wanted one.
Result<std::vector<JourneyGraph>> Graphs(const language::Bundle& bundle,
                                         const std::string& wanted) {
  std::vector<JourneyGraph> graphs;
  std::vector<std::string> names;
  for (const auto& journey : bundle.journeys) {
    names.push_back(journey->name);
    if (wanted.empty() || journey->name == wanted) graphs.push_back(MakeGraph(*journey));
  }
  if (!graphs.empty()) return graphs;
  if (wanted.empty()) return InvalidArgument("these rules have no journey; write journeys/*.yaml");
  std::string hint = DidYouMean(wanted, names);
  if (hint.empty()) {
    for (const std::string& name : names) hint += (hint.empty() ? "there are: " : ", ") + name;
  }
  return NotFound("there is no journey \"" + wanted + "\"; " + hint);
}

std::string Draw(const std::vector<JourneyGraph>& graphs, GraphFormat format) {
  switch (format) {
    case GraphFormat::kMermaid:
      return GraphMermaid(graphs);
    case GraphFormat::kDot:
      return GraphDot(graphs);
    case GraphFormat::kSvg:
      return GraphSvg(graphs);
    case GraphFormat::kText:
      break;
  }
  std::string text;
  for (const JourneyGraph& graph : graphs) text += (text.empty() ? "" : "\n") + GraphText(graph);
  return text;
}

int Graph(const std::string& directory, const std::string& journey, GraphFormat format) {
  const auto bundle = LoadCleanRules(directory);
  if (!bundle.ok()) return Fail(bundle.status());
  const auto graphs = Graphs(**bundle, journey);
  if (!graphs.ok()) return Fail(graphs.status());
  std::fputs(Draw(*graphs, format).c_str(), stdout);
  return 0;
}

}  // namespace

void AddGraphCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("graph", "Draws journeys");
  auto directory = std::make_shared<std::string>("rules");
  auto journey = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("text");
  command.AddOption("DIRECTORY", directory.get(), "Rules directory").ShowDefault();
  command.AddOption("JOURNEY", journey.get(), "Only this journey");
  command.AddOption("--format", format.get(), "text, mermaid, dot or svg").OneOf(kFormats);
  command.SetFooter(
      "For example:\n"
      "  sojourn graph rules welcome\n"
      "  sojourn graph rules --format svg > journeys.svg       for a browser\n"
      "  sojourn graph rules --format mermaid > journeys.mmd   for Markdown\n"
      "  sojourn graph rules --format dot | dot -Tpdf > journeys.pdf");
  command.SetCallback([=] { *exit_code = Graph(*directory, *journey, kFormats.at(*format)); });
}

}  // namespace sojourn::cli
