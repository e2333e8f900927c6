#include "engine/deliver/html_tokens.h"

#include <algorithm>
#include <array>

namespace sojourn::deliver {
namespace {

// Content of these is not text of the page; it ends at the end tag of the same name only.
constexpr std::array<std::string_view, 9> kHiddenElements = {
    "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsLetter(char c) { return Lower(c) >= 'a' && Lower(c) <= 'z'; }

std::string LowerText(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

bool StartsWithIgnoringCase(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) { return Lower(a) == Lower(b); });
}

}  // namespace

const HtmlAttribute* HtmlToken::Find(std::string_view attribute) const {
  for (const HtmlAttribute& one : attributes) {
    if (one.name == attribute) return &one;
  }
  return nullptr;
}

bool HtmlTokenizer::Next(HtmlToken* token) {
  if (position_ >= html_.size()) return false;
  *token = {};
  token->begin = position_;
  if (!hidden_in_.empty()) {
    ReadHidden(token);
    if (token->end > token->begin) return true;
    *token = {};
    token->begin = position_;
  }
  if (html_[position_] == '<') ReadMarkup(token);
  if (token->end > token->begin) return true;
  // Text, beginning with a '<' that begins nothing where there is one.
  token->kind = HtmlTokenKind::kText;
  EndAt(html_.find('<', position_ + 1), 0, token);
  token->open = false;
  return true;
}

// The token ends `size` bytes behind `position`, or with the text where that is npos.
void HtmlTokenizer::EndAt(size_t position, size_t size, HtmlToken* token) {
  token->open = position == std::string_view::npos;
  position_ = token->open ? html_.size() : std::min(html_.size(), position + size);
  token->end = position_;
}

void HtmlTokenizer::ReadMarkup(HtmlToken* token) {
  const std::string_view rest = html_.substr(position_);
  const char next = rest.size() > 1 ? rest[1] : ' ';
  const char after = rest.size() > 2 ? rest[2] : ' ';
  if (rest.starts_with("<!--")) {
    ReadComment(token);
  } else if (next == '!' || next == '?' || (next == '/' && !IsLetter(after) && rest.size() > 2)) {
    token->kind = HtmlTokenKind::kComment;
    EndAt(html_.find('>', position_), 1, token);
  } else if (IsLetter(next) || next == '/') {
    if (next == '/' && rest.size() <= 2) return;
    ReadTag(token);
  }
}

void HtmlTokenizer::ReadComment(HtmlToken* token) {
  token->kind = HtmlTokenKind::kComment;
  const std::string_view content = html_.substr(position_ + 4);
  if (content.starts_with(">")) return EndAt(position_ + 4, 1, token);
  if (content.starts_with("->")) return EndAt(position_ + 4, 2, token);
  size_t end = position_ + 2;
  while ((end = html_.find("--", end)) != std::string_view::npos) {
    const std::string_view close = html_.substr(end + 2);
    // "<!--" itself has two of the dashes; a comment needs two of its own.
    if (end >= position_ + 4 && close.starts_with(">")) return EndAt(end, 3, token);
    if (end >= position_ + 4 && close.starts_with("!>")) return EndAt(end, 4, token);
    ++end;
  }
  EndAt(std::string_view::npos, 0, token);
}

void HtmlTokenizer::SkipSpace() {
  while (position_ < html_.size() && IsSpace(html_[position_])) ++position_;
}

void HtmlTokenizer::ReadTag(HtmlToken* token) {
  const bool is_end = html_[position_ + 1] == '/';
  token->kind = is_end ? HtmlTokenKind::kEnd : HtmlTokenKind::kStart;
  const size_t name = position_ + (is_end ? 2 : 1);
  position_ = name;
  const auto in_name = [](char c) { return !IsSpace(c) && c != '/' && c != '>'; };
  while (position_ < html_.size() && in_name(html_[position_])) ++position_;
  token->name = LowerText(html_.substr(name, position_ - name));
  while (true) {
    while (position_ < html_.size() && (IsSpace(html_[position_]) || html_[position_] == '/')) {
      ++position_;
    }
    if (position_ >= html_.size()) return EndAt(std::string_view::npos, 0, token);
    if (html_[position_] == '>') break;
    ReadAttribute(token);
  }
  EndAt(position_, 1, token);
  if (is_end) return;
  const bool hidden = std::find(kHiddenElements.begin(), kHiddenElements.end(), token->name) !=
                      kHiddenElements.end();
  if (hidden) hidden_in_ = token->name;
}

void HtmlTokenizer::ReadAttribute(HtmlToken* token) {
  const auto in_name = [](char c) { return !IsSpace(c) && c != '/' && c != '>' && c != '='; };
  const size_t name = position_++;  // even '=' can begin a name
  while (position_ < html_.size() && in_name(html_[position_])) ++position_;
  HtmlAttribute attribute;
  attribute.name = LowerText(html_.substr(name, position_ - name));
  attribute.begin = attribute.end = position_;
  SkipSpace();
  if (position_ < html_.size() && html_[position_] == '=') {
    ++position_;
    SkipSpace();
    attribute.begin = position_;
    const char quote = position_ < html_.size() ? html_[position_] : '>';
    if (quote == '"' || quote == '\'') {
      const size_t close = std::min(html_.find(quote, position_ + 1), html_.size());
      attribute.value = html_.substr(position_ + 1, close - position_ - 1);
      position_ = std::min(close + 1, html_.size());
    } else {
      const auto in_value = [](char c) { return !IsSpace(c) && c != '>'; };
      while (position_ < html_.size() && in_value(html_[position_])) ++position_;
      attribute.value = html_.substr(attribute.begin, position_ - attribute.begin);
    }
    attribute.end = position_;
  }
  token->attributes.push_back(std::move(attribute));
}

void HtmlTokenizer::ReadHidden(HtmlToken* token) {
  token->kind = HtmlTokenKind::kHidden;
  const std::string end_tag = "</" + hidden_in_;
  size_t end = hidden_in_ == "plaintext" ? std::string_view::npos : position_;
  while (end != std::string_view::npos) {
    end = html_.find("</", end);
    if (end == std::string_view::npos) break;
    const std::string_view rest = html_.substr(end);
    const char after = rest.size() > end_tag.size() ? rest[end_tag.size()] : 'x';
    const bool ends = IsSpace(after) || after == '/' || after == '>';
    if (ends && StartsWithIgnoringCase(rest, end_tag)) break;
    end += 2;
  }
  hidden_in_.clear();
  EndAt(end, 0, token);
}

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace sojourn::deliver
