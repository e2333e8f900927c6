#include "engine/base/duration_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "engine/base/limits.h"

namespace sojourn {
namespace {

struct Unit {
  std::string_view singular;
  std::string_view plural;
  std::string_view letter;
  int64_t milliseconds;
};

constexpr std::array<Unit, 5> kUnits = {{
    {"week", "weeks", "w", 7 * 86400000LL},
    {"day", "days", "d", 86400000LL},
    {"hour", "hours", "h", 3600000LL},
    {"minute", "minutes", "m", 60000LL},
    {"second", "seconds", "s", 1000LL},
}};

// Index into kUnits, or -1.
int FindUnit(std::string_view word, bool short_form) {
  for (size_t i = 0; i < kUnits.size(); ++i) {
    if (short_form ? word == kUnits[i].letter
                   : word == kUnits[i].singular || word == kUnits[i].plural) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

class Parser {
 public:
  Parser(std::string_view text, DurationStyle style) : text_(text), style_(style) {}

  std::optional<Duration> Parse() {
    bool negative = false;
    if (style_ == DurationStyle::kLongOrShort && !text_.empty() && text_[0] == '-') {
      negative = true;
      ++position_;
    }
    do {
      if (!ParsePart()) return std::nullopt;
      if (position_ < text_.size() && text_[position_] != ' ') {
        WrongWord(position_, "expected a space");
        return std::nullopt;
      }
      SkipSpaces();
    } while (position_ < text_.size());
    if (total_ > kMaxDuration.milliseconds()) {
      Wrong(0, text_.size(), "longer than 10 years");
      return std::nullopt;
    }
    return Duration(negative ? -total_ : total_);
  }

  const DurationProblem& problem() const { return problem_; }

 private:
  void SkipSpaces() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }

  bool ParsePart() {
    const size_t number_begin = position_;
    const std::optional<int64_t> number = ParseNumber();
    if (!number) return false;
    const size_t number_end = position_;
    const bool spaced = position_ < text_.size() && text_[position_] == ' ';
    SkipSpaces();
    const size_t begin = position_;
    while (position_ < text_.size() && text_[position_] >= 'a' && text_[position_] <= 'z') {
      ++position_;
    }
    const std::string_view word = text_.substr(begin, position_ - begin);
    const bool short_form = style_ == DurationStyle::kLongOrShort && !spaced;
    const int unit = FindUnit(word, short_form);
    if (unit < 0) {
      return WrongWord(spaced && begin < text_.size() ? begin : number_begin,
                       "expected seconds, minutes, hours, days or weeks");
    }
    if (style_ == DurationStyle::kLong && !spaced) {
      return Wrong(number_begin, position_, "expected a space before the unit");
    }
    if (unit <= last_unit_) return Wrong(begin, position_, "units must fall, each at most once");
    if (*number == 0 && style_ == DurationStyle::kLong) {
      return Wrong(number_begin, number_end, "must be at least 1");
    }
    last_unit_ = unit;
    total_ += *number * kUnits[unit].milliseconds;
    return true;
  }

  std::optional<int64_t> ParseNumber() {
    const size_t begin = position_;
    int64_t number = 0;
    while (position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9') {
      if (position_ - begin >= 9) {
        WrongWord(begin, "the number is too large");
        return std::nullopt;
      }
      number = number * 10 + (text_[position_++] - '0');
    }
    if (position_ == begin) {
      WrongWord(begin, "expected a whole number such as 2 in \"2 days\"");
      return std::nullopt;
    }
    return number;
  }

  bool Wrong(size_t begin, size_t end, std::string why) {
    problem_ = {std::move(why), begin, end};
    return false;
  }

  // The word that starts at `begin`, up to the next space.
  bool WrongWord(size_t begin, std::string why) {
    return Wrong(begin, std::min(text_.find(' ', begin), text_.size()), std::move(why));
  }

  std::string_view text_;
  DurationStyle style_;
  size_t position_ = 0;
  int last_unit_ = -1;
  int64_t total_ = 0;
  DurationProblem problem_;
};

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text, DurationStyle style,
                                      DurationProblem* problem) {
  Parser parser(text, style);
  const std::optional<Duration> duration = parser.Parse();
  if (!duration && problem != nullptr) *problem = parser.problem();
  return duration;
}

std::string FormatDuration(Duration duration) {
  int64_t rest = duration.milliseconds();
  std::string text;
  if (rest < 0) {
    text = "-";
    rest = -rest;
  }
  const auto append = [&text](int64_t count, std::string_view unit) {
    if (!text.empty() && text != "-") text += ' ';
    text += fmt::format("{} {}", count, unit);
  };
  for (const Unit& unit : kUnits) {
    const int64_t count = rest / unit.milliseconds;
    if (count == 0) continue;
    append(count, count == 1 ? unit.singular : unit.plural);
    rest %= unit.milliseconds;
  }
  if (rest != 0) append(rest, rest == 1 ? "millisecond" : "milliseconds");
  return text.empty() || text == "-" ? "0 seconds" : text;
}

}  // namespace sojourn
