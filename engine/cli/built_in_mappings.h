// The files deploy/mappings/*.yaml, as the build found them.
#pragma once

#include <string_view>
#include <vector>

namespace sojourn::cli {

struct BuiltInMapping {
  std::string_view name;
  std::string_view yaml;
};

const std::vector<BuiltInMapping>& BuiltInMappings();

}  // namespace sojourn::cli
