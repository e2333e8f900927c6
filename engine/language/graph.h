// A journey as a picture: what starts it, its steps with their ids, branches, waits and ends.
//
// Pure functions of compiled rules; the same journey gives the same bytes. Text in UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/language/bundle.h"

namespace sojourn::language {

enum class GraphKind : uint8_t { kSend, kAction, kWait, kBranch, kExit };

struct GraphStep;

// One way on from a step that branches.
struct GraphBranch {
  std::string label;             // "yes", "after 7 days", "coupon 45%"
  std::vector<GraphStep> steps;  // empty: straight on to what follows the branching step
  bool loops = false;            // leads back to the branching step: a repeat's body
};

struct GraphStep {
  GraphKind kind = GraphKind::kAction;
  std::string id;
  std::string label;  // "wait: 2 days"
  std::vector<GraphBranch> branches;
};

// The journey's steps as they are nested in its file.
struct JourneyGraph {
  std::string name;
  std::vector<std::string> triggers;                       // "Signed Up"
  std::vector<std::pair<std::string, std::string>> facts;  // "goal" -> "Order Completed"
  std::vector<GraphStep> steps;
};

JourneyGraph MakeGraph(const Journey& journey);

// A tree of at most 80 columns, for a terminal.
std::string GraphText(const JourneyGraph& graph);

// A flowchart of Mermaid, which many readers of Markdown show; each journey is a subgraph.
std::string GraphMermaid(const std::vector<JourneyGraph>& graphs);

// A digraph for Graphviz; each journey is a cluster.
std::string GraphDot(const std::vector<JourneyGraph>& graphs);

// A picture by itself, journeys below each other, readable on light and dark ground.
std::string GraphSvg(const std::vector<JourneyGraph>& graphs);

// ---- for the formats --------------------------------------------------------------------------

// Lines of at most `width` code points, broken at spaces, inside words only where one is longer.
std::vector<std::string> WrapText(std::string_view text, size_t width);

// The arrows of a journey. Nodes are numbered in the order of a walk over the nested steps, from 0;
// -1 is the journey's end.
struct GraphEdge {
  int from = 0;
  int to = 0;
  std::string label;
};
struct FlatGraph {
  std::vector<const GraphStep*> nodes;  // point into the JourneyGraph
  std::vector<GraphEdge> edges;
  int first = -1;        // where triggers lead
  bool has_end = false;  // some way leads to the journey's end
};
FlatGraph Flatten(const JourneyGraph& graph);

}  // namespace sojourn::language
