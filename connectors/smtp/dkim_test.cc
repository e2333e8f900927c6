#include "connectors/smtp/dkim.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "connectors/smtp/signed_mime.h"
#include "connectors/smtp/test_keys.h"

namespace sojourn::smtp {
namespace {

class DkimTest : public testing::Test {
 protected:
  DkimTest() { WriteKey("RSA1024", KeyFile()); }

  std::string KeyFile() const { return directory_.PathOf("key.pem"); }

  std::string Signature(const DkimSigner& signer, std::string_view message,
                        std::string_view from_domain = "shop.example") const {
    auto signature = signer.Sign(message, from_domain, Timestamp(1772442000000));
    EXPECT_TRUE(signature.ok());
    return signature.ok() ? *signature : "";
  }

  DkimSigner Load(const std::vector<DkimKeyOptions>& keys) const {
    auto signer = DkimSigner::Load(keys);
    SOJOURN_CHECK(signer.ok());
    return std::move(*signer);
  }

  std::string LoadError(const DkimKeyOptions& key) const {
    const auto signer = DkimSigner::Load({key});
    return signer.ok() ? "" : signer.status().message();
  }

  TemporaryDirectory directory_;
};

TEST_F(DkimTest, SaysWhatItSigned) {
  const DkimSigner signer = Load({{"shop.example", "s1", KeyFile()}});
  const std::string signature =
      Signature(signer, "From: <a@shop.example>\r\nSubject: Hi\r\n\r\nHello\r\n");
  EXPECT_TRUE(signature.starts_with(
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example;\r\n"
      " s=s1; t=1772442000;\r\n"))
      << signature;
  EXPECT_NE(signature.find(" h=from:from:to:subject:date:"), std::string::npos) << signature;
  EXPECT_EQ(signature.find(" l="), std::string::npos);
  for (size_t begin = 0; begin < signature.size();) {
    const size_t end = signature.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - begin, 78u);
    begin = end + 2;
  }
}

TEST_F(DkimTest, RelaxedMailsHaveOneSignature) {
  const DkimSigner signer = Load({{"shop.example", "s1", KeyFile()}});
  const std::string signature =
      Signature(signer, "From: <a@shop.example>\r\nSubject: Hi you\r\n\r\nHello you\r\n");
  EXPECT_EQ(signature, Signature(signer,
                                 "FROM :  <a@shop.example> \r\nsubject:Hi\r\n\t you\r\n\r\n"
                                 "Hello \t you  \r\n\r\n \r\n"));
  EXPECT_NE(signature, Signature(signer,
                                 "From: <a@shop.example>\r\nSubject: Hi you\r\n\r\n"
                                 " Hello you\r\n"));
  EXPECT_NE(signature,
            Signature(signer, "From: <a@shop.example>\r\nSubject: Hi You\r\n\r\nHello you\r\n"));
  EXPECT_NE(signature, Signature(signer,
                                 "From: <a@shop.example>\r\nSubject: Hi you\r\nTo: <b@c.example>"
                                 "\r\n\r\nHello you\r\n"));
}

TEST_F(DkimTest, AnEmptyBodyHasTheHashOfNothing) {
  const DkimSigner signer = Load({{"shop.example", "s1", KeyFile()}});
  for (const char* message : {"From: a\r\n\r\n", "From: a\r\n\r\n\r\n\r\n", "From: a\r\n"}) {
    EXPECT_NE(Signature(signer, message).find("bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
              std::string::npos);
  }
}

TEST_F(DkimTest, TheLongestDomainSigns) {
  const DkimSigner signer = Load({{"shop.example", "parent", KeyFile()},
                                  {"news.shop.example", "child", KeyFile()},
                                  {"M\u00dcLLER.example", "unicode", KeyFile()}});
  const auto selector = [&](std::string_view domain) {
    const std::string signature = Signature(signer, "From: a\r\n\r\n", domain);
    const size_t begin = signature.find(" s=");
    return begin == std::string::npos
               ? ""
               : signature.substr(begin + 3, signature.find(';', begin) - begin - 3);
  };
  EXPECT_EQ(selector("shop.example"), "parent");
  EXPECT_EQ(selector("other.shop.example"), "parent");
  EXPECT_EQ(selector("news.shop.example"), "child");
  EXPECT_EQ(selector("a.news.shop.example"), "child");
  EXPECT_EQ(selector("xn--mller-kva.example"), "unicode");
  EXPECT_EQ(selector("webshop.example"), "");
  EXPECT_EQ(selector("example"), "");
}

TEST_F(DkimTest, BadKeysAreNamed) {
  const std::string file = directory_.PathOf("bad.pem");
  const DkimKeyOptions options{"shop.example", "s1", file};
  EXPECT_NE(LoadError(options).find("No such file"), std::string::npos) << LoadError(options);
  EXPECT_NE(LoadError(options).find(file), std::string::npos);
  std::ofstream(file) << "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  EXPECT_NE(LoadError(options).find("no private key"), std::string::npos) << LoadError(options);
  std::ofstream(file) << "";
  EXPECT_NE(LoadError(options).find("no private key"), std::string::npos) << LoadError(options);
  WriteKey("EC", file);
  EXPECT_NE(LoadError(options).find("no RSA key but EC"), std::string::npos) << LoadError(options);
  WriteKey("RSA512", file);
  EXPECT_NE(LoadError(options).find("512 bits"), std::string::npos) << LoadError(options);
  WriteKey("ENCRYPTED", file);
  EXPECT_NE(LoadError(options).find("passphrase"), std::string::npos) << LoadError(options);
  EXPECT_NE(LoadError({"no domain", "s1", KeyFile()}).find("no domain"), std::string::npos);
  EXPECT_NE(LoadError({"shop.example", "s1; d=evil.example", KeyFile()}).find("selector"),
            std::string::npos);
}

TEST_F(DkimTest, AWrittenMailIsSignedByItsSender) {
  const DkimSigner signer = Load({{"shop.example", "s1", KeyFile()}});
  deliver::Mail mail;
  mail.from.address = "news@Mail.Shop.example";
  mail.to = "ada@customer.example";
  EXPECT_TRUE(WriteSignedMime(mail, &signer)->starts_with("DKIM-Signature: "));
  EXPECT_TRUE(WriteSignedMime(mail, nullptr)->starts_with("From: "));
  mail.from.address = "news@other.example";
  EXPECT_TRUE(WriteSignedMime(mail, &signer)->starts_with("From: "));
  mail.to = "nobody";
  EXPECT_FALSE(WriteSignedMime(mail, &signer).ok());
}

}  // namespace
}  // namespace sojourn::smtp
