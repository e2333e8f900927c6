// The starter rules that `sojourn init` writes; they stand in starter/.
#pragma once

#include <map>
#include <string>

namespace sojourn::cli {

// Text by relative path. `opted_in`: whoever signs up gets marketing mail; else they are asked
// first.
std::map<std::string, std::string> StarterFiles(bool opted_in);

}  // namespace sojourn::cli
