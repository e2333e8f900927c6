#include "connectors/smtp/header_text.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sojourn::smtp {
namespace {

// The lines of a field; fails where one is not ended by CRLF or is longer than 76.
std::vector<std::string> Lines(std::string_view field) {
  std::vector<std::string> lines;
  while (!field.empty()) {
    const size_t end = field.find("\r\n");
    EXPECT_NE(end, std::string_view::npos) << field;
    if (end == std::string_view::npos) break;
    lines.emplace_back(field.substr(0, end));
    EXPECT_LE(lines.back().size(), 76u) << lines.back();
    field.remove_prefix(end + 2);
  }
  return lines;
}

std::string Repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(HeaderTextTest, PlainSubjectsStayAsTheyAre) {
  EXPECT_EQ(UnstructuredField("Subject", "Your order, 20 % off"),
            "Subject: Your order, 20 % off\r\n");
  EXPECT_EQ(UnstructuredField("Subject", ""), "Subject:\r\n");
  EXPECT_EQ(UnstructuredField("Subject", "\r\n\r\n"), "Subject:\r\n");
}

TEST(HeaderTextTest, NothingEndsALine) {
  EXPECT_EQ(UnstructuredField("Subject", "Hi\r\nBcc: eve@shop.example"),
            "Subject: Hi Bcc: eve@shop.example\r\n");
  EXPECT_EQ(UnstructuredField("Subject", std::string_view("\nHi\0there\x7f\r", 11)),
            "Subject: Hi there\r\n");
  for (const char* end : {"\n", "\r", "\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c"}) {
    EXPECT_EQ(OneLine(std::string("a") + end + "b", 100), "a b");
    EXPECT_EQ(MailboxField("From", std::string("a") + end + "X-B: c", "a@b.example"),
              "From: \"a X-B: c\" <a@b.example>\r\n");
  }
}

TEST(HeaderTextTest, WhatIsNoUtf8IsReplaced) {
  EXPECT_EQ(OneLine("a\xed\xa0\x80z", 100), "a\ufffd\ufffd\ufffdz");
  EXPECT_EQ(OneLine("\xff", 100), "\ufffd");
  EXPECT_EQ(CleanText("a\xc3"), "a\ufffd");
  EXPECT_EQ(CleanText(std::string_view("a\0\tb\r\nc\rd\n\ne", 12)), "a\ufffd\tb\nc\nd\n\ne");
}

TEST(HeaderTextTest, EncodedWordsAreShortAndHoldWholeCharacters) {
  EXPECT_EQ(UnstructuredField("Subject", "Nur bis Sonntag f\u00fcr dich, Ada"),
            "Subject: =?utf-8?Q?Nur_bis_Sonntag_f=C3=BCr_dich=2C_Ada?=\r\n");
  EXPECT_EQ(UnstructuredField("Subject", "\u4f60\u597d"), "Subject: =?utf-8?B?5L2g5aW9?=\r\n");
  // U+1F600 is 8J+YgA==: where every word has whole characters, none begins within one.
  const auto lines = Lines(UnstructuredField("Subject", Repeated("\U0001F600", 200)));
  EXPECT_GT(lines.size(), 10u);
  for (const std::string& line : lines) {
    EXPECT_NE(line.find("=?utf-8?B?8J+YgPCfmID"), std::string::npos) << line;
    EXPECT_TRUE(line.ends_with("?=")) << line;
  }
}

TEST(HeaderTextTest, LongTextsAreFolded) {
  const auto words = Lines(UnstructuredField("Subject", Repeated("word ", 100)));
  EXPECT_GT(words.size(), 5u);
  EXPECT_EQ(words[1].substr(0, 10), " word word");
  for (const std::string& text :
       {std::string(5000, 'x'), Repeated("two  spaces ", 50), Repeated("=?utf-8?Q?a?= ", 50)}) {
    for (const std::string& line : Lines(UnstructuredField("Subject", text))) {
      EXPECT_NE(line.find(" =?utf-8?"), std::string::npos) << line;
    }
  }
}

TEST(HeaderTextTest, HugeTextsAreCut) {
  const std::string huge(1 << 20, 'x');
  EXPECT_EQ(OneLine(huge, 10), "xxxxxxx\u2026");
  EXPECT_EQ(OneLine("0123456789", 10), "0123456789");
  EXPECT_EQ(OneLine("\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4", 10), "\u00e4\u00e4\u00e4\u2026");
  EXPECT_LT(UnstructuredField("Subject", huge).size(), 2 * kMaxHeaderTextBytes);
  EXPECT_LT(Lines(UnstructuredField("Subject", Repeated("\r\n", 1 << 19))).size(), 5u);
}

TEST(HeaderTextTest, NamesAreQuotedOrEncoded) {
  const auto field = [](std::string_view name) {
    return MailboxField("From", name, "a@b.example");
  };
  EXPECT_EQ(field(""), "From: <a@b.example>\r\n");
  EXPECT_EQ(field("The Shop"), "From: \"The Shop\" <a@b.example>\r\n");
  EXPECT_EQ(field("Eve\" <eve@shop.example>, \""),
            "From: \"Eve\\\" <eve@shop.example>, \\\"\" <a@b.example>\r\n");
  EXPECT_EQ(field("back\\slash"), "From: \"back\\\\slash\" <a@b.example>\r\n");
  EXPECT_EQ(field("Caf\u00e9, Bar"), "From: =?utf-8?Q?Caf=C3=A9=2C_Bar?= <a@b.example>\r\n");
  EXPECT_EQ(field("\U0001F600"), "From: =?utf-8?B?8J+YgA==?= <a@b.example>\r\n");
  EXPECT_EQ(field("=?utf-8?Q?x?="), "From: =?utf-8?B?PT91dGYtOD9RP3g/PQ==?= <a@b.example>\r\n");
  EXPECT_GT(Lines(field(Repeated("name ", 100))).size(), 5u);
}

TEST(HeaderTextTest, TokensAndUrlsAreOneWord) {
  EXPECT_EQ(Token("a:b c\r\n\u00e4<>", ":", 100), "a:b_c______");
  EXPECT_EQ(Token("abcdef", "", 3), "abc");
  EXPECT_EQ(AsciiUrl("https://a.example/u?t=1&x=%20#y"), "https://a.example/u?t=1&x=%20#y");
  EXPECT_EQ(AsciiUrl("https://a.example/>\r\nBcc: \xff"), "https://a.example/%3E%0D%0ABcc:%20%FF");
}

}  // namespace
}  // namespace sojourn::smtp
