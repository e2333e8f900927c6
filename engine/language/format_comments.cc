#include "engine/language/format_comments.h"

#include <algorithm>
#include <cctype>

namespace sojourn::language {
namespace {

void CollectScalars(const Node& node, std::vector<const Node*>* scalars) {
  if (node.is_scalar()) scalars->push_back(&node);
  for (const Node* item : node.items) CollectScalars(*item, scalars);
  for (const Node::Entry& entry : node.entries) {
    CollectScalars(*entry.key, scalars);
    CollectScalars(*entry.value, scalars);
  }
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\n") == text.npos; }

class GapReader {
 public:
  GapReader(const SourceFile& file, Gaps* gaps, std::string* why)
      : file_(file), text_(file.text()), gaps_(gaps), why_(why) {}

  bool Read(uint32_t begin, uint32_t end) {
    for (uint32_t at = begin; at < end; ++at) {
      const char before = at == 0 ? '\n' : text_[at - 1];
      if (text_[at] == '#' && (before == ' ' || before == '\t' || before == '\n')) {
        at = AddComment(at) - 1;
      } else if (!IsStructure(text_[at])) {
        *why_ = "anchors, aliases, directives and indentation in block headers are left alone";
        return false;
      }
    }
    return true;
  }

 private:
  static bool IsStructure(char c) {
    return std::string_view(" \t\n-:,[]{}|>").find(c) != std::string_view::npos;
  }

  // Returns where its line ends.
  uint32_t AddComment(uint32_t begin) {
    const auto end = static_cast<uint32_t>(std::min(text_.find('\n', begin), text_.size()));
    Comment comment;
    comment.begin = begin;
    comment.text = text_.substr(begin, end - begin);
    comment.text.erase(comment.text.find_last_not_of(" \t") + 1);
    comment.line_start = file_.LineStart(file_.PositionOf(begin).line);
    comment.own_line = IsBlank(text_.substr(comment.line_start, begin - comment.line_start));
    comment.after_blank = IsAfterBlankLine(file_, begin);
    gaps_->comments.push_back(std::move(comment));
    return end;
  }

  const SourceFile& file_;
  const std::string_view text_;
  Gaps* const gaps_;
  std::string* const why_;
};

}  // namespace

bool IsAfterBlankLine(const SourceFile& file, uint32_t offset) {
  const int line = file.PositionOf(offset).line;
  return line > 1 && IsBlank(file.Line(line - 1));
}

std::optional<Gaps> ReadGaps(const SourceFile& file, SourceRange range, const Node& root,
                             std::string* why) {
  std::vector<const Node*> scalars;
  CollectScalars(root, &scalars);
  std::sort(scalars.begin(), scalars.end(),
            [](const Node* a, const Node* b) { return a->range.begin < b->range.begin; });
  Gaps gaps;
  GapReader reader(file, &gaps, why);
  uint32_t at = range.begin;
  for (const Node* scalar : scalars) {
    const bool empty = scalar->range.end == scalar->range.begin;
    if (!empty) gaps.scalar_begins.push_back(scalar->range.begin);
    if (scalar->range.begin > at && !reader.Read(at, scalar->range.begin)) return std::nullopt;
    at = std::max(at, scalar->range.end);
  }
  if (!reader.Read(at, range.end)) return std::nullopt;
  return gaps;
}

}  // namespace sojourn::language
