// A journey for other programs that draw: Mermaid and Graphviz.
#include <fmt/format.h>

#include "engine/language/graph.h"

namespace sojourn::language {
namespace {

constexpr size_t kLineCharacters = 34;

// ---- Mermaid ---------------------------------------------------------------------------------

// Its labels know entities that begin with # instead of &.
std::string MermaidEscape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       static_cast<unsigned char>(c) >= 0x80 ||
                       std::string_view(" .,:_-=/()'").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("#{};", static_cast<int>(c));
    }
  }
  return out;
}

std::string MermaidLabel(std::string_view head, std::string_view text) {
  std::string label = MermaidEscape(head);
  for (const std::string& line : WrapText(text, kLineCharacters)) {
    label += (label.empty() ? "" : "<br/>") + MermaidEscape(line);
  }
  return "\"" + label + "\"";
}

struct Brackets {
  const char* open;
  const char* close;
};

Brackets MermaidShape(GraphKind kind) {
  switch (kind) {
    case GraphKind::kSend:
      return {"[[", "]]"};
    case GraphKind::kWait:
      return {"(", ")"};
    case GraphKind::kBranch:
      return {"{{", "}}"};
    case GraphKind::kExit:
      return {"([", "])"};
    case GraphKind::kAction:
      break;
  }
  return {"[", "]"};
}

std::string MermaidJourney(const JourneyGraph& graph, size_t number) {
  const std::string own = fmt::format("j{}", number);
  const FlatGraph flat = Flatten(graph);
  std::string text =
      fmt::format("  subgraph {} [{}]\n    direction TB\n", own, MermaidLabel("", graph.name));
  for (size_t i = 0; i < graph.triggers.size(); ++i) {
    text += fmt::format("    {}t{}([{}])\n", own, i, MermaidLabel("", graph.triggers[i]));
  }
  for (size_t i = 0; i < flat.nodes.size(); ++i) {
    const Brackets shape = MermaidShape(flat.nodes[i]->kind);
    text += fmt::format("    {}s{}{}{}{}\n", own, i, shape.open,
                        MermaidLabel(flat.nodes[i]->id, flat.nodes[i]->label), shape.close);
  }
  if (flat.has_end) text += fmt::format("    {}end([\"end\"])\n", own);
  for (size_t i = 0; i < graph.facts.size(); ++i) {
    text += fmt::format("    {}f{}>{}]\n", own, i,
                        MermaidLabel(graph.facts[i].first, graph.facts[i].second));
  }
  const auto node = [&](int index) {
    return index < 0 ? own + "end" : fmt::format("{}s{}", own, index);
  };
  for (size_t i = 0; i < graph.triggers.size(); ++i) {
    text += fmt::format("    {}t{} --> {}\n", own, i, node(flat.first));
  }
  for (const GraphEdge& edge : flat.edges) {
    const std::string label = edge.label.empty() ? "" : "|" + MermaidLabel("", edge.label) + "|";
    text += fmt::format("    {} -->{} {}\n", node(edge.from), label, node(edge.to));
  }
  return text + "  end\n";
}

// ---- Graphviz --------------------------------------------------------------------------------

std::string DotEscape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string DotLabel(std::string_view head, std::string_view text) {
  std::string label = DotEscape(head);
  for (const std::string& line : WrapText(text, kLineCharacters)) {
    label += (label.empty() ? "" : "\\n") + DotEscape(line);
  }
  return "\"" + label + "\"";
}

std::string_view DotShape(GraphKind kind) {
  switch (kind) {
    case GraphKind::kSend:
      return "shape=box, penwidth=2";
    case GraphKind::kWait:
      return "shape=box, style=rounded";
    case GraphKind::kBranch:
      return "shape=hexagon";
    case GraphKind::kExit:
      return "shape=oval";
    case GraphKind::kAction:
      break;
  }
  return "shape=box";
}

std::string DotJourney(const JourneyGraph& graph, size_t number) {
  const std::string own = fmt::format("j{}", number);
  const FlatGraph flat = Flatten(graph);
  std::string text =
      fmt::format("  subgraph cluster_{} {{\n    label={};\n", own, DotLabel("", graph.name));
  for (size_t i = 0; i < graph.triggers.size(); ++i) {
    text +=
        fmt::format("    {}t{} [shape=oval, label={}];\n", own, i, DotLabel("", graph.triggers[i]));
  }
  for (size_t i = 0; i < flat.nodes.size(); ++i) {
    text += fmt::format("    {}s{} [{}, label={}];\n", own, i, DotShape(flat.nodes[i]->kind),
                        DotLabel(flat.nodes[i]->id, flat.nodes[i]->label));
  }
  if (flat.has_end) text += fmt::format("    {}end [shape=oval, label=\"end\"];\n", own);
  for (size_t i = 0; i < graph.facts.size(); ++i) {
    text += fmt::format("    {}f{} [shape=note, label={}];\n", own, i,
                        DotLabel(graph.facts[i].first, graph.facts[i].second));
  }
  const auto node = [&](int index) {
    return index < 0 ? own + "end" : fmt::format("{}s{}", own, index);
  };
  for (size_t i = 0; i < graph.triggers.size(); ++i) {
    text += fmt::format("    {}t{} -> {};\n", own, i, node(flat.first));
  }
  for (const GraphEdge& edge : flat.edges) {
    const std::string label = edge.label.empty() ? "" : " [label=" + DotLabel("", edge.label) + "]";
    text += fmt::format("    {} -> {}{};\n", node(edge.from), node(edge.to), label);
  }
  return text + "  }\n";
}

}  // namespace

std::string GraphMermaid(const std::vector<JourneyGraph>& graphs) {
  std::string text = "flowchart TB\n";
  for (size_t i = 0; i < graphs.size(); ++i) text += MermaidJourney(graphs[i], i + 1);
  return text;
}

std::string GraphDot(const std::vector<JourneyGraph>& graphs) {
  std::string text =
      "digraph journeys {\n  fontname=\"sans-serif\";\n"
      "  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n";
  for (size_t i = 0; i < graphs.size(); ++i) text += DotJourney(graphs[i], i + 1);
  return text + "}\n";
}

}  // namespace sojourn::language
