#include "engine/cli/yaml_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

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
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return InvalidArgument(fmt::format("{} is a directory, not a YAML file", path));
  }
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
  if (file.document == nullptr || !language::CheckShape(file.root(), shape, &reporter)) {
    return InvalidArgument(MainLine(reporter.Take()));
  }
  return file;
}

}  // namespace sojourn::cli
