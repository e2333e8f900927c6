// The links of a mail that lead back to us: what they say, signed so that nobody can make one.
//
// A token is base64url of version, key number, claims and an HMAC-SHA256 over all of them. It holds
// all that is needed to answer it, so that no lookup stands between a click and its target.
//
// Threads: immutable; shared freely. Errors: Verify says no more than that a token is not ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::deliver {

enum class LinkKind : uint8_t { kUnsubscribe, kPreferences, kOpen, kClick };

struct LinkClaims {
  LinkKind kind = LinkKind::kUnsubscribe;
  std::string action_id;
  std::string person;
  std::string journey;
  std::string template_name;
  std::string topic;
  std::string language;  // of the pages: "en", "de", ...; empty: the browser's
  std::string target;    // kClick: where to
  Timestamp sent_at;     // of the mail
};

class LinkSigner {
 public:
  // Newest first: the first signs, all verify. At least one, none empty.
  explicit LinkSigner(std::vector<std::string> keys);

  std::string Sign(const LinkClaims& claims) const;
  // Also compares the kind, so that an open's token does not unsubscribe.
  Result<LinkClaims> Verify(LinkKind kind, std::string_view token) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace sojourn::deliver
