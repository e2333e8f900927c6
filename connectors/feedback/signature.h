// What providers' signatures are checked with.
//
// Threads: immutable; pure functions. Ownership: everything is copied. Errors: kInvalidArgument
// with one line that holds no secret.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::feedback {

std::optional<std::string> DecodeHex(std::string_view text);

// Takes the same time whatever the content.
bool EqualSecrets(std::string_view a, std::string_view b);

enum class Digest : uint8_t { kSha1, kSha256 };

// A public key, RSA or ECDSA.
class PublicKey {
 public:
  // An ECDSA key on P-256: base64 of its DER, or PEM.
  static Result<PublicKey> ReadP256(std::string_view text);

  // RSA: PKCS #1 v1.5; ECDSA: DER.
  bool Verifies(Digest digest, std::string_view bytes, std::string_view signature) const;

 private:
  friend class SigningCertificate;
  struct Handle;
  explicit PublicKey(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<const Handle> handle_;
};

// The certificate that a provider serves beside its signatures.
class SigningCertificate {
 public:
  // `pem`: the certificate, then perhaps its issuers. It must be in force at `now`, be made for
  // one of `hosts`, and not be signed by itself. Issuers that come along must lead to an authority
  // of `ca_file` (empty: the machine's): alone it is as good as the connection it came over.
  static Result<SigningCertificate> Read(std::string_view pem,
                                         const std::vector<std::string>& hosts,
                                         const std::string& ca_file, Timestamp now);

  const PublicKey& key() const { return key_; }
  Timestamp expires() const { return expires_; }

 private:
  SigningCertificate(PublicKey key, Timestamp expires) : key_(std::move(key)), expires_(expires) {}
  PublicKey key_;
  Timestamp expires_;
};

}  // namespace sojourn::feedback
