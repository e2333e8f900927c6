#include "connectors/smtp/test_keys.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "engine/base/check.h"

namespace sojourn::smtp {
namespace {

using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using FilePointer = std::unique_ptr<FILE, int (*)(FILE*)>;

FilePointer OpenToWrite(const std::string& file) {
  FilePointer opened(std::fopen(file.c_str(), "we"), &std::fclose);
  SOJOURN_CHECK(opened != nullptr);
  return opened;
}

KeyPointer MakeKey(const std::string& type) {
  if (type == "EC") return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
  const unsigned bits = type == "RSA512" ? 512 : type == "RSA2048" ? 2048 : 1024;
  return {EVP_RSA_gen(bits), &EVP_PKEY_free};
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sojourn_smtp_XXXXXX").string();
  SOJOURN_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

void WriteKey(const std::string& type, const std::string& file) {
  const KeyPointer key = MakeKey(type);
  SOJOURN_CHECK(key != nullptr);
  const FilePointer out = OpenToWrite(file);
  const bool encrypted = type == "ENCRYPTED";
  SOJOURN_CHECK(PEM_write_PrivateKey(out.get(), key.get(), encrypted ? EVP_aes_128_cbc() : nullptr,
                                     reinterpret_cast<const unsigned char*>("secret"),
                                     encrypted ? 6 : 0, nullptr, nullptr) == 1);
}

void WriteCertificate(const std::string& host, const std::string& certificate_file,
                      const std::string& key_file) {
  const KeyPointer key = MakeKey("RSA2048");
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, ("DNS:" + host).c_str());
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  SOJOURN_CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  SOJOURN_CHECK(PEM_write_X509(OpenToWrite(certificate_file).get(), certificate.get()) == 1);
  SOJOURN_CHECK(PEM_write_PrivateKey(OpenToWrite(key_file).get(), key.get(), nullptr, nullptr, 0,
                                     nullptr, nullptr) == 1);
}

}  // namespace sojourn::smtp
