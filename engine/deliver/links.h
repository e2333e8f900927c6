// The links of a mail that lead back to us: what they say, signed so that nobody can make one.
//
// A token is base64url of version, kind, key id, claims and a MAC (the first 128 bits of an
// HMAC-SHA256) over all of them. It holds all that is needed to answer it, so that no lookup stands
// between a click and its target. Whoever has a token can read it; it is signed, not encrypted.
//
// Threads: immutable; shared freely. Errors: Verify says no more than that a token is not ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::deliver {

// kFeedback is no link: it stands in a mail's headers, and mailboxes and providers hand it back.
enum class LinkKind : uint8_t { kUnsubscribe, kPreferences, kOpen, kClick, kFeedback };

// Longer tokens are not ours. Claims as journeys make them need about 150 bytes and their target.
inline constexpr size_t kMaxLinkTokenBytes = size_t{8} * 1024;
// What a click's target may have at most, so that its token is within that limit.
inline constexpr size_t kMaxClickTargetBytes = size_t{4} * 1024;

// What a mark should have at most, so that every provider hands it back.
inline constexpr size_t kMaxShortMarkBytes = 256;

struct LinkClaims {
  LinkKind kind = LinkKind::kUnsubscribe;
  std::string action_id;
  std::string person;
  std::string journey;
  std::string template_name;
  std::string topic;
  std::string language;  // of the pages: "en", "de", ...; empty: the browser's
  std::string target;    // kClick: where to; kFeedback: the address the mail goes to
  Timestamp sent_at;     // of the mail

  bool operator==(const LinkClaims&) const = default;
};

class LinkSigner {
 public:
  // Newest first: the first signs, all verify, in whatever order: a token names its key by a hash,
  // so an old key can be taken away at any time. At least one, none empty.
  explicit LinkSigner(std::vector<std::string> keys);

  std::string Sign(const LinkClaims& claims) const;
  // Also compares the kind, so that an open's token does not unsubscribe.
  Result<LinkClaims> Verify(LinkKind kind, std::string_view token) const;

 private:
  struct Key {
    std::string id;
    std::string secret;
  };
  std::vector<Key> keys_;
};

}  // namespace sojourn::deliver
