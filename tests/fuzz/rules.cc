// Any text as a rules directory: a line `### PATH` begins each file, what stands before the first
// is a journey. Every file is formatted, too.
#include <map>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/language/format.h"
#include "engine/language/load.h"
#include "tests/fuzz/target.h"

namespace sojourn::language {
namespace {

constexpr std::string_view kMark = "### ";

// Adds nothing for a file that has another path already.
void AddFile(std::string_view path, std::string_view text,
             std::map<std::string, std::string>* files) {
  if (!path.empty() && !text.empty()) files->emplace(path, text);
}

std::map<std::string, std::string> SplitFiles(std::string_view text) {
  std::map<std::string, std::string> files;
  std::string_view path = "journeys/first.yaml";
  size_t begin = 0;  // of the file
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = text.substr(at, end - at);
    if (line.substr(0, kMark.size()) == kMark) {
      AddFile(path, text.substr(begin, at - begin), &files);
      path = line.substr(kMark.size());
      if (path.ends_with('\n')) path.remove_suffix(1);
      begin = end;
    }
    at = end;
  }
  AddFile(path, text.substr(begin), &files);
  files.emplace("company.yaml", "company: Shop\n");
  files.emplace("templates/hello.liquid", "---\ntemplate: hello\nsubject: Hi\n---\nHi\n");
  return files;
}

void CheckPlaces(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    SOJOURN_CHECK(!diagnostic.message.empty());
    SOJOURN_CHECK(diagnostic.line == 0 || diagnostic.end_column > diagnostic.column);
  }
  FormatDiagnostics(diagnostics, DiagnosticFormat::kText);
}

void Try(std::string_view text) {
  const std::map<std::string, std::string> files = SplitFiles(text);
  const LoadResult loaded = LoadBundle(files);
  CheckPlaces(loaded.diagnostics);
  SOJOURN_CHECK(loaded.bundle != nullptr || !loaded.diagnostics.empty());
  for (const auto& [path, bytes] : files) {
    const FormatResult formatted = FormatRules(path, bytes);
    SOJOURN_CHECK(formatted.diagnostics.empty() || formatted.text == bytes);
  }
}

}  // namespace
}  // namespace sojourn::language

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::language::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
