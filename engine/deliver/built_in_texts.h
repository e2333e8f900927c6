// The files texts/*.yaml, as the build found them.
#pragma once

#include <string_view>
#include <vector>

namespace sojourn::deliver {

struct BuiltInTexts {
  std::string_view language;
  std::string_view yaml;
};

// English first.
const std::vector<BuiltInTexts>& AllBuiltInTexts();

}  // namespace sojourn::deliver
