#include "engine/base/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sojourn {
namespace {

// Names longer than this are not compared: what a marketer can have mistyped is short.
constexpr size_t kMaxComparedBytes = 120;

std::string Folded(std::string_view text) {
  std::string folded;
  for (const char c : text) {
    const bool separator = c == '_' || c == '-' || c == ' ';
    folded.push_back(separator ? '-'
                               : static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return folded;
}

// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string NearestName(std::string_view wrong, const std::vector<std::string>& candidates) {
  if (wrong.empty() || wrong.size() > kMaxComparedBytes) return "";
  const std::string folded = Folded(wrong);
  std::string nearest;
  // About one edit in three letters; in one or two letters only case and separators.
  size_t best = (wrong.size() <= 2 ? 0 : (wrong.size() + 2) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t difference = candidate.size() > wrong.size() ? candidate.size() - wrong.size()
                                                              : wrong.size() - candidate.size();
    if (difference >= best || candidate == wrong) continue;
    const size_t distance = Distance(folded, Folded(candidate));
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(wrong, candidates);
  return nearest.empty() ? "" : fmt::format("did you mean \"{}\"?", nearest);
}

}  // namespace sojourn
