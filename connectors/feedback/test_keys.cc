#include "connectors/feedback/test_keys.h"

#include <algorithm>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "engine/base/check.h"

namespace sojourn::feedback {
namespace {

std::string TextOf(BIO* bio) {
  char* bytes = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &bytes));
  std::string text(bytes, size);
  BIO_free(bio);
  return text;
}

void SetName(X509_NAME* name, const std::string& text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  SOJOURN_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

struct TestKey::Handle {
  EVP_PKEY* key = nullptr;
};

std::string EncodeBase64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

TestKey::TestKey(Kind kind) : handle_(std::make_unique<Handle>()) {
  handle_->key = kind == Kind::kRsa    ? EVP_RSA_gen(2048)
                 : kind == Kind::kP256 ? EVP_EC_gen("P-256")
                                       : EVP_EC_gen("P-384");
  SOJOURN_CHECK(handle_->key != nullptr);
}

TestKey::~TestKey() { EVP_PKEY_free(handle_->key); }

std::string TestKey::Sign(Digest digest, std::string_view bytes) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* algorithm = digest == Digest::kSha1 ? EVP_sha1() : EVP_sha256();
  SOJOURN_CHECK(EVP_DigestSignInit(context, nullptr, algorithm, nullptr, handle_->key) == 1);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t size = 0;
  SOJOURN_CHECK(EVP_DigestSign(context, nullptr, &size, data, bytes.size()) == 1);
  std::string signature(size, '\0');
  SOJOURN_CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                               data, bytes.size()) == 1);
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

std::string TestKey::PublicDer() const {
  BIO* bio = BIO_new(BIO_s_mem());
  i2d_PUBKEY_bio(bio, handle_->key);
  return TextOf(bio);
}

std::string TestKey::PublicPem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, handle_->key);
  return TextOf(bio);
}

std::string TestKey::Certificate(const std::string& name, const TestKey* issuer,
                                 const std::string& issuer_name, Timestamp begins,
                                 Timestamp expires, bool authority) const {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  ASN1_TIME_set(X509_getm_notBefore(certificate), begins.milliseconds() / 1000);
  ASN1_TIME_set(X509_getm_notAfter(certificate), expires.milliseconds() / 1000);
  SetName(X509_get_subject_name(certificate), name);
  SetName(X509_get_issuer_name(certificate), issuer_name);
  X509_set_pubkey(certificate, handle_->key);
  AddExtension(certificate, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
  AddExtension(certificate, NID_subject_alt_name, "DNS:" + name);
  const TestKey& signer = issuer == nullptr ? *this : *issuer;
  SOJOURN_CHECK(X509_sign(certificate, signer.handle_->key, EVP_sha256()) > 0);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  X509_free(certificate);
  return TextOf(bio);
}

FeedbackRequest TestRequest::View() const {
  return {body, [this](std::string_view name) -> std::optional<std::string_view> {
            std::string lower(name);
            std::ranges::transform(lower, lower.begin(), [](unsigned char c) {
              return static_cast<char>(std::tolower(c));
            });
            const auto found = headers.find(lower);
            return found == headers.end() ? std::nullopt
                                          : std::optional<std::string_view>(found->second);
          }};
}

}  // namespace sojourn::feedback
