#include "engine/runtime/key_fingerprints.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/base/hash.h"

namespace sojourn::runtime {
namespace {

std::string Fingerprint(std::string_view key) { return Hex(Sha256(key).data(), 8); }

}  // namespace

std::vector<store::NamedText> KeyFingerprints(const step::Secrets& secrets) {
  const std::string event_id_key(reinterpret_cast<const char*>(secrets.event_id_key.data()),
                                 sizeof(secrets.event_id_key));
  return {{"coupon_key", Fingerprint(secrets.coupon_key)},
          {"event_id_key", Fingerprint(event_id_key)}};
}

std::string ChangedKey(const std::vector<store::NamedText>& known, const step::Secrets& secrets) {
  for (const store::NamedText& now : KeyFingerprints(secrets)) {
    const auto before =
        std::ranges::find_if(known, [&](const auto& key) { return key.name == now.name; });
    if (before != known.end() && before->value != now.value) return now.name;
  }
  return "";
}

}  // namespace sojourn::runtime
