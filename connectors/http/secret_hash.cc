#include "connectors/http/secret_hash.h"

#include <cstddef>

namespace sojourn::http {
namespace {

constexpr std::string_view kPrefix = "sha256:";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

SecretHash SecretHash::Of(std::string_view secret) { return SecretHash(Sha256(secret)); }

Result<SecretHash> SecretHash::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return Of(text);
  const std::string_view digits = text.substr(kPrefix.size());
  Sha256Digest digest;
  const Status malformed = InvalidArgument(
      "sha256: is followed by the 64 hexadecimal digits of the hash; sojourn key makes a key and "
      "its hash");
  if (digits.size() != 2 * digest.size()) return malformed;
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = HexDigit(digits[2 * i]);
    const int low = HexDigit(digits[2 * i + 1]);
    if (high < 0 || low < 0) return malformed;
    digest[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return SecretHash(digest);
}

bool SecretHash::Matches(std::string_view given) const {
  const Sha256Digest other = Sha256(given);
  uint8_t difference = 0;
  for (size_t i = 0; i < other.size(); ++i) {
    difference = static_cast<uint8_t>(difference | (digest_[i] ^ other[i]));
  }
  return difference == 0;
}

std::string SecretHash::ToText() const {
  return std::string(kPrefix) + Hex(digest_.data(), digest_.size());
}

}  // namespace sojourn::http
