// Reports of test runs as text, JSON and JUnit XML.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/simulate/test_runner.h"

namespace sojourn::simulate {
namespace {

constexpr size_t kMaxColumnWidth = 60;

std::string Mark(const ReportLine& line) { return (line.wrong ? "! " : "  ") + line.text; }

// Expected on the left, actual on the right.
std::string SideBySide(const TestResult& result) {
  size_t width = std::string_view("  expected").size();
  for (const ReportLine& line : result.expected) width = std::max(width, Mark(line).size());
  width = std::min(width, kMaxColumnWidth);
  std::string text = fmt::format("    {:<{}} | {}\n", "  expected", width, "  actual");
  const size_t rows = std::max(result.expected.size(), result.actual.size());
  for (size_t i = 0; i < rows; ++i) {
    const std::string left = i < result.expected.size() ? Mark(result.expected[i]) : "";
    const std::string right = i < result.actual.size() ? Mark(result.actual[i]) : "";
    text += fmt::format("    {:<{}} | {}\n", left, width, right);
  }
  return text;
}

std::string FailureText(const TestResult& result) {
  std::string text;
  for (const std::string& problem : result.problems) text += "    " + problem + "\n";
  text += SideBySide(result);
  text += "    trace:\n";
  for (const std::string& line : result.trace) text += "      " + line + "\n";
  return text;
}

std::string ResultText(const TestResult& result) {
  std::string text = fmt::format("{} {}:{}: {}\n", result.passed ? "ok  " : "FAIL", result.file,
                                 result.position.line, result.name);
  if (!result.passed) text += FailureText(result);
  return text;
}

// Those that do not check, of which nothing ran.
std::set<std::string> FilesNotRun(const TestReport& report) {
  std::set<std::string> files;
  for (const language::Diagnostic& diagnostic : report.diagnostics) {
    if (diagnostic.severity == language::Severity::kError) files.insert(diagnostic.file);
  }
  return files;
}

std::string TextReport(const TestReport& report) {
  std::string text =
      language::FormatDiagnostics(report.diagnostics, language::DiagnosticFormat::kText);
  for (const TestResult& result : report.results) text += ResultText(result);
  for (const UnreachedStep& step : report.unreached) {
    text += fmt::format("{}:{}: no test reaches step {} of {}\n", step.position.file,
                        step.position.line, step.step, step.journey);
  }
  text += fmt::format("{} passed, {} failed", report.passed, report.failed);
  const std::set<std::string> not_run = FilesNotRun(report);
  if (!not_run.empty()) {
    text += fmt::format(", {} not run: {}", not_run.size(), fmt::join(not_run, ", "));
  }
  return text + "\n";
}

nlohmann::json LinesJson(const std::vector<ReportLine>& lines) {
  nlohmann::json list = nlohmann::json::array();
  for (const ReportLine& line : lines) list.push_back({{"text", line.text}, {"wrong", line.wrong}});
  return list;
}

std::string JsonReport(const TestReport& report) {
  nlohmann::json results = nlohmann::json::array();
  for (const TestResult& result : report.results) {
    results.push_back({{"file", result.file},
                       {"line", result.position.line},
                       {"name", result.name},
                       {"passed", result.passed},
                       {"problems", result.problems},
                       {"expected", LinesJson(result.expected)},
                       {"actual", LinesJson(result.actual)},
                       {"trace", result.trace}});
  }
  nlohmann::json unreached = nlohmann::json::array();
  for (const UnreachedStep& step : report.unreached) {
    unreached.push_back({{"journey", step.journey},
                         {"step", step.step},
                         {"file", step.position.file},
                         {"line", step.position.line}});
  }
  const std::set<std::string> not_run = FilesNotRun(report);
  const nlohmann::json whole = {{"passed", report.passed},  {"failed", report.failed},
                                {"errors", not_run.size()}, {"not_run", not_run},
                                {"results", results},       {"unreached", unreached}};
  return DumpJson(whole, 2) + "\n";
}

// Characters that XML cannot hold become question marks.
std::string XmlText(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return escaped;
}

std::string JUnitReport(const TestReport& report) {
  const std::set<std::string> not_run = FilesNotRun(report);
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"journeys\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
      report.results.size() + not_run.size(), report.failed, not_run.size());
  for (const std::string& file : not_run) {
    text += fmt::format(
        "  <testcase classname=\"{0}\" name=\"{0}\">\n"
        "    <error message=\"the file does not check and was not run\"/>\n  </testcase>\n",
        XmlText(file));
  }
  for (const TestResult& result : report.results) {
    text += fmt::format("  <testcase classname=\"{}\" name=\"{}\"", XmlText(result.file),
                        XmlText(result.name));
    if (result.passed) {
      text += "/>\n";
      continue;
    }
    const std::string message = result.problems.empty() ? "" : result.problems.front();
    text += fmt::format(">\n    <failure message=\"{}\">{}</failure>\n  </testcase>\n",
                        XmlText(message), XmlText(FailureText(result)));
  }
  return text + "</testsuite>\n";
}

}  // namespace

std::string FormatReport(const TestReport& report, ReportFormat format) {
  switch (format) {
    case ReportFormat::kText:
      return TextReport(report);
    case ReportFormat::kJson:
      return JsonReport(report);
    case ReportFormat::kJUnit:
      return JUnitReport(report);
  }
  return "";
}

}  // namespace sojourn::simulate
