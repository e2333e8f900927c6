// Which data a template reads. Internal to this folder.
#pragma once

#include <vector>

#include "engine/liquid/liquid.h"

namespace sojourn::liquid {

// In the order of the text, with what its partials read.
std::vector<Read> ReadsOf(const Template& parsed);

}  // namespace sojourn::liquid
