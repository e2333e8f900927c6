#include "connectors/http/tls_context.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "connectors/http/http_client.h"
#include "connectors/http/http_server.h"

namespace sojourn::http {
namespace {

// A key and a certificate that it signed itself, as two files.
TlsOptions MakePair(const std::string& name, int valid_seconds = 3600) {
  const std::string stem = testing::TempDir() + "/sojourn-tls-" + name;
  const TlsOptions options{stem + ".pem", stem + ".key"};
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_seconds);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  BIO* const pem = BIO_new_file(options.certificate.c_str(), "w");
  PEM_write_bio_X509(pem, certificate);
  BIO_free(pem);
  BIO* const secret = BIO_new_file(options.key.c_str(), "w");
  PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO_free(secret);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return options;
}

std::string ErrorOf(const TlsOptions& options) {
  const auto opened = TlsContext::Open(options);
  return opened.ok() ? "" : opened.status().message();
}

void Copy(const TlsOptions& from, const TlsOptions& to) {
  const auto over = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy_file(from.certificate, to.certificate, over);
  std::filesystem::copy_file(from.key, to.key, over);
}

Result<Response> Ask(const HttpServer& server, const std::string& fingerprint) {
  return Call({"127.0.0.1", server.port(), fingerprint}, {"GET", "/here"}, Seconds(20));
}

TEST(TlsContext, SaysWhichFileCannotBeUsed) {
  const TlsOptions one = MakePair("one");
  const TlsOptions other = MakePair("other");
  const std::string garbage = testing::TempDir() + "/sojourn-tls-garbage";
  std::ofstream(garbage) << "none";
  EXPECT_EQ(ErrorOf(one), "");
  EXPECT_NE(ErrorOf({"/nowhere.pem", one.key}).find("/nowhere.pem"), std::string::npos);
  EXPECT_NE(ErrorOf({one.certificate, "/nowhere.key"}).find("/nowhere.key"), std::string::npos);
  EXPECT_NE(ErrorOf({garbage, one.key}).find("no certificate"), std::string::npos);
  EXPECT_NE(ErrorOf({one.certificate, garbage}).find("no private key"), std::string::npos);
  EXPECT_NE(ErrorOf({one.certificate, other.key}).find("is not that of"), std::string::npos);
}

TEST(TlsContext, ServesWhoTrustsTheCertificate) {
  const TlsOptions live = MakePair("live");
  ServerOptions options;
  options.port = 0;
  options.tls = live;
  const auto server = HttpServer::Start(options,
                                        {{"GET", "/here",
                                          [](const Request&, Respond respond) {
                                            respond({200, "hello"});
                                          }}},
                                        nullptr);
  ASSERT_TRUE(server.ok()) << server.status().message();
  const std::string first = (*server)->certificate_fingerprint();
  EXPECT_EQ(first.size(), 64u);
  auto answer = Ask(**server, first);
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(Ask(**server, std::string(64, '0')).status().code(), StatusCode::kUnavailable);
  answer = Ask(**server, "");  // plain HTTP
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->status, 400);

  const TlsOptions next = MakePair("next");
  std::filesystem::copy_file(next.certificate, live.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE((*server)->ReloadTls().ok());  // the key is still that of before
  EXPECT_TRUE(Ask(**server, first).ok());
  Copy(next, live);
  EXPECT_TRUE((*server)->ReloadTls().ok());
  EXPECT_NE((*server)->certificate_fingerprint(), first);
  EXPECT_TRUE(Ask(**server, (*server)->certificate_fingerprint()).ok());
  EXPECT_FALSE(Ask(**server, first).ok());

  const std::string second = (*server)->certificate_fingerprint();
  Copy(MakePair("ended", -30), live);
  const Status ended = (*server)->ReloadTls();
  EXPECT_NE(ended.message().find("ended on"), std::string::npos) << ended.message();
  EXPECT_EQ((*server)->certificate_fingerprint(), second);
}

// Better than no listener at all; the log says so.
TEST(TlsContext, StartsWithACertificateThatHasEnded) {
  EXPECT_EQ(ErrorOf(MakePair("ended-before", -30)), "");
}

}  // namespace
}  // namespace sojourn::http
