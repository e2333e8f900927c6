// "Did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sojourn {

// The candidate nearest to `wrong`, where one is near enough to be meant; else "".
std::string NearestName(std::string_view wrong, const std::vector<std::string>& candidates);

// `did you mean "x"?`, or "" where nothing is near.
std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace sojourn
