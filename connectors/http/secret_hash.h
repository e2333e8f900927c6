// What is kept of a secret that others have to show: its SHA-256, never the secret.
//
// Write keys and admin tokens are long random texts (`sojourn key` makes them of 256 bits), so one
// plain SHA-256 cannot be turned round: there are too many to be tried. A slow hash such as bcrypt
// protects passwords that people think up; here it would only cost every request the time that it
// is meant to cost who guesses, and so let anybody keep the process busy with wrong keys.
//
// Threads: a plain value.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/hash.h"
#include "engine/base/status.h"

namespace sojourn::http {

class SecretHash {
 public:
  static SecretHash Of(std::string_view secret);
  // As a configuration gives it: "sha256:" and 64 hexadecimal digits are the hash; another text is
  // the secret itself. kInvalidArgument: a misspelt hash, also "sha265:". No error shows it.
  static Result<SecretHash> Parse(std::string_view text);

  // Takes the same time whatever of it agrees.
  bool Matches(std::string_view given) const;
  // "sha256:..."
  std::string ToText() const;

 private:
  explicit SecretHash(const Sha256Digest& digest) : digest_(digest) {}
  Sha256Digest digest_;
};

}  // namespace sojourn::http
