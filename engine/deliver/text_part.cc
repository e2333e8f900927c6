// TextFromHtml: one pass over the tokens; nothing of the page is kept but what is open right now.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/utf8.h"
#include "engine/deliver/body.h"
#include "engine/deliver/html_tokens.h"

namespace sojourn::deliver {
namespace {

constexpr size_t kColumns = 76;
constexpr size_t kMaxIndentedLists = 8;  // deeper ones are not indented any further
constexpr size_t kMaxQuotes = 4;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == '\v';
}

// Characters that only pad a preview or mark a possible break, and controls.
bool IsInvisible(uint32_t c) {
  return c < 0x20 || c == 0x7f || c == 0xad || c == 0x34f || c == 0x200b || c == 0xfeff;
}

// Chinese, Japanese and Korean letters are two columns wide.
size_t WidthOf(uint32_t c) {
  const bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) ||
                    (c >= 0xac00 && c < 0xd7a4) || (c >= 0xf900 && c < 0xfb00) ||
                    (c >= 0xff00 && c < 0xff61) || (c >= 0x1f300 && c < 0x20000) ||
                    (c >= 0x20000 && c < 0x30000);
  return wide ? 2 : 1;
}

size_t WidthOf(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) width += WidthOf(NextCodePoint(text, &i));
  return width;
}

// Puts words into lines and lines under each other.
class LineWriter {
 public:
  void Word(std::string_view word) {
    const size_t width = WidthOf(word);
    if (width == 0) return;
    if (!line_.empty() && space_ && width_ + 1 + width > Room()) {
      EndLine();
    } else if (!line_.empty() && space_) {
      line_ += ' ';
      ++width_;
    }
    space_ = false;
    line_ += word;
    width_ += width;
  }
  // As it is, without a wrap.
  void Raw(std::string_view text) {
    line_ += text;
    width_ += WidthOf(text);
  }
  void Space() { space_ = true; }
  // A line of its own, however long.
  void Line(std::string_view line) {
    Break(1);
    line_ = line;
    width_ = WidthOf(line);
    EndLine();
  }
  // At least that many line ends before the next word; none before the first.
  void Break(size_t count) {
    if (!line_.empty()) EndLine();
    pending_ = std::max(pending_, count - 1);
    space_ = false;
  }
  // <br>: one more empty line where the line is empty already.
  void NewLine() {
    if (line_.empty()) {
      pending_ = std::max<size_t>(pending_, 1);
    } else {
      EndLine();
    }
    space_ = false;
  }
  void SetPrefix(std::string prefix) { prefix_ = std::move(prefix); }
  // In place of the last `width` columns of the prefix, on the next line only.
  void SetMarker(std::string marker, size_t width) {
    marker_ = std::move(marker);
    marker_width_ = width;
  }

  bool line_is_empty() const { return line_.empty(); }
  // The widest line since the last call.
  size_t TakeWidest() { return std::exchange(widest_, 0); }
  std::string Take() {
    Break(1);
    return std::move(text_);
  }

 private:
  size_t Room() const { return kColumns - std::min(kColumns / 2, prefix_.size()); }

  void EndLine() {
    if (!text_.empty()) text_.append(pending_, '\n');
    pending_ = 0;
    std::string prefix = prefix_;
    if (!marker_.empty()) prefix.resize(prefix.size() - std::min(prefix.size(), marker_width_));
    prefix += std::exchange(marker_, {});
    text_ += prefix + line_ + '\n';
    widest_ = std::max(widest_, width_);
    line_.clear();
    width_ = 0;
    space_ = false;
  }

  std::string text_;
  std::string line_;
  size_t width_ = 0;
  size_t widest_ = 0;
  size_t pending_ = 0;  // empty lines before the next one
  bool space_ = false;  // between the last word and the next
  std::string prefix_;
  std::string marker_;
  size_t marker_width_ = 0;
};

enum class Layout : uint8_t { kInline, kLine, kParagraph };

