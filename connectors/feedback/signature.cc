#include "connectors/feedback/signature.h"

#include <algorithm>
#include <ctime>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "engine/base/base64.h"
#include "engine/base/hash.h"

namespace sojourn::feedback {
namespace {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPointer = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, FreeWith<X509_free>>;
using StorePointer = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using StoreContextPointer = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;
using DigestContextPointer = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

constexpr size_t kMaxCertificates = 8;  // of one file

BioPointer OverBytes(std::string_view bytes) {
  return BioPointer(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// A key may have been folded into lines.
std::string WithoutSpaces(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') kept += c;
  }
  return kept;
}

std::vector<CertificatePointer> ReadCertificates(std::string_view pem) {
  std::vector<CertificatePointer> certificates;
  const BioPointer bio = OverBytes(pem);
  while (certificates.size() < kMaxCertificates) {
    CertificatePointer certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

std::optional<Timestamp> ToTimestamp(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return Timestamp(int64_t{timegm(&parts)} * 1000);
}

// X509_V_OK, or why the chain leads nowhere.
int CheckChain(const std::vector<CertificatePointer>& certificates, const std::string& ca_file,
               Timestamp now) {
  const StorePointer store(X509_STORE_new());
  const int loaded = ca_file.empty()
                         ? X509_STORE_set_default_paths(store.get())
                         : X509_STORE_load_locations(store.get(), ca_file.c_str(), nullptr);
  if (loaded != 1) return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
  STACK_OF(X509)* const issuers = sk_X509_new_null();
  for (size_t i = 1; i < certificates.size(); ++i) sk_X509_push(issuers, certificates[i].get());
  const StoreContextPointer context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificates.front().get(), issuers);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), now.milliseconds() / 1000);
  const int verified = X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(issuers);
  return verified == 1 ? X509_V_OK : error;
}

// No issuer came along, and the machine does not know it either: certificates for servers are
// signed by intermediate authorities, which no list of authorities names.
bool LacksIssuerAlone(int error, size_t certificate_count) {
  return certificate_count == 1 && (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                                    error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE);
}

}  // namespace

std::optional<std::string> DecodeHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    int byte = 0;
    for (const char c : text.substr(i, 2)) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return std::nullopt;
      byte = byte * 16 + digit;
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

bool EqualSecrets(std::string_view a, std::string_view b) {
  const Sha256Digest hash_a = Sha256(a);
  const Sha256Digest hash_b = Sha256(b);
  return CRYPTO_memcmp(hash_a.data(), hash_b.data(), hash_a.size()) == 0;
}

struct PublicKey::Handle {
  KeyPointer key;
};

Result<PublicKey> PublicKey::ReadP256(std::string_view text) {
  KeyPointer key;
  if (text.find("-----BEGIN") != std::string_view::npos) {
    key.reset(PEM_read_bio_PUBKEY(OverBytes(text).get(), nullptr, nullptr, nullptr));
  } else if (const auto der = DecodeBase64(WithoutSpaces(text))) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der->data());
    key.reset(d2i_PUBKEY(nullptr, &bytes, static_cast<long>(der->size())));  // NOLINT: OpenSSL's
  }
  char group[32] = "";
  const bool p256 = key != nullptr && EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                    EVP_PKEY_get_group_name(key.get(), group, sizeof(group), nullptr) == 1 &&
                    std::string_view(group) == "prime256v1";
  if (!p256) return InvalidArgument("this is no public key of ECDSA on P-256, as base64 or PEM");
  return PublicKey(std::make_shared<const Handle>(Handle{std::move(key)}));
}

bool PublicKey::Verifies(Digest digest, std::string_view bytes, std::string_view signature) const {
  const DigestContextPointer context(EVP_MD_CTX_new());
  const EVP_MD* const algorithm = digest == Digest::kSha1 ? EVP_sha1() : EVP_sha256();
  if (EVP_DigestVerifyInit(context.get(), nullptr, algorithm, nullptr, handle_->key.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          bytes.size()) == 1;
}

Result<SigningCertificate> SigningCertificate::Read(std::string_view pem,
                                                    const std::vector<std::string>& hosts,
                                                    const std::string& ca_file, Timestamp now) {
  const std::vector<CertificatePointer> certificates = ReadCertificates(pem);
  if (certificates.empty()) return InvalidArgument("what it came from gives no certificate");
  X509* const certificate = certificates.front().get();
  const auto begins = ToTimestamp(X509_get0_notBefore(certificate));
  const auto expires = ToTimestamp(X509_get0_notAfter(certificate));
  if (!begins || !expires || now < *begins || now >= *expires) {
    return InvalidArgument("its certificate is not in force");
  }
  const bool named = std::ranges::any_of(hosts, [&](const std::string& host) {
    return X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1;
  });
  if (!named) {
    return InvalidArgument("its certificate is made for another name");
  }
  if (X509_self_signed(certificate, 0) != 0) {
    return InvalidArgument("its certificate is signed by itself");
  }
  const int error = CheckChain(certificates, ca_file, now);
  if (error != X509_V_OK && !LacksIssuerAlone(error, certificates.size())) {
    return InvalidArgument(std::string("its certificate is not trusted: ") +
                           X509_verify_cert_error_string(error));
  }
  KeyPointer key(X509_get_pubkey(certificate));
  if (key == nullptr) return InvalidArgument("its certificate has no key");
  return SigningCertificate(
      PublicKey(std::make_shared<const PublicKey::Handle>(PublicKey::Handle{std::move(key)})),
      *expires);
}

}  // namespace sojourn::feedback
