// The JSON Schema of a whole rules directory, test files included.
#pragma once

#include <string>

namespace sojourn::cli {

std::string RulesSchema();

}  // namespace sojourn::cli
