#include "engine/language/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "engine/base/json_text.h"
#include "engine/base/utf8.h"
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

using Json = nlohmann::ordered_json;

const char* SeverityName(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

// Under code points [column, end) of the line; tabs before it stay tabs, so that it aligns.
std::string CaretLine(const Diagnostic& diagnostic) {
  std::string caret;
  size_t position = 0;
  for (int column = 1; column < diagnostic.column; ++column) {
    const bool inside = position < diagnostic.source_line.size();
    const uint32_t point = inside ? NextCodePoint(diagnostic.source_line, &position) : ' ';
    caret += point == '\t' ? '\t' : ' ';
  }
  caret.append(static_cast<size_t>(std::max(1, diagnostic.end_column - diagnostic.column)), '^');
  return caret;
}

std::string Text(const Diagnostic& diagnostic) {
  std::string text =
      fmt::format("{}:{}:{}: {}[{}]: {}\n", diagnostic.file, diagnostic.line, diagnostic.column,
                  SeverityName(diagnostic.severity), diagnostic.code, diagnostic.message);
  if (!diagnostic.source_line.empty()) {
    text += fmt::format("  {}\n  {}\n", diagnostic.source_line, CaretLine(diagnostic));
  }
  if (!diagnostic.hint.empty()) text += fmt::format("  hint: {}\n", diagnostic.hint);
  return text;
}

// Bytes that are not UTF-8 (a file may hold any) become U+FFFD.
std::string Dump(const Json& json) { return DumpJson(json, 2) + "\n"; }

std::string JsonText(const std::vector<Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& one : diagnostics) {
    Json item = {{"severity", SeverityName(one.severity)},
                 {"code", one.code},
                 {"file", one.file},
                 {"line", one.line},
                 {"column", one.column},
                 {"end_column", one.end_column},
                 {"message", one.message}};
    if (!one.hint.empty()) item["hint"] = one.hint;
    list.push_back(std::move(item));
  }
  return Dump(list);
}

Json SarifRule(const DiagnosticKind& kind) {
  return {{"id", kind.code},
          {"shortDescription", {{"text", kind.title}}},
          {"fullDescription", {{"text", FindExplanation(kind.code)->means}}},
          {"help", {{"text", ExplainText(kind)}}},
          {"defaultConfiguration", {{"level", SeverityName(SeverityOf(kind.code))}}}};
}

Json SarifResult(const Diagnostic& one) {
  const std::string message = one.hint.empty() ? one.message : one.message + "; " + one.hint;
  const Json region = {{"startLine", one.line},
                       {"startColumn", one.column},
                       {"endLine", one.line},
                       {"endColumn", one.end_column}};
  const Json place = {{"artifactLocation", {{"uri", one.file}}}, {"region", region}};
  return {{"ruleId", one.code},
          {"level", SeverityName(one.severity)},
          {"message", {{"text", message}}},
          {"locations", Json::array({{{"physicalLocation", place}}})}};
}

std::string SarifText(const std::vector<Diagnostic>& diagnostics) {
  Json rules = Json::array();
  for (const DiagnosticKind& kind : DiagnosticTable()) {
    rules.push_back(SarifRule(kind));
  }
  Json results = Json::array();
  for (const Diagnostic& one : diagnostics) results.push_back(SarifResult(one));
  const Json driver = {{"name", "sojourn"}, {"rules", rules}};
  const Json run = {
      {"tool", {{"driver", driver}}}, {"columnKind", "unicodeCodePoints"}, {"results", results}};
  return Dump({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
               {"version", "2.1.0"},
               {"runs", Json::array({run})}});
}

// GitHub's workflow commands want these characters escaped.
std::string GithubEscape(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    const bool escape = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    if (escape) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string GithubText(const Diagnostic& one) {
  const std::string message = one.hint.empty() ? one.message : one.message + "; " + one.hint;
  return fmt::format("::{} file={},line={},col={},endColumn={},title={}::{}\n",
                     SeverityName(one.severity), GithubEscape(one.file, true), one.line, one.column,
                     one.end_column, one.code, GithubEscape(message, false));
}

}  // namespace

void SortDiagnostics(std::vector<Diagnostic>* diagnostics) {
  std::stable_sort(diagnostics->begin(), diagnostics->end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::tie(a.file, a.line, a.column, a.code) <
                            std::tie(b.file, b.line, b.column, b.code);
                   });
}

std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics, DiagnosticFormat format) {
  if (format == DiagnosticFormat::kJson) return JsonText(diagnostics);
  if (format == DiagnosticFormat::kSarif) return SarifText(diagnostics);
  std::string text;
  for (const Diagnostic& one : diagnostics) {
    text += format == DiagnosticFormat::kGithub ? GithubText(one) : Text(one);
  }
  return text;
}

}  // namespace sojourn::language
