// Any bytes as the token of a link or a mark; and the bytes as a key's work: what was changed in a
// token of ours is none.
#include <iterator>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/deliver/links.h"
#include "tests/fuzz/target.h"

namespace sojourn::deliver {
namespace {

constexpr LinkKind kKinds[] = {LinkKind::kUnsubscribe, LinkKind::kPreferences, LinkKind::kOpen,
                               LinkKind::kClick, LinkKind::kFeedback};

const LinkSigner& Signer() {
  static const LinkSigner signer({"a newer key of links", "an older key of links"});
  return signer;
}

// Nobody knows the keys, so nothing verifies.
void TryForeign(std::string_view token) {
  for (const LinkKind kind : kKinds) SOJOURN_CHECK(!Signer().Verify(kind, token).ok());
}

// Whatever claims say, they come back as they were, and under their own kind alone.
std::string TryOwn(std::string_view bytes) {
  LinkClaims claims;
  const size_t third = bytes.size() / 3;
  claims.kind = kKinds[bytes.size() % std::size(kKinds)];
  claims.person = bytes.substr(0, third);
  claims.action_id = bytes.substr(third, third);
  claims.target = bytes.substr(2 * third);
  claims.sent_at = Timestamp(1'772'442'000'000);
  std::string token = Signer().Sign(claims);
  if (token.size() > kMaxLinkTokenBytes) return token;
  for (const LinkKind kind : kKinds) {
    const auto verified = Signer().Verify(kind, token);
    SOJOURN_CHECK(verified.ok() == (kind == claims.kind));
    SOJOURN_CHECK(!verified.ok() || *verified == claims);
  }
  return token;
}

void TryChanged(std::string token, std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t at = static_cast<unsigned char>(bytes.front()) * 131u % token.size();
  token[at] = token[at] == 'A' ? 'B' : 'A';
  TryForeign(token);
  token.resize(at);
  TryForeign(token);
}

}  // namespace
}  // namespace sojourn::deliver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  sojourn::deliver::TryForeign(text);
  sojourn::deliver::TryChanged(sojourn::deliver::TryOwn(text.substr(0, 2000)), text);
  return 0;
}
