#include "engine/expr/issue.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sojourn::expr {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Edit distance without regard to case, a swap of neighbours counting one.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      rows[i][j] =
          std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

const std::vector<IssueKind>& IssueTable() {
  static const std::vector<IssueKind> table = {
      {code::kSyntax, "the expression cannot be read"},
      {code::kLimit, "the expression is too long or nested too deeply"},
      {code::kUnknownName, "unknown name"},
      {code::kNotHere, "a name that has no meaning at this place"},
      {code::kUnknownEvent, "unknown event"},
      {code::kUnknownProperty, "unknown property of an event"},
      {code::kUnknownTrait, "unknown trait of a person"},
      {code::kUnknownSegment, "unknown segment"},
      {code::kUnknownTopic, "unknown consent topic"},
      {code::kUnknownTest, "unknown A/B test"},
      {code::kUnknownFunction, "unknown function"},
      {code::kArguments, "wrong number of arguments"},
      {code::kType, "values of these types do not go together"},
      {code::kMixedNumbers, "arithmetic over numbers of different types"},
      {code::kLiteralNeeded, "a name in quotes is needed"},
      {code::kWindow, "a window must be a constant duration or ever"},
      {code::kNow, "now may only be compared here"},
      {code::kLocal, "wrong use of local()"},
      {code::kNeverEqual, "values that can never be equal"},
      {code::kPattern, "not a regular expression"},
      {code::kResult, "the expression has the wrong type for its place"},
      {code::kConstant, "a constant that always ends in an error"},
      {code::kMayBeAbsent, "a value that may be absent is compared without has()"},
  };
  return table;
}

void IssueList::Error(std::string_view code, Span span, std::string message, std::string hint) {
  ++errors_;
  issues_.push_back({Severity::kError, std::string(code), span.begin, span.end, std::move(message),
                     std::move(hint)});
}

void IssueList::Warning(std::string_view code, Span span, std::string message, std::string hint) {
  issues_.push_back({Severity::kWarning, std::string(code), span.begin, span.end,
                     std::move(message), std::move(hint)});
}

std::vector<Issue> IssueList::Sorted() const {
  std::vector<Issue> sorted = issues_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Issue& a, const Issue& b) { return a.begin < b.begin; });
  return sorted;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string* nearest = nullptr;
  size_t nearest_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < nearest_distance) {
      nearest = &candidate;
      nearest_distance = distance;
    }
  }
  return nearest == nullptr ? "" : fmt::format("did you mean \"{}\"?", *nearest);
}

}  // namespace sojourn::expr
