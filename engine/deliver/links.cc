#include "engine/deliver/links.h"

#include <array>
#include <optional>

#include <openssl/crypto.h>

#include "engine/base/check.h"
#include "engine/base/hash.h"

namespace sojourn::deliver {
namespace {

constexpr char kVersion = 1;
constexpr size_t kKeyIdBytes = 4;
constexpr size_t kHeaderBytes = 2 + kKeyIdBytes;  // version, kind, key id
constexpr size_t kMacBytes = 16;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string EncodeBase64Url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(byte);
    for (count += 8; count >= 6; count -= 6) text += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63];
  return text;
}

constexpr std::array<int, 256> DigitValues() {
  std::array<int, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<uint8_t>(kDigits[i])] = static_cast<int>(i);
  }
  return values;
}

// Each text of bytes has one form only: bits that say nothing must be zero.
std::optional<std::string> DecodeBase64Url(std::string_view text) {
  static constexpr std::array<int, 256> kValues = DigitValues();
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<uint8_t>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  const bool canonical = count < 6 && (bits & ((1U << count) - 1)) == 0;
  return canonical ? std::optional(std::move(bytes)) : std::nullopt;
}

void PutNumber(uint64_t number, std::string* bytes) {
  for (; number >= 0x80; number >>= 7) *bytes += static_cast<char>(number | 0x80);
  *bytes += static_cast<char>(number);
}

void PutText(std::string_view text, std::string* bytes) {
  PutNumber(text.size(), bytes);
  *bytes += text;
}

// Reads what PutNumber and PutText wrote; false, and nothing more, where it cannot be that.
class ClaimsReader {
 public:
  explicit ClaimsReader(std::string_view bytes) : rest_(bytes) {}

  bool Number(uint64_t* number) {
    *number = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      *number |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Text(std::string* text) {
    uint64_t size = 0;
    if (!Number(&size) || size > rest_.size()) return false;
    *text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string EncodeClaims(const LinkClaims& claims) {
  std::string bytes;
  PutNumber(static_cast<uint64_t>(claims.sent_at.milliseconds()), &bytes);
  for (const std::string* text : {&claims.action_id, &claims.person, &claims.journey,
                                  &claims.template_name, &claims.topic, &claims.language}) {
    PutText(*text, &bytes);
  }
  PutText(claims.target, &bytes);
  return bytes;
}

bool DecodeClaims(std::string_view bytes, LinkClaims* claims) {
  ClaimsReader reader(bytes);
  uint64_t sent_at = 0;
  if (!reader.Number(&sent_at)) return false;
  claims->sent_at = Timestamp(static_cast<int64_t>(sent_at));
  for (std::string* text : {&claims->action_id, &claims->person, &claims->journey,
                            &claims->template_name, &claims->topic, &claims->language}) {
    if (!reader.Text(text)) return false;
  }
  return reader.Text(&claims->target) && reader.at_end();
}

// Says which key it is and nothing about the key.
std::string KeyId(std::string_view secret) {
  const Sha256Digest digest = HmacSha256(secret, "sojourn link key id");
  return {reinterpret_cast<const char*>(digest.data()), kKeyIdBytes};
}

std::string Mac(std::string_view secret, std::string_view bytes) {
  const Sha256Digest digest = HmacSha256(secret, bytes);
  return {reinterpret_cast<const char*>(digest.data()), kMacBytes};
}

// One answer for every reason, so that a forger learns nothing.
Status NotOurs() { return InvalidArgument("the link is not one of ours"); }

}  // namespace

LinkSigner::LinkSigner(std::vector<std::string> keys) {
  SOJOURN_CHECK(!keys.empty());
  for (std::string& secret : keys) {
    SOJOURN_CHECK(!secret.empty());
    keys_.push_back({KeyId(secret), std::move(secret)});
  }
}

std::string LinkSigner::Sign(const LinkClaims& claims) const {
  std::string bytes{kVersion, static_cast<char>(claims.kind)};
  bytes += keys_.front().id;
  bytes += EncodeClaims(claims);
  bytes += Mac(keys_.front().secret, bytes);
  return EncodeBase64Url(bytes);
}

Result<LinkClaims> LinkSigner::Verify(LinkKind kind, std::string_view token) const {
  if (token.size() > kMaxLinkTokenBytes) return NotOurs();
  const std::optional<std::string> bytes = DecodeBase64Url(token);
  if (!bytes || bytes->size() < kHeaderBytes + kMacBytes) return NotOurs();
  const std::string_view all = *bytes;
  if (all[0] != kVersion || all[1] != static_cast<char>(kind)) return NotOurs();
  const std::string_view signed_part = all.substr(0, all.size() - kMacBytes);
  for (const Key& key : keys_) {
    if (all.substr(2, kKeyIdBytes) != key.id) continue;
    const std::string mac = Mac(key.secret, signed_part);
    if (CRYPTO_memcmp(mac.data(), all.data() + signed_part.size(), kMacBytes) != 0) continue;
    LinkClaims claims;
    claims.kind = kind;
    if (!DecodeClaims(signed_part.substr(kHeaderBytes), &claims)) return NotOurs();
    return claims;
  }
  return NotOurs();
}

}  // namespace sojourn::deliver
