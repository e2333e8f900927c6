// A rules directory as commands read it, without a data directory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/language/bundle.h"
#include "engine/language/diagnostic.h"

namespace sojourn::cli {

struct LoadedRules {
  std::map<std::string, std::string> files;
  std::shared_ptr<const language::Bundle> bundle;  // null where there is an error
  std::vector<language::Diagnostic> diagnostics;   // sorted

  int Count(language::Severity severity) const;
  // The errors, as `check` prints them.
  std::string ErrorText() const;
};

// Errors: the directory cannot be read. Mistakes in the rules are diagnostics.
Result<LoadedRules> LoadRules(const std::string& directory);

// For who needs rules without a mistake: prints the mistakes to stderr as `check` does, and says in
// one line that there are some.
Result<std::shared_ptr<const language::Bundle>> LoadCleanRules(const std::string& directory);

// What tells that a file of the directory was touched, without reading any.
std::string LookAtFiles(const std::string& directory);

}  // namespace sojourn::cli
