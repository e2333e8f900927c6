// From bytes of a scalar's text back to bytes of the file: the text and its source are walked side
// by side. What YAML drops (indentation, folds, quotes' escapes) is skipped in the source.
#include <optional>

#include "engine/base/utf8.h"
#include "engine/language/yaml.h"

namespace sojourn::language {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

class Aligner {
 public:
  Aligner(const Node& scalar)
      : text_(scalar.text),
        source_(scalar.file->text()),
        style_(scalar.style),
        source_at_(scalar.content.begin),
        source_end_(scalar.content.end) {}

  // Moves on to the text's byte `target` (not before the last one asked for); the source bytes that
  // stand for it, or nullopt where the two do not fit together.
  std::optional<SourceRange> At(uint32_t target) {
    while (text_at_ <= target) {
      if (!Next()) return std::nullopt;
    }
    return last_;
  }

 private:
  // Takes one piece: a character, an escape, or a blank.
  bool Next() {
    if (text_at_ >= text_.size()) return false;
    if (style_ == ScalarStyle::kDoubleQuoted) SkipLineContinuations();
    const char wanted = text_[text_at_];
    if (style_ == ScalarStyle::kDoubleQuoted && Source() == '\\') return TakeEscape();
    if (IsBlank(wanted)) {
      // A fold: the blank stands for a line break and what surrounds it.
      if (!IsBlank(Source())) return false;
      return Take(1, 1);
    }
    while (IsBlank(Source())) ++source_at_;
    if (style_ == ScalarStyle::kDoubleQuoted) SkipLineContinuations();
    if (style_ == ScalarStyle::kDoubleQuoted && Source() == '\\') return TakeEscape();
    if (Source() != wanted) return false;
    const bool doubled = style_ == ScalarStyle::kSingleQuoted && wanted == '\'';
    return Take(doubled ? 2 : 1, 1);
  }

  void SkipLineContinuations() {
    while (Source() == '\\' && source_at_ + 1 < source_end_ && source_[source_at_ + 1] == '\n') {
      source_at_ += 2;
      while (Source() == ' ' || Source() == '\t' || Source() == '\n') ++source_at_;
    }
  }

  bool TakeEscape() {
    const char kind = source_at_ + 1 < source_end_ ? source_[source_at_ + 1] : '\0';
    const uint32_t length = kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
    size_t behind = text_at_;
    NextCodePoint(text_, &behind);
    return Take(length, static_cast<uint32_t>(behind) - text_at_);
  }

  bool Take(uint32_t source_bytes, uint32_t text_bytes) {
    if (source_at_ + source_bytes > source_end_) return false;
    last_ = {source_at_, source_at_ + source_bytes};
    source_at_ += source_bytes;
    text_at_ += text_bytes;
    return true;
  }

  char Source() const { return source_at_ < source_end_ ? source_[source_at_] : '\0'; }

  const std::string_view text_;
  const std::string_view source_;
  const ScalarStyle style_;
  uint32_t text_at_ = 0;
  uint32_t source_at_;
  const uint32_t source_end_;
  SourceRange last_;
};

}  // namespace

SourceRange Node::RangeOf(uint32_t begin, uint32_t end) const {
  if (!is_scalar() || text.empty()) return range;
  if (begin >= text.size()) {  // at the end of the text: behind its last character
    const uint32_t last = static_cast<uint32_t>(text.find_last_not_of(" \n\t"));
    if (last == UINT32_MAX) return range;
    Aligner aligner(*this);
    const auto at = aligner.At(last);
    return at ? SourceRange{at->end, at->end} : range;
  }
  Aligner aligner(*this);
  const auto first = aligner.At(begin);
  if (!first) return range;
  if (end <= begin + 1) return *first;
  const auto last = aligner.At(std::min(end, static_cast<uint32_t>(text.size())) - 1);
  return last ? SourceRange{first->begin, last->end} : range;
}

}  // namespace sojourn::language
