// Base64 to bytes, and bytes to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sojourn {

// Of the usual alphabet, with or without '=' at the end; nullopt where another character stands.
std::optional<std::string> DecodeBase64(std::string_view text);

// With '=' at the end.
std::string EncodeBase64(std::string_view bytes);

}  // namespace sojourn
