// What each code of `check` means, with an example that provokes it and what to write instead:
// `check --explain`, the page rules/DIAGNOSTICS.md and the help texts of SARIF are made from it.
//
// Pure and immutable. Every code of DiagnosticTable() has exactly one explanation.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/language/diagnostic.h"

namespace sojourn::language {

struct Explanation {
  std::string_view code;
  std::string_view means;  // one paragraph of plain text
  // The first line names the file, relative to the rules directory; then its lines, each behind one
  // character: ' ' stands in both, '-' only where the mistake is, '+' only in what to write
  // instead. A further file begins with a line "# " and its name. Where the first line is "sh",
  // what follows are commands run in the rules directory.
  std::string_view example;
};

// By group of codes; one file each.
std::span<const Explanation> FileExplanations();
std::span<const Explanation> ShapeExplanations();
std::span<const Explanation> NameExplanations();
std::span<const Explanation> MeaningExplanations();
std::span<const Explanation> WarningExplanations();
std::span<const Explanation> ExpressionExplanations();

// Each code is either always an error or always a warning.
Severity SeverityOf(std::string_view code);

// nullptr where there is no such code.
const Explanation* FindExplanation(std::string_view code);

// An example taken apart; text by file name, in the order in which the example names them. Commands
// stand under the name "sh".
using ExampleFiles = std::vector<std::pair<std::string, std::string>>;
ExampleFiles WrongFiles(const Explanation& explanation);
ExampleFiles RightFiles(const Explanation& explanation);

// The rules directory in which the examples stand: their files are put into it, or replace its own.
const std::map<std::string, std::string>& ExampleDirectory();

// One entry for a terminal: code, severity, title, the example, the meaning, what to write instead.
std::string ExplainText(const DiagnosticKind& kind);

// The page of all codes, in Markdown.
std::string DiagnosticsPage();

}  // namespace sojourn::language
