#include "engine/expr/issue.h"

#include <algorithm>
#include <utility>

namespace sojourn::expr {
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

}  // namespace sojourn::expr
