#include "engine/cli/yaml_file.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace sojourn::cli {
namespace {

std::string FirstLine(const std::vector<language::Diagnostic>& diagnostics) {
  const language::Diagnostic& first = diagnostics.front();
  std::string text = first.line > 0 ? fmt::format("{}:{}:{}: {}", first.file, first.line,
                                                  first.column, first.message)
                                    : fmt::format("{}: {}", first.file, first.message);
  return first.hint.empty() ? text : text + " (" + first.hint + ")";
}

}  // namespace

Result<YamlFile> ReadYamlFile(const std::string& path, const language::Shape& shape) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) return InvalidArgument(fmt::format("cannot read {}", path));
  YamlFile file;
  file.source = std::make_unique<language::SourceFile>(path, text.str());
  language::Reporter reporter;
  file.document = language::YamlDocument::Parse(*file.source, &reporter);
  if (file.document == nullptr || !language::CheckShape(file.root(), shape, &reporter)) {
    return InvalidArgument(FirstLine(reporter.Take()));
  }
  return file;
}

}  // namespace sojourn::cli
