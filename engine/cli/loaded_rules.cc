#include "engine/cli/loaded_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "engine/language/load.h"

namespace sojourn::cli {

using language::Diagnostic;
using language::Severity;

int LoadedRules::Count(Severity severity) const {
  return static_cast<int>(
      std::count_if(diagnostics.begin(), diagnostics.end(),
                    [severity](const Diagnostic& d) { return d.severity == severity; }));
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
  std::erase_if(rules.diagnostics,
                [](const Diagnostic& d) { return d.severity != Severity::kError; });
  std::fputs(FormatDiagnostics(rules.diagnostics, language::DiagnosticFormat::kText).c_str(),
             stderr);
  return FailedPrecondition(fmt::format("the rules in {} have mistakes, see above", directory));
}

}  // namespace sojourn::cli
