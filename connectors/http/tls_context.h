// The certificate and key of a listener, loaded from PEM files and loaded anew while it serves.
//
// TLS 1.2 or 1.3, no compression, no renegotiation. Connections keep what they began with; those
// that come after Load have the new certificate.
//
// Threads: any. Errors: kInvalidArgument, one line that names the file: missing, no PEM, a key with
// a passphrase, a key that is not the certificate's. After a failed Load all is as it was. A
// certificate that is over is served: journeys must not stand still for it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <boost/asio/ssl/context.hpp>

#include "connectors/http/tls_options.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::http {

class TlsContext {
 public:
  static Result<std::unique_ptr<TlsContext>> Open(TlsOptions options);

  // Reads the files again.
  Status Load();

  struct Loaded {
    boost::asio::ssl::context context;
    std::string fingerprint;  // SHA-256 of the certificate, hexadecimal
    Timestamp expires_at;
  };
  // Never null.
  std::shared_ptr<Loaded> current() const;

 private:
  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}

  const TlsOptions options_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<Loaded> current_;
};

// SHA-256 of the certificate's DER, hexadecimal; "" where it cannot be had.
std::string CertificateFingerprint(const X509* certificate);

}  // namespace sojourn::http
