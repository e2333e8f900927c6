#include "connectors/smtp/mail_address.h"

#include <string>

#include <gtest/gtest.h>

namespace sojourn::smtp {
namespace {

std::string Wire(std::string_view address) {
  const auto wire = WireAddress(address);
  return wire.ok() ? *wire : "refused";
}

TEST(MailAddressTest, TakesWhatRelaysTake) {
  for (const char* address :
       {"ada@shop.example", "a.b+tag@shop.example", "o'hara@a.b.c.example",
        "x@xn--mller-kva.example", "!#$%&'*+-/=?^_`{|}~@shop.example", "1@2.example"}) {
    EXPECT_EQ(Wire(address), address);
  }
  EXPECT_EQ(Wire("Ada@SHOP.Example"), "Ada@shop.example");
}

TEST(MailAddressTest, DomainsBeyondAsciiGetTheirALabels) {
  EXPECT_EQ(Wire("max@m\u00fcller.example"), "max@xn--mller-kva.example");
  EXPECT_EQ(Wire("max@M\u00dcLLER.example"), "max@xn--mller-kva.example");
  EXPECT_EQ(Wire("max@stra\u00dfe.example"), "max@xn--strae-oqa.example");
}

TEST(MailAddressTest, RefusesTheRest) {
  for (const std::string_view address : {"",
                                         "@",
                                         "ada",
                                         "ada@",
                                         "@shop.example",
                                         "ada@shop",
                                         "ada@.example",
                                         "ada@shop..example",
                                         "ada@shop.example.",
                                         ".ada@shop.example",
                                         "ada.@shop.example",
                                         "a..b@shop.example",
                                         "a b@shop.example",
                                         "ada@shop.example ",
                                         " ada@shop.example",
                                         "\"a b\"@shop.example",
                                         "ada@[192.0.2.1]",
                                         "ada@192.0.2.1",
                                         "a@b@shop.example",
                                         "ada@-shop.example",
                                         "ada@shop-.example",
                                         "ada@sh_op.example",
                                         "<ada@shop.example>",
                                         "m\u00fcller@shop.example",
                                         "ada@shop.example\r\nBcc: eve@shop.example",
                                         "ada\r\nDATA@shop.example",
                                         "ada@m\u00fcller.example\r\nRCPT TO:<eve@shop.example>",
                                         "ada@m\xfcller.example",
                                         "ada@\xed\xa0\x80.example",
                                         "ada,eve@shop.example",
                                         "ada@shop.example,eve@shop.example"}) {
    EXPECT_FALSE(IsMailAddress(address)) << address;
  }
  EXPECT_FALSE(IsMailAddress(std::string_view("ada@shop.exa\0mple", 17)));
  EXPECT_FALSE(IsMailAddress(std::string_view("ada@m\u00fcller.example\0", 20)));
}

TEST(MailAddressTest, HasTheLimitsOfSmtp) {
  const std::string domain = "@shop.example";
  EXPECT_TRUE(IsMailAddress(std::string(64, 'a') + domain));
  EXPECT_FALSE(IsMailAddress(std::string(65, 'a') + domain));
  EXPECT_TRUE(IsMailAddress("a@" + std::string(63, 'b') + ".example"));
  EXPECT_FALSE(IsMailAddress("a@" + std::string(64, 'b') + ".example"));
  std::string labels;
  while (labels.size() < 243) labels += "ab.";
  EXPECT_TRUE(IsMailAddress("aaa@" + labels + "example"));
  EXPECT_FALSE(IsMailAddress("aaaa@" + labels + "example"));
  EXPECT_FALSE(IsMailAddress(std::string(1 << 20, 'a') + domain));
  EXPECT_FALSE(IsMailAddress("a@" + std::string(1 << 20, 'a')));
}

TEST(MailAddressTest, TheErrorNamesTheAddressInOneShortLine) {
  const auto wire = WireAddress("eve\r\n" + std::string(1 << 20, 'x'));
  ASSERT_FALSE(wire.ok());
  EXPECT_EQ(wire.status().message().find_first_of("\r\n"), std::string::npos);
  EXPECT_LT(wire.status().message().size(), 200);
  EXPECT_EQ(DomainOf("ada@shop.example"), "shop.example");
}

}  // namespace
}  // namespace sojourn::smtp
