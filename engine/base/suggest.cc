#include "engine/base/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

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

// "cnt" of "count", "Email Clicked" of "Email Link Clicked": letters are left out inside only.
bool IsAbbreviation(std::string_view text, std::string_view name) {
  if (text.size() < 2 || name.size() > 2 * text.size()) return false;
  if (text.front() != name.front() || text.back() != name.back()) return false;
  size_t found = 0;
  for (const char c : name) {
    if (found < text.size() && text[found] == c) ++found;
  }
  return found == text.size();
}

// Edits, or less than one for an abbreviation; in halves, to be compared.
size_t HalfEdits(std::string_view text, std::string_view name) {
  const size_t distance = Distance(text, name);
  if (distance > 0 && IsAbbreviation(text, name)) return 1;
  // A short word that begins otherwise and needs several edits is another word.
  const bool strange = distance > 1 && 4 * distance > text.size() && text.front() != name.front();
  return strange ? SIZE_MAX : 2 * distance;
}

}  // namespace

std::string NearestName(std::string_view wrong, const std::vector<std::string>& candidates) {
  if (wrong.empty() || wrong.size() > kMaxComparedBytes) return "";
  const std::string folded = Folded(wrong);
  std::string nearest;
  // About one edit in three letters; in one or two letters only case and separators.
  size_t best = 2 * (wrong.size() <= 2 ? 0 : (wrong.size() + 2) / 3) + 2;
  for (const std::string& candidate : candidates) {
    const bool comparable = !candidate.empty() && candidate.size() <= kMaxComparedBytes;
    if (!comparable || candidate == wrong) continue;
    const size_t distance = HalfEdits(folded, Folded(candidate));
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
