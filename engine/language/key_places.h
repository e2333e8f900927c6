// Where keys stand in the files of rules that checked: for explanations, which are asked for
// seldom, so a bundle does not keep it.
//
// Threads: pure functions; each call parses the file anew.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/language/bundle.h"

namespace sojourn::language {

// The top-level keys of one file: "only_if", "exit_on", ...
using KeyPositions = std::map<std::string, SourcePosition, std::less<>>;

// Empty where the bundle has no such file.
KeyPositions FindKeys(const Bundle& bundle, const std::string& file);

// The path of the file whose first key is `company`; empty where there is none.
std::string CompanyFile(const Bundle& bundle);

}  // namespace sojourn::language
