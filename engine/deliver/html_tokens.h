// HTML as a row of tokens that know where they stand, so that a mail can be changed at a few places
// and stays as it was written everywhere else.
//
// The tokens are those of the HTML standard's tokenizer, without its tree: building a tree takes
// quadratic time and more for hostile input, and mail programs disagree about it anyway. Every
// input gives tokens that cover it from its first to its last byte, in linear time.
//
// Threads: pure; one owner a tokenizer. Tokens are views of the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sojourn::deliver {

enum class HtmlTokenKind : uint8_t {
  kText,     // with character references
  kHidden,   // content of script, style, title and the like
  kStart,    // <p class=a>
  kEnd,      // </p>
  kComment,  // also doctypes and conditional comments of mail programs
};

struct HtmlAttribute {
  std::string name;        // in lower case
  std::string_view value;  // as written, without quotes
  size_t begin = 0;        // of the value with its quotes ...
  size_t end = 0;          // ... in the text; begin == end: there is none
};

struct HtmlToken {
  HtmlTokenKind kind = HtmlTokenKind::kText;
  size_t begin = 0;
  size_t end = 0;
  std::string name;                       // of a tag, in lower case
  std::vector<HtmlAttribute> attributes;  // kStart
  bool open = false;                      // a comment, tag or hidden content that the text ends in

  // The first of that name; nullptr where there is none.
  const HtmlAttribute* Find(std::string_view attribute) const;
};

class HtmlTokenizer {
 public:
  // `html` outlives the tokenizer and its tokens.
  explicit HtmlTokenizer(std::string_view html) : html_(html) {}

  // False at the end.
  bool Next(HtmlToken* token);

 private:
  void ReadMarkup(HtmlToken* token);
  void ReadComment(HtmlToken* token);
  void ReadTag(HtmlToken* token);
  void ReadAttribute(HtmlToken* token);
  void ReadHidden(HtmlToken* token);
  void EndAt(size_t position, size_t size, HtmlToken* token);
  void SkipSpace();

  const std::string_view html_;
  size_t position_ = 0;
  std::string hidden_in_;  // the element whose content comes next, where it is hidden
};

// The text with its character references decoded: numeric ones, those of HTML 4 and &apos;. In an
// attribute "&copy=1" is a part of an address and stays.
std::string DecodeHtml(std::string_view text, bool in_attribute);

// For content and double-quoted attributes.
std::string EscapeHtml(std::string_view text);

}  // namespace sojourn::deliver
