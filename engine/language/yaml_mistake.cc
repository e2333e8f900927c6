#include "engine/language/yaml_mistake.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/base/utf8.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

// A tab among the blanks before the text of the line, or of the next one: the library may name the
// end of what stands before it.
std::optional<uint32_t> IndentingTab(const SourceFile& file, SourceRange range, int line) {
  for (int candidate = line; candidate <= std::min(line + 1, file.line_count()); ++candidate) {
    const std::string_view text = file.Line(candidate);
    const size_t tab = text.substr(0, text.find_first_not_of(" \t")).find('\t');
    const uint32_t start = file.LineStart(candidate);
    if (tab != std::string_view::npos && start >= range.begin && start < range.end) {
      return start + static_cast<uint32_t>(tab);
    }
  }
  return std::nullopt;
}

// The innermost bracket or brace before the end of `range` that is still open there; quotes and
// comments are followed as far as they can be without reading YAML.
std::optional<uint32_t> OpenBracket(const std::string& text, SourceRange range) {
  std::vector<uint32_t> open;
  char quote = '\0';
  for (uint32_t at = range.begin; at < range.end; ++at) {
    const char c = text[at];
    const char before = at == range.begin ? '\n' : text[at - 1];
    const bool starts = before == ' ' || before == '\n' || before == '[' || before == '{';
    if (quote != '\0') {
      if (c == '\\' && quote == '"') ++at;
      if (c == quote) quote = '\0';
    } else if ((c == '"' || c == '\'') && starts) {
      quote = c;
    } else if (c == '#' && starts) {
      at = static_cast<uint32_t>(std::min<size_t>(text.find('\n', at), range.end));
    } else if ((c == '[' || c == '{') && (starts || !open.empty())) {
      open.push_back(at);
    } else if ((c == ']' || c == '}') && !open.empty()) {
      open.pop_back();
    }
  }
  return open.empty() ? std::nullopt : std::optional(open.back());
}

std::string HintFor(std::string_view message) {
  if (message.find("nested block mapping") != std::string_view::npos) {
    return "put a value that contains \": \" in quotes";
  }
  if (message.find("missing comma in flow") != std::string_view::npos) {
    return "put a value that contains brackets or braces in quotes";
  }
  return "";
}

std::string WordOf(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("- \"'"), text.size()));
  return std::string(text.substr(0, text.find_first_of(" :\"'")));
}

// What the library says of the text that goes on with `rest`, in the words of those who write it.
std::string Reworded(std::string_view message, std::string_view rest) {
  const auto says = [&](std::string_view part) {
    return message.find(part) != std::string_view::npos;
  };
  const std::string word = WordOf(rest);
  if (says("indented double-quoted") || says("indented single-quoted") || says("without closing")) {
    return fmt::format("this quote is never closed: {}", ShortText(rest));
  }
  if (says("expected ':'") || says("invalid multiline plain key") ||
      says("invalid value after mapping")) {
    const bool colon = rest.size() > word.size() && rest[word.size()] == ':';
    return colon ? fmt::format("the colon behind \"{}\" needs a space behind it", word)
                 : fmt::format("\"{}\" needs a colon behind it", word);
  }
  if (says("end of block sequence") && rest.size() > 1 && rest[0] == '-' && rest[1] != ' ') {
    return fmt::format("the dash before \"{}\" needs a space behind it", word);
  }
  if (says("did not find expected key") && rest.substr(0, 2) == "- ") {
    return fmt::format("no dash can stand before \"{}\" here", word);
  }
  if (says("end of block sequence") || says("expected '-' indicator") ||
      says("wrongly indented sequence item") || says("invalid indentation in mapping")) {
    return fmt::format("\"{}\" does not begin in the column of the lines it belongs to", word);
  }
  if (says("plain scalar cannot start")) {
    return fmt::format("a text that begins so must stand in quotes: {}", ShortText(rest));
  }
  return std::string(message);
}

}  // namespace

YamlMistake ReadLibraryError(const SourceFile& file, SourceRange range, uint32_t last_end,
                             std::string_view output) {
  static const re2::RE2 pattern(R"(>:(\d+):(\d+): error: ([^\n]*))");
  int error_line = 0;
  int error_column = 0;
  std::string message;
  if (!re2::RE2::PartialMatch(output, pattern, &error_line, &error_column, &message)) {
    return {{last_end, last_end + 1}, "this is not valid YAML", ""};
  }
  const int first_line = file.PositionOf(range.begin).line;
  const int line = std::min(first_line + std::max(error_line, 1) - 1, file.line_count());
  if (const auto tab = IndentingTab(file, range, line)) {
    return {{*tab, *tab + 1},
            "not valid YAML: a tab indents this line",
            "indent with spaces, not with tabs"};
  }
  const std::string_view source = file.Line(line);
  const uint32_t start = file.LineStart(line);
  size_t offset = 0;
  for (int column = 1; column < error_column && offset < source.size(); ++column) {
    NextCodePoint(source, &offset);
  }
  // An error at the end of the file is shown where the text ends.
  const uint32_t at = source.empty() ? last_end : start + static_cast<uint32_t>(offset);
  const bool of_flow = message.find("flow") != std::string::npos ||
                       message.find("node content") != std::string::npos;
  const auto open =
      of_flow ? OpenBracket(file.text(), {range.begin, std::min(at, range.end)}) : std::nullopt;
  // In the bracket's own line, and not at its end, the mistake is where the library sees it, unless
  // it is the end of another bracket.
  const bool wrong_end = message.find("mismatched") != std::string::npos;
  if (open && (wrong_end || at >= start + source.size() || *open < start)) {
    return {{*open, *open + 1},
            fmt::format("not valid YAML: this {} is not closed", file.text()[*open]),
            ""};
  }
  const std::string_view rest = std::string_view(source).substr(std::min(offset, source.size()));
  return {
      {at, at + 1}, fmt::format("not valid YAML: {}", Reworded(message, rest)), HintFor(message)};
}

}  // namespace sojourn::language
