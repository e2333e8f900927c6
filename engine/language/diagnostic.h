// A marketer's mistake, as data: what is wrong, where exactly, and what to write instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sojourn::language {

enum class Severity : uint8_t { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;    // "J012"; a row of DiagnosticTable()
  std::string file;    // relative to the rules directory
  int line = 0;        // from 1
  int column = 0;      // from 1, in code points
  int end_column = 0;  // exclusive, on the same line; at least column + 1
  std::string message;
  std::string hint;         // empty: none
  std::string source_line;  // for the caret; empty where there is none
};

struct DiagnosticKind {
  std::string_view code;
  std::string_view title;
};
// Every code that check can give (those of expressions included), sorted: the page of diagnostics
// is made from it.
const std::vector<DiagnosticKind>& DiagnosticTable();

// By file, line, column, code.
void SortDiagnostics(std::vector<Diagnostic>* diagnostics);

enum class DiagnosticFormat : uint8_t { kText, kJson, kSarif, kGithub };

// kText: `file:line:col: error[J012]: message`, the source line, a caret line, `hint: ...`.
std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics, DiagnosticFormat format);

}  // namespace sojourn::language
