#include "engine/language/liquid.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "engine/language/suggest.h"

namespace sojourn::language {
namespace {

constexpr std::string_view kWords[] = {"and",  "or",    "contains", "true",     "false", "nil",
                                       "null", "empty", "blank",    "reversed", "in",    "with"};
// Tags that open a block, each closed by "end" and its name.
constexpr std::string_view kBlocks[] = {"if",       "unless",  "case",    "for",
                                        "tablerow", "capture", "comment", "raw"};
constexpr std::string_view kOther[] = {"elsif", "else",  "when",     "assign",    "echo",
                                       "break", "cycle", "continue", "increment", "decrement"};

bool IsOneOf(std::string_view word, const std::string_view* begin, const std::string_view* end) {
  return std::find(begin, end, word) != end;
}

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9') || c == '-'; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  LiquidScan Run() {
    while (at_ < text_.size()) {
      const size_t open = NextOpening(at_);
      if (open == std::string_view::npos) break;
      const bool tag = text_[open + 1] == '%';
      const size_t close = FindClose(open + 2, tag ? "%}" : "}}");
      if (close == std::string_view::npos) {
        Issue(open, open + 2, fmt::format("{} is never closed", text_.substr(open, 2)),
              fmt::format("write {} behind it", tag ? "%}" : "}}"));
        return std::move(scan_);
      }
      at_ = close + 2;
      const auto [begin, end] = Inside(open + 2, close);
      if (tag) {
        Tag(open, begin, end);
      } else {
        Expression(begin, end);
      }
    }
    for (const auto& [name, position] : open_) {
      Issue(position, position + 2, fmt::format("{{% {} %}} is never closed", name),
            fmt::format("write {{% end{} %}}", name));
    }
    return std::move(scan_);
  }

 private:
  size_t NextOpening(size_t from) const {
    for (size_t i = from; i + 1 < text_.size(); ++i) {
      if (text_[i] == '{' && (text_[i + 1] == '{' || text_[i + 1] == '%')) return i;
    }
    return std::string_view::npos;
  }

  // Quotes inside may hold the closing characters.
  size_t FindClose(size_t from, std::string_view close) const {
    char quote = '\0';
    for (size_t i = from; i < text_.size(); ++i) {
      const char c = text_[i];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (text_.substr(i, 2) == close) {
        return i;
      }
    }
    return text_.find(close, from);  // an apostrophe was no quote
  }

  // Without the hyphens of whitespace control.
  std::pair<size_t, size_t> Inside(size_t begin, size_t end) const {
    if (begin < end && text_[begin] == '-') ++begin;
    if (end > begin && text_[end - 1] == '-') --end;
    return {begin, end};
  }

  void Tag(size_t open, size_t begin, size_t end) {
    begin = SkipBlanks(begin, end);
    size_t name_end = begin;
    while (name_end < end && IsNamePart(text_[name_end])) ++name_end;
    const std::string_view name = text_.substr(begin, name_end - begin);
    if (IsOneOf(name, std::begin(kBlocks), std::end(kBlocks))) {
      open_.emplace_back(std::string(name), open);
    } else if (name.substr(0, 3) == "end") {
      return CloseBlock(name, begin);
    } else if (!IsOneOf(name, std::begin(kOther), std::end(kOther))) {
      return UnknownTag(name, begin, name_end);
    }
    if (name == "raw" || name == "comment") return SkipBlock(name);
    if (name == "assign" || name == "capture" || name == "for" || name == "tablerow" ||
        name == "increment" || name == "decrement") {
      name_end = Local(name_end, end);
    }
    if (name == "for" || name == "tablerow") {
      locals_.insert("forloop");
      locals_.insert("tablerowloop");
    }
    Expression(name_end, end);
  }

  void UnknownTag(std::string_view name, size_t begin, size_t end) {
    std::vector<std::string> known;
    for (const std::string_view tag : kBlocks) known.emplace_back(tag);
    for (const std::string_view tag : kOther) known.emplace_back(tag);
    Issue(begin, std::max(end, begin + 1), fmt::format("unknown tag \"{}\"", name),
          DidYouMean(name, known));
  }

  void CloseBlock(std::string_view name, size_t begin) {
    const std::string_view block = name.substr(3);
    if (!open_.empty() && open_.back().first == block) {
      open_.pop_back();
      return;
    }
    Issue(begin, begin + name.size(),
          open_.empty() ? fmt::format("{{% {} %}} closes nothing", name)
                        : fmt::format("{{% {} %}} stands where {{% end{} %}} is expected", name,
                                      open_.back().first));
    // What it was meant to close counts as closed.
    for (size_t i = open_.size(); i-- > 0;) {
      if (open_[i].first != block) continue;
      open_.resize(i);
      return;
    }
  }