Layout LayoutOf(std::string_view element) {
  static constexpr std::string_view kParagraphs[] = {
      "blockquote", "dl", "form", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "ul"};
  static constexpr std::string_view kLines[] = {
      "address", "article", "aside",  "body",   "caption", "center", "dd",   "details",   "div",
      "dt",      "figure",  "footer", "header", "html",    "li",     "main", "nav",       "option",
      "section", "summary", "table",  "tbody",  "tfoot",   "thead",  "tr",   "figcaption"};
  const auto is_element = [&](std::string_view one) { return one == element; };
  if (std::any_of(std::begin(kParagraphs), std::end(kParagraphs), is_element)) {
    return Layout::kParagraph;
  }
  const bool line = std::any_of(std::begin(kLines), std::end(kLines), is_element);
  return line ? Layout::kLine : Layout::kInline;
}

bool IsNeverShown(const HtmlToken& token) {
  if (token.name != "div" && token.name != "span") return false;
  if (token.Find("hidden") != nullptr) return true;
  const HtmlAttribute* style = token.Find("style");
  if (style == nullptr) return false;
  std::string text;
  for (const char c : style->value) {
    if (!IsSpace(c)) text += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return text.find("display:none") != std::string::npos;
}

std::string ValidUtf8(std::string_view text) {
  std::string valid;
  while (const std::optional<size_t> bad = FirstInvalidUtf8(text)) {
    valid += text.substr(0, *bad);
    valid += "\ufffd";
    text.remove_prefix(*bad + 1);
  }
  return valid += text;
}

class TextWriter {
 public:
  explicit TextWriter(std::string html) : html_(std::move(html)) {}

  std::string Write() {
    HtmlTokenizer tokenizer(html_);
    HtmlToken token;
    while (tokenizer.Next(&token)) {
      if (token.open && token.kind != HtmlTokenKind::kText) break;  // browsers show none of it
      if (IsSkipped(token)) continue;
      if (token.kind == HtmlTokenKind::kText) {
        const std::string_view text = html_;
        Text(DecodeHtml(text.substr(token.begin, token.end - token.begin), false));
      }
      if (token.kind == HtmlTokenKind::kStart) Start(token);
      if (token.kind == HtmlTokenKind::kEnd) End(token.name);
    }
    EndLink();
    return lines_.Take();
  }

 private:
  struct List {
    bool ordered = false;
    size_t number = 0;
  };

  // Inside an element that is never shown: counts elements of its name until it ends.
  bool IsSkipped(const HtmlToken& token) {
    if (skipped_depth_ == 0) {
      if (token.kind != HtmlTokenKind::kStart || !IsNeverShown(token)) return false;
      skipped_ = token.name;
      skipped_depth_ = 1;
    } else if (token.name == skipped_) {
      if (token.kind == HtmlTokenKind::kStart) ++skipped_depth_;
      if (token.kind == HtmlTokenKind::kEnd) --skipped_depth_;
    }
    return true;
  }

  void Text(const std::string& decoded) {
    if (preformatted_ > 0) return Preformatted(decoded);
    std::string word;
    for (size_t i = 0; i < decoded.size();) {
      const size_t begin = i;
      const uint32_t c = NextCodePoint(decoded, &i);
      if (c < 0x80 ? IsSpace(static_cast<char>(c)) : c == 0xa0) {
        EndWord(&word);
        lines_.Space();
      } else if (!IsInvisible(c)) {
        word.append(decoded, begin, i - begin);
      }
    }
    EndWord(&word);
  }

  void EndWord(std::string* word) {
    if (word->empty()) return;
    if (cell_pending_ && !lines_.line_is_empty()) {
      lines_.Space();
      lines_.Word("|");
      lines_.Space();
    }
    cell_pending_ = false;
    if (in_link_) link_text_ += *word;
    lines_.Word(*word);
    word->clear();
  }

  void Preformatted(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string line;
      for (const char c : text.substr(0, end)) {
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') line += c;
      }
      if (in_link_) link_text_ += line;
      lines_.Raw(line);
      if (end < text.size()) lines_.NewLine();
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void Start(const HtmlToken& token) {
    const std::string& name = token.name;
    BreakFor(name, /*outer_lists=*/lists_.size());
    if (name == "br") lines_.NewLine();
    if (name == "hr") {
      lines_.Line("----------");
      lines_.Break(2);
    }
    if (name == "pre") ++preformatted_;
    if (name == "td" || name == "th") cell_pending_ = true;
    if (name == "tr") cell_pending_ = false;
    if (name == "a") StartLink(token);
    if (name == "img") Image(token);
    if (name == "ul" || name == "ol") lists_.push_back({name == "ol", 0});
    if (name == "blockquote") ++quotes_;
    if (name == "h1" || name == "h2") lines_.TakeWidest();
    SetPrefix();
    if (name == "li") StartItem();
  }

  void End(const std::string& name) {
    if (name == "a") return EndLink();
    if (name == "h1" || name == "h2") Underline(name == "h1" ? '=' : '-');
    BreakFor(name, /*outer_lists=*/lists_.empty() ? 0 : lists_.size() - 1);
    if (name == "pre" && preformatted_ > 0) --preformatted_;
    if ((name == "ul" || name == "ol") && !lists_.empty()) lists_.pop_back();
    if (name == "ul" || name == "ol" || name == "li") lines_.SetMarker("", 0);
    if (name == "blockquote" && quotes_ > 0) --quotes_;
    SetPrefix();
  }

  void Underline(char c) {
    lines_.Break(1);
    const size_t width = std::min(lines_.TakeWidest(), kColumns);
    if (width > 0) lines_.Line(std::string(width, c));
  }

  void BreakFor(const std::string& name, size_t outer_lists) {
    const Layout layout = LayoutOf(name);
    if (layout == Layout::kInline) return;
    // A list inside a list's item needs no empty line.
    const bool inner_list = (name == "ul" || name == "ol") && outer_lists > 0;
    lines_.Break(layout == Layout::kParagraph && !inner_list ? 2 : 1);
  }

  void SetPrefix() {
    std::string prefix;
    for (size_t i = 0; i < std::min(quotes_, kMaxQuotes); ++i) prefix += "> ";
    const size_t depth = std::min(lists_.size(), kMaxIndentedLists);
    for (size_t i = 0; i < depth; ++i) prefix += lists_[i].ordered ? "   " : "  ";
    lines_.SetPrefix(std::move(prefix));
  }

  void StartItem() {
    if (lists_.empty()) return;
    List& list = lists_.back();
    ++list.number;
    if (list.ordered) {
      lines_.SetMarker(std::to_string(list.number) + ". ", 3);
    } else {
      lines_.SetMarker("- ", 2);
    }
  }

  void StartLink(const HtmlToken& token) {
    EndLink();
    in_link_ = true;
    const HtmlAttribute* href = token.Find("href");
    link_ = href == nullptr ? "" : DecodeHtml(href->value, true);
    std::erase_if(link_, [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
  }

  void EndLink() {
    if (!in_link_) return;
    in_link_ = false;
    const bool mail = link_.starts_with("mailto:");
    const std::string address = mail ? link_.substr(7) : link_;
    const bool shown = !address.empty() && (mail || IsAbsolute(address)) && address != link_text_;
    if (shown && !link_text_.empty()) lines_.Space();
    if (shown) lines_.Word(link_text_.empty() ? address : "(" + address + ")");
    link_text_.clear();
  }

  static bool IsAbsolute(const std::string& address) {
    const size_t colon = address.find(':');
    const std::string scheme = address.substr(0, std::min<size_t>(colon, 11));
    return colon != std::string::npos && scheme != "javascript" && scheme != "data";
  }

  void Image(const HtmlToken& token) {
    const HtmlAttribute* alternative = token.Find("alt");
    if (alternative != nullptr) Text(DecodeHtml(alternative->value, true));
  }

  const std::string html_;
  LineWriter lines_;
  std::string skipped_;
  size_t skipped_depth_ = 0;
  size_t preformatted_ = 0;
  size_t quotes_ = 0;
  std::vector<List> lists_;
  bool cell_pending_ = false;
  bool in_link_ = false;
  std::string link_;
  std::string link_text_;
};

}  // namespace

std::string TextFromHtml(std::string_view html) { return TextWriter(ValidUtf8(html)).Write(); }

}  // namespace sojourn::deliver
