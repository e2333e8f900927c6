#include "connectors/http/tls_context.h"

#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "engine/base/hash.h"
#include "engine/base/regular_file.h"
#include "engine/base/rfc3339.h"
#include "engine/telemetry/log.h"

namespace sojourn::http {
namespace {

namespace ssl = boost::asio::ssl;

constexpr size_t kMaxFileBytes = size_t{1} << 20;

// Without this OpenSSL asks for the passphrase on the terminal and waits.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// Requests of HTTP/2 clients that offer both come as HTTP/1.1.
int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                   const unsigned char* offered, unsigned int offered_bytes, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  const int result = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_bytes, kOurs,
                                           sizeof(kOurs) - 1, offered, offered_bytes);
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

Status UseCertificate(const std::string& file, ssl::context* context) {
  auto text = ReadRegularFile(file, kMaxFileBytes);
  if (!text.ok()) {
    return InvalidArgument(
        fmt::format("tls: cannot read the certificate {}: {}", file, text.status().message()));
  }
  boost::system::error_code error;
  context->use_certificate_chain(boost::asio::buffer(*text), error);
  if (!error) return Status::Ok();
  return InvalidArgument(fmt::format(
      "tls: {} has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", file));
}

Status UseKey(const TlsOptions& options, ssl::context* context) {
  auto text = ReadRegularFile(options.key, kMaxFileBytes);
  if (!text.ok()) {
    return InvalidArgument(
        fmt::format("tls: cannot read the key {}: {}", options.key, text.status().message()));
  }
  bool has_passphrase = false;
  BIO* const bio = BIO_new_mem_buf(text->data(), static_cast<int>(text->size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, NoPassphrase, &has_passphrase);
  BIO_free(bio);
  OPENSSL_cleanse(text->data(), text->size());
  if (key == nullptr) {
    ERR_clear_error();
    return InvalidArgument(
        has_passphrase ? fmt::format("tls: the key {} has a passphrase; openssl pkey takes it off",
                                     options.key)
                       : fmt::format("tls: {} has no private key in PEM", options.key));
  }
  const bool fits = SSL_CTX_use_PrivateKey(context->native_handle(), key) == 1 &&
                    SSL_CTX_check_private_key(context->native_handle()) == 1;
  EVP_PKEY_free(key);
  if (fits) return Status::Ok();
  ERR_clear_error();
  return InvalidArgument(fmt::format("tls: the key {} is not that of the certificate {}",
                                     options.key, options.certificate));
}

Timestamp TimeOf(const ASN1_TIME* time) {
  std::tm civil = {};
  if (ASN1_TIME_to_tm(time, &civil) != 1) return Timestamp::Min();
  return Timestamp(int64_t{timegm(&civil)} * 1000);
}

void Restrict(const TlsOptions& options, SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(
      context, options.minimum_version == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // With forward secrecy and authenticated encryption only, under TLS 1.2; those of 1.3 all are so.
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps none
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::Open(TlsOptions options) {
  std::unique_ptr<TlsContext> opened(new TlsContext(std::move(options)));
  SOJOURN_RETURN_IF_ERROR(opened->Load());
  return opened;
}

Status TlsContext::Load() {
  auto loaded = std::make_shared<Loaded>(Loaded{ssl::context(ssl::context::tls_server), "", {}});
  SSL_CTX* const context = loaded->context.native_handle();
  Restrict(options_, context);
  SOJOURN_RETURN_IF_ERROR(UseCertificate(options_.certificate, &loaded->context));
  SOJOURN_RETURN_IF_ERROR(UseKey(options_, &loaded->context));
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  loaded->fingerprint = CertificateFingerprint(certificate);
  loaded->expires_at = TimeOf(X509_get0_notAfter(certificate));
  const bool ended = X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
  const std::string words = fmt::format("the certificate {} ended on {}", options_.certificate,
                                        FormatRfc3339(loaded->expires_at));
  const std::lock_guard lock(mutex_);
  if (ended && current_ != nullptr) {
    return FailedPrecondition(words + "; the one in use stays");
  }
  // Better than not to start: some clients take it.
  if (ended) telemetry::Log(telemetry::LogLevel::kError, words);
  current_ = std::move(loaded);
  return Status::Ok();
}

std::shared_ptr<TlsContext::Loaded> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string CertificateFingerprint(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest, &bytes) != 1) {
    return "";
  }
  return Hex(digest, bytes);
}

}  // namespace sojourn::http
