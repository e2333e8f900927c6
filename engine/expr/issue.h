// Mistakes found in an expression's text, collected by the stages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/expr.h"

namespace sojourn::expr {

// Bytes [begin, end) of the text.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

// The codes of IssueTable(), by meaning.
namespace code {
inline constexpr std::string_view kSyntax = "E001";
inline constexpr std::string_view kLimit = "E002";
inline constexpr std::string_view kUnknownName = "E003";
inline constexpr std::string_view kNotHere = "E004";
inline constexpr std::string_view kUnknownEvent = "E005";
inline constexpr std::string_view kUnknownProperty = "E006";
inline constexpr std::string_view kUnknownTrait = "E007";
inline constexpr std::string_view kUnknownSegment = "E008";
inline constexpr std::string_view kUnknownTopic = "E009";
inline constexpr std::string_view kUnknownTest = "E010";
inline constexpr std::string_view kUnknownFunction = "E011";
inline constexpr std::string_view kArguments = "E012";
inline constexpr std::string_view kType = "E013";
inline constexpr std::string_view kMixedNumbers = "E014";
inline constexpr std::string_view kLiteralNeeded = "E015";
inline constexpr std::string_view kWindow = "E016";
inline constexpr std::string_view kNow = "E017";
inline constexpr std::string_view kLocal = "E018";
inline constexpr std::string_view kNeverEqual = "E019";
inline constexpr std::string_view kPattern = "E020";
inline constexpr std::string_view kResult = "E021";
inline constexpr std::string_view kConstant = "E022";
inline constexpr std::string_view kMayBeAbsent = "E030";
}  // namespace code

// Collects issues in the order found; Sorted() gives them by position.
class IssueList {
 public:
  void Error(std::string_view code, Span span, std::string message, std::string hint = "");
  void Warning(std::string_view code, Span span, std::string message, std::string hint = "");
  bool has_error() const { return errors_ > 0; }
  int errors() const { return errors_; }
  std::vector<Issue> Sorted() const;

 private:
  std::vector<Issue> issues_;
  int errors_ = 0;
};

}  // namespace sojourn::expr
