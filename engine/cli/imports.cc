#include "engine/cli/imports.h"

#include <filesystem>

#include "engine/base/utf8.h"

namespace sojourn::cli {

std::string_view ImportModeName(ImportMode mode) {
  switch (mode) {
    case ImportMode::kReplay:
      return "replay";
    case ImportMode::kHistory:
      return "history";
    case ImportMode::kEvents:
      return "events";
  }
  return "";
}

std::optional<ImportMode> ParseImportMode(std::string_view text) {
  for (const ImportMode mode : kImportModes) {
    if (ImportModeName(mode) == text) return mode;
  }
  return std::nullopt;
}

std::string ImportKeyOf(const ImportIdentity& identity) {
  return std::string(ImportModeName(identity.mode)) + "-" + identity.fingerprint;
}

std::optional<ImportIdentity> ParseImportKey(std::string_view key) {
  const size_t dash = key.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto mode = ParseImportMode(key.substr(0, dash));
  if (!mode) return std::nullopt;
  return ImportIdentity{std::string(key.substr(dash + 1)), *mode, ""};
}

std::string NameForPeople(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  return IsValidUtf8(name) ? name : std::string();
}

std::string ImportForPeople(const ImportIdentity& identity) {
  return identity.name.empty() ? ImportKeyOf(identity) : identity.name;
}

}  // namespace sojourn::cli
