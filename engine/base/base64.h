// Base64 to bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sojourn {

// Of the usual alphabet, with or without '=' at the end; nullopt where another character stands.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace sojourn