  // Goes on at the closing tag of a block whose inside is not Liquid.
  void SkipBlock(std::string_view name) {
    const std::string closing = fmt::format("end{}", name);
    size_t found = at_;
    while ((found = text_.find("{%", found)) != std::string_view::npos) {
      size_t word = found + 2;
      if (word < text_.size() && text_[word] == '-') ++word;
      word = SkipBlanks(word, text_.size());
      if (text_.substr(word, closing.size()) == closing) {
        at_ = found;
        return;
      }
      found += 2;
    }
    at_ = text_.size();
  }

  size_t Local(size_t at, size_t end) {
    at = SkipBlanks(at, end);
    const size_t begin = at;
    while (at < end && IsNamePart(text_[at])) ++at;
    locals_.insert(std::string(text_.substr(begin, at - begin)));
    return at;
  }

  void Expression(size_t at, size_t end) {
    bool filter = false;
    while (at < end) {
      const char c = text_[at];
      if (c == '"' || c == '\'') {
        const size_t close = text_.find(c, at + 1);
        if (close == std::string_view::npos || close >= end) {
          Issue(at, at + 1, "this quote is never closed");
          return;
        }
        at = close + 1;
      } else if (IsNameStart(c)) {
        at = Name(at, end, filter);
        filter = false;
      } else if (c >= '0' && c <= '9') {
        while (at < end && (IsNamePart(text_[at]) || text_[at] == '.')) ++at;
      } else {
        if (c == '|') filter = true;
        ++at;
      }
    }
  }

  // A dotted path, a filter's name, a named argument, or a word of the language.
  size_t Name(size_t at, size_t end, bool filter) {
    const size_t begin = at;
    while (at < end && IsNamePart(text_[at])) ++at;
    const std::string_view root = text_.substr(begin, at - begin);
    const size_t behind = SkipBlanks(at, end);
    const bool argument = behind < end && text_[behind] == ':';
    if (filter || argument || IsOneOf(root, std::begin(kWords), std::end(kWords))) return at;
    std::string path(root);
    bool exact = true;  // false: behind a computed index
    while (at < end && (text_[at] == '.' || text_[at] == '[')) {
      if (text_[at] == '.') {
        const size_t part = at + 1;
        size_t part_end = part;
        while (part_end < end && IsNamePart(text_[part_end])) ++part_end;
        if (part_end == part) break;
        if (exact) path += fmt::format(".{}", text_.substr(part, part_end - part));
        at = part_end;
      } else {
        at = Index(at, end, &path, &exact);
      }
    }
    if (locals_.count(std::string(root)) == 0) {
      scan_.reads.push_back(
          {std::move(path), static_cast<uint32_t>(begin), static_cast<uint32_t>(at)});
    }
    return at;
  }

  size_t Index(size_t at, size_t end, std::string* path, bool* exact) {
    size_t close = at + 1;
    char quote = '\0';
    while (close < end && (quote != '\0' || text_[close] != ']')) {
      const char c = text_[close];
      if (quote != '\0' ? c == quote : (c == '"' || c == '\'')) quote = quote != '\0' ? '\0' : c;
      ++close;
    }
    if (close >= end) {
      Issue(at, at + 1, "this bracket is never closed");
      return end;
    }
    const std::string_view inside = text_.substr(at + 1, close - at - 1);
    const bool literal = inside.size() >= 2 && (inside.front() == '"' || inside.front() == '\'') &&
                         inside.back() == inside.front();
    if (literal && *exact) {
      *path += fmt::format(".{}", inside.substr(1, inside.size() - 2));
    } else if (!literal) {
      *exact = false;
      Expression(at + 1, close);
    }
    return close + 1;
  }

  size_t SkipBlanks(size_t at, size_t end) const {
    while (at < end && IsBlank(text_[at])) ++at;
    return at;
  }

  void Issue(size_t begin, size_t end, std::string message, std::string hint = "") {
    scan_.issues.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                            std::move(message), std::move(hint)});
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::vector<std::pair<std::string, size_t>> open_;  // blocks, with their positions
  std::set<std::string> locals_;
  LiquidScan scan_;
};

}  // namespace

LiquidScan ScanLiquid(std::string_view text) { return Scanner(text).Run(); }

}  // namespace sojourn::language
