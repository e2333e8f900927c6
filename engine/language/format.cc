#include "engine/language/format.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/base/utf8.h"
#include "engine/language/format_comments.h"
#include "engine/language/load_partials.h"
#include "engine/language/read.h"

namespace sojourn::language {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kIndent = 2;

std::vector<std::string> TrimmedLines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    const size_t first = line.find_first_not_of(" \t");
    line = first == line.npos ? "" : line.substr(first, line.find_last_not_of(" \t") + 1 - first);
    lines.emplace_back(line);
    at = end + 1;
  }
  return lines;
}

bool IsBlock(ScalarStyle style) {
  return style == ScalarStyle::kLiteral || style == ScalarStyle::kFolded;
}

// Double quotes, unless the text holds such or a backslash: then single ones, where they can hold
// it.
std::string Requoted(const Node& scalar, std::string raw) {
  const bool single = scalar.style == ScalarStyle::kSingleQuoted;
  if (!single && scalar.style != ScalarStyle::kDoubleQuoted) return raw;
  const bool printable = std::none_of(scalar.text.begin(), scalar.text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  const bool needs_single = scalar.text.find_first_of("\"\\") != std::string::npos;
  if (!printable || single == needs_single) return raw;
  if (single) return "\"" + scalar.text + "\"";
  // Other escapes than these may be there to be seen: a space that does not break, for example.
  for (size_t at = raw.find('\\'); at != raw.npos; at = raw.find('\\', at + 2)) {
    if (raw[at + 1] != '"' && raw[at + 1] != '\\') return raw;
  }
  return scalar.text.find('\'') == std::string::npos ? "'" + scalar.text + "'" : raw;
}

// Writes a tree again, with the comments that belong between its parts.
class Formatter {
 public:
  Formatter(const SourceFile& file, SourceRange range, Gaps gaps)
      : file_(file), gaps_(std::move(gaps)), last_end_(range.begin), end_(range.end) {}

  std::string Format(const Node& root) {
    Leading(root.range.begin, 0, true);
    if (root.is_scalar() || Fits(root, 0)) {
      Line(0, root.is_scalar() ? Raw(root) : Flow(root));
      Finish(root);
    } else {
      Block(root, 0);
    }
    Leading(end_, 0, false);
    return std::move(text_);
  }

 private:
  // ---- lines ---------------------------------------------------------------------------------

  // Begins a line, behind the dash that waits for it where there is one.
  void Line(size_t indent, const std::string& content) {
    text_ += dashes_.empty() ? std::string(indent, ' ') : dashes_;
    dashes_.clear();
    text_ += content;
    text_.erase(text_.find_last_not_of(' ') + 1);  // behind the dash of an empty item
    text_ += "\n";
  }

  size_t Column(size_t indent) const { return dashes_.empty() ? indent : dashes_.size(); }

  void Append(const std::string& content) {
    text_.pop_back();
    text_ += content + "\n";
  }

  void BlankLine() {
    if (!text_.empty() && !text_.ends_with("\n\n")) text_ += "\n";
  }

  // ---- comments ------------------------------------------------------------------------------

  bool HasComment(uint32_t before) const {
    return next_ < gaps_.comments.size() && gaps_.comments[next_].begin < before;
  }

  void Own(size_t indent, bool first) {
    const Comment& comment = gaps_.comments[next_++];
    if (comment.after_blank && comment.own_line && !first) BlankLine();
    text_ += std::string(indent, ' ') + comment.text + "\n";
  }

  // Comments before a part that begins at `begin`. `first`: of its block, which begins without an
  // empty line.
  void Leading(uint32_t begin, size_t indent, bool first) {
    bool commented = false;
    while (HasComment(begin)) {
      Own(indent, first && !commented);
      commented = true;
    }
    if (begin < end_ && (!first || commented) && IsAfterBlankLine(file_, begin)) BlankLine();
  }

  // Those on the line where the latest part ended, before `limit`.
  void Trailing(uint32_t limit = UINT32_MAX) {
    const int line = file_.PositionOf(last_end_ == 0 ? 0 : last_end_ - 1).line;
    while (HasComment(limit) && !gaps_.comments[next_].own_line &&
           file_.PositionOf(gaps_.comments[next_].begin).line == line) {
      Append(" " + gaps_.comments[next_++].text);
    }
  }

  // At the end of a block: those that are indented like it.
  void Closing(int column, size_t indent) {
    const auto next = std::upper_bound(gaps_.scalar_begins.begin(), gaps_.scalar_begins.end(),
                                       last_end_ == 0 ? 0 : last_end_ - 1);
    const uint32_t limit = next == gaps_.scalar_begins.end() ? end_ : *next;
    while (HasComment(limit) && gaps_.comments[next_].own_line &&
           file_.PositionOf(gaps_.comments[next_].begin).column >= column) {
      Own(indent, false);
    }
  }

  void Finish(const Node& node) {
    last_end_ = std::max(last_end_, node.range.end);
    Trailing();
  }

  // ---- values --------------------------------------------------------------------------------

  // The text of a scalar as it stands, quotes made alike, lines of several joined.
  static std::string Raw(const Node& scalar) {
    const std::string raw =
        scalar.file->text().substr(scalar.range.begin, scalar.range.end - scalar.range.begin);
    if (raw.find('\n') == std::string::npos) return Requoted(scalar, raw);
    std::string joined;
    for (const std::string& line : TrimmedLines(raw)) joined += (joined.empty() ? "" : " ") + line;
    return joined;
  }

  static bool IsLong(const Node& scalar) {
    return IsBlock(scalar.style) ||
           scalar.file->text()
                   .substr(scalar.range.begin, scalar.range.end - scalar.range.begin)
                   .find('\n') != std::string::npos;
  }

  static std::string Flow(const Node& node) {
    if (node.is_scalar()) return Raw(node);
    std::string text;
    for (const Node* item : node.items) text += (text.empty() ? "" : ", ") + Flow(*item);
    for (const Node::Entry& entry : node.entries) {
      text += (text.empty() ? "" : ", ") + Raw(*entry.key);
      const std::string value = Flow(*entry.value);
      if (!value.empty()) text += ": " + value;
    }
    return node.is_sequence() ? "[" + text + "]" : "{" + text + "}";
  }

  // Whether a collection is written in brackets: it was, and fits on the line.
  bool Fits(const Node& node, size_t column) const {
    const bool empty = node.items.empty() && node.entries.empty();
    if (!node.is_flow() || HasComment(node.range.end)) return empty;
    return empty || column + CountCodePoints(Flow(node)) <= kColumns;
  }

  // A value behind "key:" or a dash, whose line begins with `head`.
  void Value(const std::string& head, const Node& value, size_t indent) {
    const std::string gap = head.empty() ? "" : " ";
    if (value.is_scalar() && IsLong(value)) return LongScalar(head + gap, value, indent);
    if (value.is_scalar()) {
      const std::string raw = Raw(value);
      Line(indent, head + (raw.empty() ? "" : gap + raw));
      return Finish(value);
    }
    if (Fits(value, Column(indent) + CountCodePoints(head) + 1)) {
      Line(indent, head + gap + Flow(value));
      return Finish(value);
    }
    if (!head.empty()) {
      Line(indent, head);
      Trailing(value.range.begin);
      return Block(value, indent + kIndent);
    }
    Block(value, indent);
  }

  void LongScalar(const std::string& head, const Node& scalar, size_t indent) {
    std::vector<std::string> lines;
    if (IsBlock(scalar.style)) {
      lines = BlockLines(scalar);
    } else {
      lines = TrimmedLines(
          file_.text().substr(scalar.range.begin, scalar.range.end - scalar.range.begin));
    }
    Line(indent, head + lines.front());
    if (IsBlock(scalar.style)) Trailing();
    const std::string margin(head.empty() ? indent : indent + kIndent, ' ');
    for (size_t i = 1; i < lines.size(); ++i) {
      text_ += lines[i].empty() ? "\n" : margin + lines[i] + "\n";
    }
    last_end_ = std::max(last_end_, scalar.range.end);
    if (!IsBlock(scalar.style)) Trailing();
  }

  // The header and the lines below it without their indentation.
  std::vector<std::string> BlockLines(const Node& scalar) const {
    const std::string& text = file_.text();
    const size_t header = text.find_first_of("|>", last_end_);
    std::vector<std::string> lines = {
        text.substr(header, text.find_first_of(" \t\n", header) - header)};
    std::optional<size_t> margin;
    for (int line = file_.PositionOf(static_cast<uint32_t>(header)).line + 1;
         line <= file_.line_count() && file_.LineStart(line) < scalar.range.end; ++line) {
      const std::string_view content = file_.Line(line);
      const size_t first = content.find_first_not_of(' ');
      if (!margin && first != content.npos) margin = first;
      const bool inside = margin && content.size() > *margin;
      lines.emplace_back(inside ? content.substr(*margin) : "");
    }
    while (lines.size() > 1 && lines.back().empty()) lines.pop_back();
    return lines;
  }

  // ---- blocks --------------------------------------------------------------------------------

  void Block(const Node& node, size_t indent) {
    const int column = file_.PositionOf(node.range.begin).column;
    bool first = true;
    for (const Node::Entry& entry : node.entries) {
      if (dashes_.empty()) Leading(entry.key->range.begin, indent, first);
      last_end_ = entry.key->range.end;
      Value(Raw(*entry.key) + ":", *entry.value, indent);
      first = false;
    }
    for (const Node* item : node.items) {
      Leading(item->range.begin, indent, first);
      if (dashes_.empty()) dashes_ = std::string(indent, ' ');
      dashes_ += "- ";
      Value("", *item, indent + kIndent);
      first = false;
    }
    if (indent > 0) Closing(column, indent);
  }

  const SourceFile& file_;
  const Gaps gaps_;
  std::string text_;
  std::string dashes_;  // before the next line: the indentation and dash of an item
  size_t next_ = 0;     // comment
  uint32_t last_end_;   // of the latest part that was written
  const uint32_t end_;
};

// The part of a file that is YAML: all of it, or a template's front matter.
std::optional<SourceRange> YamlRange(const SourceFile& file) {
  const auto size = static_cast<uint32_t>(file.text().size());
  if (!HasSuffix(file.path(), ".liquid")) return SourceRange{0, size};
  if (file.Line(1) != "---") return std::nullopt;
  for (int line = 2; line <= file.line_count(); ++line) {
    if (file.Line(line) == "---") return SourceRange{file.LineStart(2), file.LineStart(line)};
  }
  return std::nullopt;
}

struct Parsed {
  std::unique_ptr<YamlDocument> document;
  SourceRange range;
};

Parsed Parse(const SourceFile& file, Reporter* reporter) {
  const std::optional<SourceRange> range = YamlRange(file);
  if (!range) {
    reporter->Error(Code::kBadFrontMatter, file, {0, 0}, "a template begins with a line ---",
                    "behind it template: NAME and subject: TEXT, then --- again, then the body");
    return {};
  }
  return {YamlDocument::Parse(file, *range, reporter), *range};
}

// Without the check of the result; nullopt with the reason where the form is not touched.
std::optional<std::string> Rewrite(const SourceFile& file, const Parsed& parsed,
                                   std::vector<std::string>* comments, std::string* why) {
  std::optional<Gaps> gaps = ReadGaps(file, parsed.range, parsed.document->root(), why);
  if (!gaps) return std::nullopt;
  for (const Comment& comment : gaps->comments) comments->push_back(comment.text);
  const std::string& text = file.text();
  return text.substr(0, parsed.range.begin) +
         Formatter(file, parsed.range, *std::move(gaps)).Format(parsed.document->root()) +
         text.substr(parsed.range.end);
}

// Whether the new text says the same, and stays as it is when it is formatted.
bool IsFaithful(const std::string& path, const std::string& text, const Parsed& before,
                std::vector<std::string> comments) {
  const SourceFile file(path, text);
  Reporter reporter;
  const Parsed after = Parse(file, &reporter);
  if (after.document == nullptr || reporter.error_count() > 0) return false;
  if (after.document->Canonical() != before.document->Canonical()) return false;
  std::vector<std::string> kept;
  std::string why;
  const std::optional<std::string> again = Rewrite(file, after, &kept, &why);
  std::sort(comments.begin(), comments.end());
  std::sort(kept.begin(), kept.end());
  return again == text && kept == comments;
}

}  // namespace

FormatResult FormatRules(const std::string& path, std::string_view bytes) {
  FormatResult result;
  result.text = std::string(bytes);
  if (PartialNameOf(path)) return result;
  const SourceFile file(path, bytes);
  Reporter reporter;
  const Parsed parsed = Parse(file, &reporter);
  if (parsed.document == nullptr || reporter.error_count() > 0) {
    result.diagnostics = reporter.Take();
    return result;
  }
  std::vector<std::string> comments;
  std::optional<std::string> text = Rewrite(file, parsed, &comments, &result.left_because);
  if (!text) return result;
  if (!IsFaithful(path, *text, parsed, comments)) {
    result.left_because = "its layout cannot be changed without changing what it says";
    return result;
  }
  result.text = *std::move(text);
  return result;
}

}  // namespace sojourn::language
