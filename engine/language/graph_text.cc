// A journey as a tree for a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/utf8.h"
#include "engine/language/graph.h"

namespace sojourn::language {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kLeastColumns = 20;  // for text, however deep it is nested
constexpr size_t kFactColumns = 13;

class TextWriter {
 public:
  std::string Write(const JourneyGraph& graph) {
    Lines("", "", graph.name);
    for (size_t i = 0; i < graph.triggers.size(); ++i) {
      Fact(i == 0 ? "starts with" : "or", graph.triggers[i]);
    }
    for (const auto& [name, text] : graph.facts) Fact(name, text);
    text_ += '\n';
    Block(graph.steps, "  ");
    text_ += "  end\n";
    return std::move(text_);
  }

 private:
  void Fact(std::string_view name, std::string_view text) {
    Lines(fmt::format("  {:{}}", name, kFactColumns), std::string(kFactColumns + 2, ' '), text);
  }

  void Block(const std::vector<GraphStep>& steps, const std::string& indent) {
    for (const GraphStep& step : steps) {
      Lines(indent, indent + "   ", fmt::format("{}  {}", step.id, step.label));
      for (size_t i = 0; i < step.branches.size(); ++i) {
        Branch(step.branches[i], i + 1 == step.branches.size(), indent + " ");
      }
    }
  }

  void Branch(const GraphBranch& branch, bool last, const std::string& indent) {
    const std::string below = indent + (last ? "    " : "│   ");
    const std::string straight = branch.steps.empty() ? ": goes on" : "";
    Lines(indent + (last ? "└─ " : "├─ "), below, branch.label + straight);
    Block(branch.steps, below);
  }

  void Lines(const std::string& first, const std::string& others, std::string_view text) {
    const size_t used = std::max(CountCodePoints(first), CountCodePoints(others));
    const size_t width = used + kLeastColumns < kColumns ? kColumns - used : kLeastColumns;
    bool is_first = true;
    for (const std::string& line : WrapText(text, width)) {
      text_ += fmt::format("{}{}\n", is_first ? first : others, line);
      is_first = false;
    }
  }

  std::string text_;
};

}  // namespace

std::string GraphText(const JourneyGraph& graph) { return TextWriter().Write(graph); }

}  // namespace sojourn::language
