// A journey as a picture of its own. Steps stand below each other; the ways of a branching step
// stand side by side below it and meet again at the step that follows, so no two arrows cross.
#include <fmt/format.h>

#include <algorithm>

#include "engine/language/graph.h"

namespace sojourn::language {
namespace {

// Pixels.
constexpr int kNodeWidth = 230;
constexpr int kColumnGap = 24;
constexpr int kRowGap = 34;
constexpr int kLineHeight = 17;
constexpr int kPadding = 8;
constexpr int kMargin = 24;
constexpr int kLoopWidth = 26;  // beside a repeat's body, for the way back
constexpr size_t kNodeCharacters = 30;
constexpr size_t kWideCharacters = 74;

constexpr std::string_view kStyle = R"(<style>
  text { font: 13px system-ui, sans-serif; fill: #1b1f24; }
  .name { font-size: 18px; font-weight: 600; }
  .id, .way { font-size: 11px; fill: #57606a; }
  .way { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
  .ground { fill: #ffffff; }
  .node, .end { fill: #f6f8fa; stroke: #57606a; }
  .send { fill: #ddf4ff; stroke: #0969da; }
  .wait { fill: #fff8c5; stroke: #9a6700; }
  .branch { fill: #fbefff; stroke: #8250df; }
  .exit { fill: #ffebe9; stroke: #cf222e; }
  .start { fill: #dafbe1; stroke: #1a7f37; }
  .line { fill: none; stroke: #57606a; }
  .back { stroke-dasharray: 4 3; }
  .head { fill: #57606a; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .id, .way { fill: #9da7b3; }
    .way { stroke: #0d1117; }
    .ground { fill: #0d1117; }
    .node, .end { fill: #161b22; stroke: #8b949e; }
    .send { fill: #0c2d6b; stroke: #58a6ff; }
    .wait { fill: #341a00; stroke: #d29922; }
    .branch { fill: #271052; stroke: #bc8cff; }
    .exit { fill: #490202; stroke: #ff7b72; }
    .start { fill: #033a16; stroke: #3fb950; }
    .line { stroke: #8b949e; }
    .head { fill: #8b949e; }
  }
</style>
)";

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

const char* ClassOf(GraphKind kind) {
  switch (kind) {
    case GraphKind::kSend:
      return "send";
    case GraphKind::kWait:
      return "wait";
    case GraphKind::kBranch:
      return "branch";
    case GraphKind::kExit:
      return "exit";
    case GraphKind::kAction:
      break;
  }
  return "node";
}

int NodeHeight(size_t lines) { return static_cast<int>(lines) * kLineHeight + 2 * kPadding; }

int BlockWidth(const std::vector<GraphStep>& steps);

int BranchWidth(const GraphBranch& branch) {
  return BlockWidth(branch.steps) + (branch.loops ? 2 * kLoopWidth : 0);
}

int StepWidth(const GraphStep& step) {
  int width = 0;
  for (const GraphBranch& branch : step.branches) {
    width += BranchWidth(branch) + (width == 0 ? 0 : kColumnGap);
  }
  return std::max(width, kNodeWidth);
}

int BlockWidth(const std::vector<GraphStep>& steps) {
  int width = kNodeWidth;
  for (const GraphStep& step : steps) width = std::max(width, StepWidth(step));
  return width;
}

// Where a way that is being drawn has got to; `open`: it goes on from there.
struct End {
  int y = 0;
  bool open = true;
};

class SvgWriter {
 public:
  std::string Write(const std::vector<JourneyGraph>& graphs) {
    int width = 0;
    int y = kMargin;
    for (const JourneyGraph& graph : graphs) {
      const int own = std::max(BlockWidth(graph.steps), kHeadingWidth);
      width = std::max(width, own + 2 * kMargin);
      y = Journey(graph, y);
    }
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
        "height=\"{1}\" role=\"img\">\n{2}<rect class=\"ground\" width=\"{0}\" height=\"{1}\"/>\n"
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" "
        "markerHeight=\"8\" orient=\"auto\"><path class=\"head\" d=\"M0 0 8 4 0 8z\"/></marker>"
        "</defs>\n{3}{4}</svg>\n",
        width, y, kStyle, lines_, boxes_);
  }

 private:
  static constexpr int kHeadingWidth = 560;

  // Returns where the next journey begins.
  int Journey(const JourneyGraph& graph, int y) {
    y += kLineHeight;
    Text(kMargin, y, "name", graph.name, "start");
    y += kLineHeight;
    for (const auto& [name, text] : graph.facts) {
      for (const std::string& line : WrapText(name + ": " + text, kWideCharacters)) {
        y += kLineHeight;
        Text(kMargin, y, "", line, "start");
      }
    }
    const int center = kMargin + std::max(BlockWidth(graph.steps), kNodeWidth) / 2;
    std::string start;
    for (const std::string& trigger : graph.triggers)
      start += (start.empty() ? "" : " or ") + trigger;
    End end{Box(center, y + kRowGap / 2, "start", "", start), true};
    end = Block(graph.steps, center, end);
    if (end.open) {
      const int top = end.y + kRowGap;
      Arrow(center, end.y, top);
      end.y = Box(center, top, "end", "", "end");
    }
    return end.y + 2 * kMargin;
  }

  End Block(const std::vector<GraphStep>& steps, int center, End from) {
    for (const GraphStep& step : steps) {
      const int top = from.y + kRowGap;
      if (from.open) Arrow(center, from.y, top);
      from.y = Box(center, top, ClassOf(step.kind), step.id, step.label);
      from.open = step.kind != GraphKind::kExit;
      if (!step.branches.empty()) from = Branches(step, center, top, from.y);
    }
    return from;
  }

  // `top`: of the branching step's box, `y`: its lower edge.
  End Branches(const GraphStep& step, int center, int top, int y) {
    int width = -kColumnGap;
    for (const GraphBranch& branch : step.branches) width += BranchWidth(branch) + kColumnGap;
    int left = center - width / 2;
    const int fork = y + kRowGap / 2;
    std::vector<std::pair<int, End>> ends;
    int lowest = fork;
    for (const GraphBranch& branch : step.branches) {
      const int own = left + BranchWidth(branch) / 2;
      Line(fmt::format("M{} {}V{}H{}V{}", center, y, fork, own, fork + kRowGap));
      Label(own, fork + kRowGap - 6, branch.label);
      End end = Block(branch.steps, own, {fork + kRowGap, true});
      if (branch.loops) end = LoopBack(left, own, end, top, center);
      lowest = std::max(lowest, end.y);
      ends.emplace_back(own, end);
      left += BranchWidth(branch) + kColumnGap;
    }
    return Join(ends, center, lowest);
  }

  End Join(const std::vector<std::pair<int, End>>& ends, int center, int lowest) {
    const int meet = lowest + kRowGap / 2;
    bool open = false;
    for (const auto& [x, end] : ends) {
      if (!end.open) continue;
      open = true;
      Line(fmt::format("M{} {}V{}H{}", x, end.y, meet, center));
    }
    return {open ? meet : lowest, open};
  }

  // From the end of a repeat's body around it, back into the side of the repeat's box.
  End LoopBack(int left, int x, End end, int top, int center) {
    if (!end.open) return end;
    const int low = end.y + kRowGap / 2;
    const int side = left + kLoopWidth / 3;
    lines_ += fmt::format(
        "<path class=\"line back\" marker-end=\"url(#arrow)\" d=\"M{} {}V{}H{}V{}H{}\"/>\n", x,
        end.y, low, side, top + kLineHeight, center - kNodeWidth / 2);
    return {low, false};
  }

  // Returns its lower edge.
  int Box(int center, int top, std::string_view kind, const std::string& id,
          const std::string& label) {
    const std::vector<std::string> lines = WrapText(label, kNodeCharacters);
    const int height = NodeHeight(lines.size() + (id.empty() ? 0 : 1));
    const int radius = kind == "send" || kind == "node" ? 4 : kind == "branch" ? 12 : height / 2;
    boxes_ +=
        fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>\n",
                    kind, center - kNodeWidth / 2, top, kNodeWidth, height, std::min(radius, 20));
    int y = top + kPadding + kLineHeight - 4;
    if (!id.empty()) {
      for (const std::string& line : WrapText(id, kNodeCharacters)) {
        Text(center, y, "id", line, "middle");
        break;  // a longer id is a path; its beginning is enough
      }
      y += kLineHeight;
    }
    for (const std::string& line : lines) {
      Text(center, y, "", line, "middle");
      y += kLineHeight;
    }
    return top + height;
  }

  // Above the column it belongs to; a long one is cut, the whole of it shows under the pointer.
  void Label(int center, int y, const std::string& label) {
    const std::vector<std::string> lines = WrapText(label, kNodeCharacters + 4);
    const std::string shown = lines.front() + (lines.size() > 1 ? " …" : "");
    boxes_ += fmt::format("<g><title>{}</title>", Escape(label));
    Text(center, y - 3, "way", shown, "middle");
    boxes_ += "</g>\n";
  }

  void Text(int x, int y, std::string_view kind, std::string_view text, std::string_view anchor) {
    const std::string of_class = kind.empty() ? "" : fmt::format(" class=\"{}\"", kind);
    boxes_ += fmt::format("<text{} x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n", of_class, x,
                          y, anchor, Escape(text));
  }

  void Line(const std::string& path) {
    lines_ += fmt::format("<path class=\"line\" d=\"{}\"/>\n", path);
  }

  void Arrow(int x, int from, int to) {
    lines_ += fmt::format("<path class=\"line\" marker-end=\"url(#arrow)\" d=\"M{} {}V{}\"/>\n", x,
                          from, to);
  }

  std::string lines_;  // drawn first, so that boxes lie upon them
  std::string boxes_;
};

}  // namespace

std::string GraphSvg(const std::vector<JourneyGraph>& graphs) { return SvgWriter().Write(graphs); }

}  // namespace sojourn::language
