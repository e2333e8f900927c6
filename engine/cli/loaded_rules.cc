#include "engine/cli/loaded_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "engine/language/load.h"

namespace sojourn::cli {

using language::Diagnostic;
using language::Severity;

int LoadedRules::Count(Severity severity) const {
  return static_cast<int>(
      std::count_if(diagnostics.begin(), diagnostics.end(),
                    [severity](const Diagnostic& d) { return d.severity == severity; }));
}

std::string LoadedRules::ErrorText() const {
  std::vector<Diagnostic> errors;
  std::copy_if(diagnostics.begin(), diagnostics.end(), std::back_inserter(errors),
               [](const Diagnostic& d) { return d.severity == Severity::kError; });
  return FormatDiagnostics(errors, language::DiagnosticFormat::kText);
}

Result<LoadedRules> LoadRules(const std::string& directory) {
  LoadedRules rules;
  SOJOURN_ASSIGN_OR_RETURN(rules.files,
                           language::ReadRulesDirectory(directory, &rules.diagnostics));
  language::LoadResult loaded = language::LoadBundle(rules.files);
  rules.bundle = loaded.bundle;
  rules.diagnostics.insert(rules.diagnostics.end(), loaded.diagnostics.begin(),
                           loaded.diagnostics.end());
  language::SortDiagnostics(&rules.diagnostics);
  return rules;
}

Result<std::shared_ptr<const language::Bundle>> LoadCleanRules(const std::string& directory) {
  SOJOURN_ASSIGN_OR_RETURN(LoadedRules rules, LoadRules(directory));
  if (rules.Count(Severity::kError) == 0 && rules.bundle != nullptr) return rules.bundle;
  std::fputs(rules.ErrorText().c_str(), stderr);
  return FailedPrecondition(fmt::format("the rules in {} have mistakes, see above", directory));
}

// What tells that a rules file was touched, without reading it.
std::string LookAtFiles(const std::string& directory) {
  std::string seen;
  std::error_code error;
  for (auto file = std::filesystem::recursive_directory_iterator(directory, error);
       !error && file != std::filesystem::end(file); file.increment(error)) {
    std::error_code gone;
    if (!file->is_regular_file(gone)) continue;
    seen += fmt::format("{} {} {}\n", file->path().string(), file->file_size(gone),
                        file->last_write_time(gone).time_since_epoch().count());
  }
  return seen;
}

}  // namespace sojourn::cli
