#include "connectors/webhook/address_rules.h"

#include <gtest/gtest.h>

namespace sojourn::webhook {
namespace {

IpAddress Ip(const char* text) {
  const auto address = IpAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(IpAddress{});
}

TEST(SpecialUse, EveryKindInEveryForm) {
  struct Case {
    const char* address;
    std::string_view use;
  };
  for (const Case& it : std::vector<Case>{
           {"0.0.0.0", "unspecified"},
           {"0.1.2.3", "unspecified"},
           {"10.0.0.0", "private network"},
           {"10.255.255.255", "private network"},
           {"100.64.0.0", "carrier NAT"},
           {"100.127.255.255", "carrier NAT"},
           {"127.0.0.1", "loopback"},
           {"127.255.255.254", "loopback"},
           {"169.254.169.254", "link-local"},  // metadata of cloud machines
           {"172.16.0.1", "private network"},
           {"172.31.255.255", "private network"},
           {"192.0.0.192", "reserved"},
           {"192.0.2.1", "documentation"},
           {"192.168.1.1", "private network"},
           {"198.18.0.1", "benchmarking"},
           {"198.19.255.255", "benchmarking"},
           {"224.0.0.1", "multicast"},
           {"239.255.255.255", "multicast"},
           {"240.0.0.1", "reserved"},
           {"255.255.255.255", "reserved"},
           {"::", "unspecified"},
           {"::1", "loopback"},
           {"::2", "unspecified"},  // carries 0.0.0.2
           {"fc00::1", "private network"},
           {"fd00:ec2::254", "private network"},  // metadata
           {"fe80::1", "link-local"},
           {"febf::1", "link-local"},
           {"fec0::1", "private network"},
           {"ff02::1", "multicast"},
           {"2001::1", "reserved"},
           {"2001:db8::1", "documentation"},
           {"3fff::1", "documentation"},
           {"64:ff9b:1::a00:1", "reserved"},
           {"4000::1", "reserved"},
           {"::ffff:10.0.0.1", "private network"},
           {"::ffff:127.0.0.1", "loopback"},
           {"::ffff:0:10.0.0.1", "private network"},
           {"::10.0.0.1", "private network"},
           {"::127.0.0.1", "loopback"},
           {"64:ff9b::10.0.0.1", "private network"},
           {"64:ff9b::169.254.169.254", "link-local"},
           {"2002:a00:1::", "private network"},
           {"2002:7f00:1::1", "loopback"},
       }) {
    EXPECT_EQ(SpecialUseOf(Ip(it.address)), it.use) << it.address;
  }
}

TEST(SpecialUse, PublicOnesHaveNone) {
  for (const char* address :
       {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",       "100.63.255.255",
        "100.128.0.0",     "126.255.255.255", "128.0.0.0",      "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",  "172.32.0.0",     "192.167.255.255",
        "192.169.0.0",     "198.17.255.255",  "198.20.0.0",     "223.255.255.255",
        "2606:4700::1111", "2a00:1450::1",    "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
        "2002:101:101::1"}) {
    EXPECT_EQ(SpecialUseOf(Ip(address)), "") << address;
  }
}

TEST(AddressRules, OnlyWhatIsNamedIsOpen) {
  const auto rules = AddressRules::Make({"LocalHost", "10.1.0.0/16", "fd00::/8", "192.168.7.7"});
  ASSERT_TRUE(rules.ok());
  const auto allowed = [&](const char* address, std::string_view host) {
    return rules->Refusal(Ip(address), host).empty();
  };
  EXPECT_TRUE(allowed("127.0.0.1", "localhost"));
  EXPECT_TRUE(allowed("::1", "LOCALHOST"));
  EXPECT_FALSE(allowed("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(allowed("127.0.0.1", "rebinding.example"));
  EXPECT_FALSE(allowed("127.0.0.1", "localhost.example"));
  EXPECT_TRUE(allowed("10.1.255.255", "crm.example"));
  EXPECT_TRUE(allowed("::ffff:10.1.2.3", "crm.example"));
  EXPECT_FALSE(allowed("10.2.0.0", "crm.example"));
  EXPECT_FALSE(allowed("::ffff:10.2.0.1", "crm.example"));
  EXPECT_TRUE(allowed("fd12::1", "crm.example"));
  EXPECT_TRUE(allowed("192.168.7.7", "crm.example"));
  EXPECT_FALSE(allowed("192.168.7.8", "crm.example"));
  EXPECT_TRUE(allowed("1.1.1.1", "crm.example"));
}

TEST(AddressRules, ARefusalSaysWhy) {
  const auto rules = AddressRules::Make({});
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->Refusal(Ip("::ffff:10.0.0.1"), "x.example"),
            "::ffff:10.0.0.1 is not on the public Internet (private network); "
            "webhooks: {allow_private} opens it");
}

TEST(AddressRules, WhatIsNeitherNameNorRangeIsRefused) {
  for (const char* entry : {"", "127.1", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                            "crm.example/8", "a b", "http://crm.example", "::1/129"}) {
    EXPECT_EQ(AddressRules::Make({entry}).status().code(), StatusCode::kInvalidArgument) << entry;
  }
}

}  // namespace
}  // namespace sojourn::webhook
