#include "connectors/kafka/changelog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>

namespace sojourn::kafka {
namespace {

constexpr std::string_view kCodesKey =
    "\xFF"
    "codes";

}  // namespace

std::string NewIncarnation() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string CodesKey(std::string_view pool, uint32_t chunk) {
  return fmt::format("{}{:010}/{}", kCodesKey, chunk, pool);
}

std::optional<CodesKeyParts> ParseCodesKey(std::string_view key) {
  constexpr size_t kDigits = 10;
  if (!key.starts_with(kCodesKey)) return std::nullopt;
  key.remove_prefix(kCodesKey.size());
  CodesKeyParts parts;
  const char* const end = key.data() + std::min(key.size(), kDigits);
  const auto [at, error] = std::from_chars(key.data(), end, parts.chunk);
  if (error != std::errc() || at != end || key.size() <= kDigits || key[kDigits] != '/') {
    return std::nullopt;
  }
  parts.pool = key.substr(kDigits + 1);
  return parts;
}

}  // namespace sojourn::kafka
