#include "engine/cli/yaml_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/base/regular_file.h"
#include "engine/language/codes.h"

namespace sojourn::cli {
namespace {

std::string MainLine(const std::vector<language::Diagnostic>& diagnostics) {
  // A misspelt key is also a missing one: its own message is the one that helps.
  const auto unknown_key = std::find_if(
      diagnostics.begin(), diagnostics.end(), [](const language::Diagnostic& diagnostic) {
        return diagnostic.code == language::CodeText(language::Code::kUnknownKey);
      });
  const language::Diagnostic& first =
      unknown_key == diagnostics.end() ? diagnostics.front() : *unknown_key;
  std::string text = first.line > 0 ? fmt::format("{}:{}:{}: {}", first.file, first.line,
                                                  first.column, first.message)
                                    : fmt::format("{}: {}", first.file, first.message);
  return first.hint.empty() ? text : text + " (" + first.hint + ")";
}

}  // namespace

Result<YamlFile> ReadYamlFile(const std::string& path, const language::Shape& shape) {
  SOJOURN_RETURN_IF_ERROR(CheckRegularFile(path));
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return InvalidArgument(
        fmt::format("cannot read {}: {}; check its path", path, std::strerror(errno)));
  }
  return ParseYaml(path, {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()},
                   shape);
}

Result<YamlFile> ParseYaml(const std::string& name, std::string text,
                           const language::Shape& shape) {
  YamlFile file;
  file.source = std::make_unique<language::SourceFile>(name, std::move(text));
  language::Reporter reporter;
  file.document = language::YamlDocument::Parse(*file.source, &reporter);
  if (file.document == nullptr || !language::CheckShape(file.root(), shape, &reporter) ||
      reporter.error_count() > 0) {  // a key that stands twice, for one
    return InvalidArgument(MainLine(reporter.Take()));
  }
  return file;
}

Status ErrorAt(const language::Node& node, std::string_view message) {
  const language::SourcePosition position = node.position();
  return InvalidArgument(
      fmt::format("{}:{}:{}: {}", node.file->path(), position.line, position.column, message));
}

}  // namespace sojourn::cli
