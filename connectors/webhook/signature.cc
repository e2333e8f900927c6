#include "connectors/webhook/signature.h"

#include <array>
#include <cstring>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "engine/base/base64.h"
#include "engine/base/hash.h"

namespace sojourn::webhook {
namespace {

constexpr std::string_view kPrefix = "whsec_";

template <typename Bytes>
std::string_view View(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Strict but for missing padding; nothing: it is no base64.
std::string DecodeBase64(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  const size_t content = padded.find_last_not_of('=') + 1;
  const size_t padding = padded.size() - content;
  if (padding > 2 || padded.find_first_of("= \t\r\n") < content) return "";
  std::string bytes(padded.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(padded.data()),
                                     static_cast<int>(padded.size()));
  if (length < 0) return "";
  bytes.resize(static_cast<size_t>(length) - padding);
  return bytes;
}

}  // namespace

Result<std::string> ParseSecret(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return InvalidArgument("a webhook secret begins with whsec_, and base64 follows");
  }
  std::string key = text.size() > 200 ? "" : DecodeBase64(text.substr(kPrefix.size()));
  if (key.size() < kMinSecretBytes || key.size() > kMaxSecretBytes) {
    return InvalidArgument(
        fmt::format("a webhook secret is whsec_ and the base64 of {} to {} random bytes",
                    kMinSecretBytes, kMaxSecretBytes));
  }
  return key;
}

Result<std::string> NewSecret() {
  std::array<uint8_t, 32> key{};
  if (RAND_bytes(key.data(), key.size()) != 1) return Internal("the system has no random bytes");
  return std::string(kPrefix) + EncodeBase64(View(key));
}

std::string SignatureHeader(const std::vector<std::string>& keys, std::string_view id,
                            int64_t timestamp_seconds, std::string_view body) {
  const std::string content = fmt::format("{}.{}.{}", id, timestamp_seconds, body);
  std::string header;
  for (const std::string& key : keys) {
    const Sha256Digest digest = HmacSha256(key, content);
    if (!header.empty()) header += ' ';
    header += "v1," + EncodeBase64(View(digest));
  }
  return header;
}

}  // namespace sojourn::webhook
