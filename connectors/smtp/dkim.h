// DKIM (RFC 6376): rsa-sha256, relaxed/relaxed, the whole body signed.
//
// Threads: a signer is immutable; share it. Errors: a key that cannot be used is refused when it is
// loaded, with its file and the reason.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::smtp {

struct DkimKeyOptions {
  std::string domain;    // the d= of its signatures; senders below it are signed for, too
  std::string selector;  // the public key stands in DNS at <selector>._domainkey.<domain>
  std::string key_file;  // PEM, an RSA private key of at least 1024 bits without a passphrase
};

class DkimSigner {
 public:
  static Result<DkimSigner> Load(const std::vector<DkimKeyOptions>& keys);

  DkimSigner(DkimSigner&&) noexcept;
  DkimSigner& operator=(DkimSigner&&) noexcept;
  ~DkimSigner();

  // The header "DKIM-Signature: ..." with CRLF, to be put before `message` (headers, an empty line,
  // a body, all with CRLF). Empty where no key is for `from_domain` (a wire domain); of several the
  // one with the longest domain signs.
  Result<std::string> Sign(std::string_view message, std::string_view from_domain,
                           Timestamp signed_at) const;

 private:
  struct Key;
  explicit DkimSigner(std::vector<Key> keys);
  const Key* KeyFor(std::string_view from_domain) const;

  std::vector<Key> keys_;
};

}  // namespace sojourn::smtp
