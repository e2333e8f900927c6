// The note of the log that says which journeys' sends are held.
//
// Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace sojourn::cli {

inline constexpr char kPausedNote[] = "mail_paused";

// Names of journeys; "" stands for all. Nothing: the note is damaged.
std::optional<std::set<std::string>> ParsePausedNote(const std::string& note);

}  // namespace sojourn::cli
