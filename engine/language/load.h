// From a rules directory to a Bundle.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/language/bundle.h"
#include "engine/language/diagnostic.h"

namespace sojourn::language {

// Reads every rules file below `directory` (YAML, templates, coupon files), by relative path. Files
// over the size limit, unreadable ones and symbolic links out of the directory are Diagnostics. A
// directory without any is kInvalidArgument: it is a wrong path or an unmounted volume.
Result<std::map<std::string, std::string>> ReadRulesDirectory(const std::string& directory,
                                                              std::vector<Diagnostic>* diagnostics);

struct LoadResult {
  std::shared_ptr<const Bundle> bundle;  // null where there is an error
  std::vector<Diagnostic> diagnostics;   // sorted; warnings too
};

// Parses, checks and compiles. Pure: the same files give the same bundle and diagnostics.
LoadResult LoadBundle(const std::map<std::string, std::string>& files);

}  // namespace sojourn::language
