#include "engine/language/explanations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sojourn::language {
namespace {

constexpr std::string_view kCommands = "sh";

// The files of one side; `own`: '-' or '+'.
ExampleFiles FilesOf(const Explanation& explanation, char own) {
  ExampleFiles files;
  std::string_view rest = explanation.example;
  const auto open = [&files](std::string_view name) { files.emplace_back(name, ""); };
  for (bool first = true; !rest.empty(); first = false) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (first) {
      open(line);
      continue;
    }
    const bool mine = line.front() == ' ' || line.front() == own;
    if (!mine) continue;
    const std::string_view text = line.substr(1);
    if (text.starts_with("# ") && text.find('/') != std::string_view::npos) {
      open(text.substr(2));
    } else {
      files.back().second += fmt::format("{}\n", text);
    }
  }
  std::erase_if(files, [](const auto& file) { return file.second.empty(); });
  return files;
}

std::string_view LanguageOf(std::string_view file) {
  if (file == kCommands) return "sh";
  return file.ends_with(".liquid") ? "liquid" : "yaml";
}

std::string MarkdownFile(std::string_view name, std::string_view text) {
  const std::string heading = name == kCommands ? "" : fmt::format("`{}`:\n\n", name);
  return fmt::format("{}```{}\n{}```\n", heading, LanguageOf(name), text);
}

std::string TextFile(std::string_view name, std::string_view text) {
  std::string out = name == kCommands ? "" : fmt::format("    # {}\n", name);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    out += fmt::format("    {}\n", text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return out;
}

const char* SeverityWord(const DiagnosticKind& kind) {
  return SeverityOf(kind.code) == Severity::kError ? "error" : "warning";
}

// At most `width` columns, broken at spaces.
std::string Wrap(std::string_view text, size_t width) {
  std::string out;
  size_t column = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (column > 0 && column + 1 + end > width) {
      out += '\n';
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

std::string MarkdownEntry(const DiagnosticKind& kind) {
  const Explanation& explanation = *FindExplanation(kind.code);
  std::string text =
      fmt::format("\n## {}\n\n**{}** ({})\n\n", kind.code, kind.title, SeverityWord(kind));
  for (const auto& [name, content] : WrongFiles(explanation)) {
    text += MarkdownFile(name, content) + "\n";
  }
  text += Wrap(explanation.means, 100);
  const ExampleFiles right = RightFiles(explanation);
  if (!right.empty()) text += "\nInstead:\n";
  for (const auto& [name, content] : right) text += "\n" + MarkdownFile(name, content);
  return text;
}

constexpr std::string_view kPageHead = R"x(# Diagnostics

What `sojourn check` says, code by code: an example that provokes it, what it means, and what to write
instead. `sojourn check --explain J020` prints one entry. This page is made by
`sojourn check --explain all`.

The examples stand in a rules directory with these files:
)x";

}  // namespace

Severity SeverityOf(std::string_view code) {
  for (const Explanation& warning : WarningExplanations()) {
    if (warning.code == code) return Severity::kWarning;
  }
  return Severity::kError;
}

const Explanation* FindExplanation(std::string_view code) {
  const std::array groups = {FileExplanations(),    ShapeExplanations(),
                             NameExplanations(),    MeaningExplanations(),
                             WarningExplanations(), ExpressionExplanations()};
  for (const std::span<const Explanation> group : groups) {
    for (const Explanation& explanation : group) {
      if (explanation.code == code) return &explanation;
    }
  }
  return nullptr;
}

ExampleFiles WrongFiles(const Explanation& explanation) { return FilesOf(explanation, '-'); }
ExampleFiles RightFiles(const Explanation& explanation) { return FilesOf(explanation, '+'); }

const std::map<std::string, std::string>& ExampleDirectory() {
  static const std::map<std::string, std::string> files = {
      {"company.yaml", R"x(company: Example Shop
timezone: Europe/Berlin
postal_address: Example Shop, Main Street 1, 10115 Berlin
topics:
  marketing: {default: opted_in}
  orders: {default: opted_in, kind: transactional}
senders:
  hello: {from: "Example Shop <hello@shop.example>"}
)x"},
      {"catalog.yaml", R"x(catalog: shop
events:
  Signed Up: {source: string?}
  Order Completed: {order_id: string, total: double, coupon: string?}
traits: {email: string, first_name: string?, birthday: date?, points: int?}
)x"},
      {"coupons/ten.yaml", R"x(coupon_pool: ten
static: TEN
)x"},
      {"journeys/welcome.yaml", R"x(journey: welcome
trigger: {event: Signed Up}
steps:
  - send_email: hello
)x"},
      {"segments/buyers.yaml", R"x(segment: buyers
where: count("Order Completed") >= 1
)x"},
      {"templates/hello.liquid", R"x(---
template: hello
subject: Hello
---
<p>Nice to meet you.</p>
)x"}};
  return files;
}

std::string ExplainText(const DiagnosticKind& kind) {
  const Explanation& explanation = *FindExplanation(kind.code);
  std::string text = fmt::format("{} ({}): {}\n\n", kind.code, SeverityWord(kind), kind.title);
  for (const auto& [name, content] : WrongFiles(explanation)) {
    text += TextFile(name, content) + "\n";
  }
  text += Wrap(explanation.means, 80);
  const ExampleFiles right = RightFiles(explanation);
  if (!right.empty()) text += "\nInstead:\n";
  for (const auto& [name, content] : right) text += "\n" + TextFile(name, content);
  return text;
}

std::string DiagnosticsPage() {
  std::string text(kPageHead);
  for (const auto& [name, content] : ExampleDirectory()) {
    text += "\n" + MarkdownFile(name, content);
  }
  for (const DiagnosticKind& kind : DiagnosticTable()) text += MarkdownEntry(kind);
  return text;
}

}  // namespace sojourn::language
