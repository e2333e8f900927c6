#include "engine/cli/paused_note.h"

#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"

namespace sojourn::cli {

std::optional<std::set<std::string>> ParsePausedNote(const std::string& note) {
  std::set<std::string> journeys;
  if (note.empty()) return journeys;
  const auto json = ParseJson(note);
  if (!json.is_array()) return std::nullopt;
  for (const auto& journey : json) {
    if (journey.is_string()) journeys.insert(journey.get<std::string>());
  }
  return journeys;
}

}  // namespace sojourn::cli
