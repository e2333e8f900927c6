// Signatures of webhooks after Standard Webhooks 1.0.0 (v1: HMAC-SHA256).
//
// What is signed is "ID.TIMESTAMP.BODY". While secrets rotate a webhook carries one signature for
// each; whoever receives it is content with any. Pure functions but for NewSecret, which asks the
// system for random bytes. Errors never contain the secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace sojourn::webhook {

// The bytes of a secret's key.
inline constexpr size_t kMinSecretBytes = 24;
inline constexpr size_t kMaxSecretBytes = 64;

// "whsec_" and the key in base64. kInvalidArgument: it is not so, or the key's length is not
// between the limits.
Result<std::string> ParseSecret(std::string_view text);
// A new one, as text.
Result<std::string> NewSecret();

// The value of the header webhook-signature: "v1,BASE64", one for each key, with spaces between.
std::string SignatureHeader(const std::vector<std::string>& keys, std::string_view id,
                            int64_t timestamp_seconds, std::string_view body);

}  // namespace sojourn::webhook
