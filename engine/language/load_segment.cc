// Segments, in the order in which they must be judged.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/base/hash.h"
#include "engine/language/load_context.h"

namespace sojourn::language {
namespace {

struct Draft {
  Segment segment;
  const Node* where = nullptr;
};

Draft LoadOne(const Node& root, LoadContext* context) {
  Draft draft;
  draft.segment.name = TextAt(root, "segment");
  draft.segment.id = StableHash64(draft.segment.name);
  draft.segment.position = root.position();
  draft.where = root.Find("where");
  draft.segment.where = CompileConditions(draft.where, SegmentScope(), context);
  std::set<std::string> read;
  for (const ProgramPointer& program : draft.segment.where) {
    read.insert(program->segments().begin(), program->segments().end());
  }
  draft.segment.depends_on.assign(read.begin(), read.end());
  return draft;
}

// Takes out what depends on nothing that is still there, the first by name, until nothing moves.
std::vector<Segment> Sort(std::map<std::string, Draft>* drafts) {
  std::vector<Segment> sorted;
  while (true) {
    const auto ready = std::find_if(drafts->begin(), drafts->end(), [&](const auto& item) {
      const std::vector<std::string>& needs = item.second.segment.depends_on;
      return std::none_of(needs.begin(), needs.end(),
                          [&](const std::string& name) { return drafts->count(name) != 0; });
    });
    if (ready == drafts->end()) return sorted;
    sorted.push_back(std::move(ready->second.segment));
    drafts->erase(ready);
  }
}

// Where the condition names the other segment.
std::optional<SourceRange> ReferenceTo(const std::string& name, const Node& where) {
  static const re2::RE2 reference(R"(in_segment\s*\(\s*("[^"]*"|'[^']*'))");
  if (!where.is_scalar()) {
    for (const Node* item : where.items) {
      if (const auto range = ReferenceTo(name, *item)) return range;
    }
    return std::nullopt;
  }
  re2::StringPiece rest = where.text;
  re2::StringPiece quoted;
  while (re2::RE2::FindAndConsume(&rest, reference, &quoted)) {
    if (quoted.substr(1, quoted.size() - 2) != name) continue;
    const auto begin = static_cast<uint32_t>(quoted.data() - where.text.data());
    return where.RangeOf(begin, begin + static_cast<uint32_t>(quoted.size()));
  }
  return std::nullopt;
}

// Every segment left over leads into a cycle; each cycle is told once.
void ReportCycles(std::map<std::string, Draft>* drafts, LoadContext* context) {
  while (!drafts->empty()) {
    std::vector<std::string> path;
    std::string name = drafts->begin()->first;
    bool cycle = true;
    while (std::find(path.begin(), path.end(), name) == path.end()) {
      path.push_back(name);
      const std::vector<std::string>& needs = drafts->at(name).segment.depends_on;
      const auto next = std::find_if(needs.begin(), needs.end(), [&](const std::string& need) {
        return drafts->count(need) != 0;
      });
      cycle = next != needs.end();  // else it leads into a cycle that has been told
      if (!cycle) break;
      name = *next;
    }
    if (cycle) {
      std::string text;
      const auto start = std::find(path.begin(), path.end(), name);
      for (auto at = start; at != path.end(); ++at) text += *at + " -> ";
      const Node* where = drafts->at(name).where;
      const std::string& next = start + 1 == path.end() ? name : *(start + 1);
      context->reporter->Error(Code::kSegmentCycle, *where->file,
                               ReferenceTo(next, *where).value_or(where->range),
                               fmt::format("segments depend on each other: {}{}", text, name));
    }
    for (const std::string& told : path) drafts->erase(told);
  }
}

}  // namespace

void LoadSegments(const std::vector<const Node*>& roots, LoadContext* context) {
  std::map<std::string, Draft> drafts;
  for (const Node* root : roots) {
    Draft draft = LoadOne(*root, context);
    std::string name = draft.segment.name;
    drafts.emplace(std::move(name), std::move(draft));
  }
  context->bundle->segments = Sort(&drafts);
  ReportCycles(&drafts, context);
}

}  // namespace sojourn::language
