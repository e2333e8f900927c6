#include "connectors/http/secret_hash.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/ascii.h"

namespace sojourn::http {
namespace {

constexpr std::string_view kPrefix = "sha256:";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return HexDigit(c) >= 0; });
}

// Such as "sha265:" or "SHA256:", or another word before what has the form of a hash. Taken for the
// secret itself it would be one that nobody has.
bool IsMisspeltHash(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string name = LowerCase(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  const bool is_word =
      !name.empty() &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_ ") == std::string::npos;
  if (is_word && digits.size() == 2 * sizeof(Sha256Digest) && IsHex(digits)) return true;
  return name.starts_with("sha") && name.size() > 3 &&
         name.find_first_not_of("0123456789-_ ", 3) == std::string::npos;
}

}  // namespace

SecretHash SecretHash::Of(std::string_view secret) { return SecretHash(Sha256(secret)); }

Result<SecretHash> SecretHash::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    if (!IsMisspeltHash(text)) return Of(text);
    return InvalidArgument("a hash begins with sha256: and nothing else; sojourn key makes one");
  }
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
