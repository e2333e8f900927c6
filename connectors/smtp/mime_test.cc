#include "connectors/smtp/mime.h"

#include <string>

#include <gtest/gtest.h>

#include "connectors/smtp/transfer_encoding.h"

namespace sojourn::smtp {
namespace {

deliver::Mail SmallMail() {
  deliver::Mail mail;
  mail.action_id = "act_0123456789abcdef0123456789abcdef";
  mail.from = {"The Shop", "news@shop.example"};
  mail.to = "ada@customer.example";
  mail.subject = "Hello";
  mail.html = "<p>Hello</p>\n";
  mail.text = "Hello\n";
  mail.date = Timestamp(1772442000000);
  return mail;
}

std::string Written(const deliver::Mail& mail) {
  const auto message = WriteMime(mail);
  EXPECT_TRUE(message.ok()) << message.status().message();
  return message.ok() ? *message : "";
}

std::string Headers(const std::string& message) {
  return message.substr(0, message.find("\r\n\r\n"));
}

// Every line ends in CRLF, is ASCII without controls and has at most 76 characters.
void ExpectGoodLines(std::string_view message) {
  while (!message.empty()) {
    const size_t end = message.find("\r\n");
    ASSERT_NE(end, std::string_view::npos);
    const std::string_view line = message.substr(0, end);
    ASSERT_LE(line.size(), 76u) << line;
    for (const char c : line) ASSERT_TRUE(c == '\t' || (c >= 0x20 && c < 0x7f)) << line;
    message.remove_prefix(end + 2);
  }
}

TEST(MimeTest, MarksAreHeadersOfOneLine) {
  deliver::Mail mail = SmallMail();
  const std::string longest(700, 'a');
  mail.marks = {{"X-Sojourn-Mark", longest},
                {"X-SMTPAPI", R"({"unique_args":{"sojourn_mark":"abc"}})"},
                {"X-Evil", "a\r\nBcc: b@c.example"},
                {"X-Too-Long", std::string(1000, 'a')}};
  const std::string headers = Headers(Written(mail));
  EXPECT_NE(headers.find("\r\nX-Sojourn-Mark: " + longest + "\r\n"), std::string::npos);
  EXPECT_NE(headers.find("\r\nX-SMTPAPI: {\"unique_args\":{\"sojourn_mark\":\"abc\"}}\r\n"),
            std::string::npos);
  EXPECT_NE(headers.find("\r\nX-Evil: a Bcc: b@c.example\r\n"), std::string::npos) << headers;
  EXPECT_EQ(headers.find("X-Too-Long"), std::string::npos);
}

TEST(MimeTest, AWholeMail) {
  deliver::Mail mail = SmallMail();
  mail.reply_to = "help@shop.example";
  mail.unsubscribe_url = "https://shop.example/u/abc";
  mail.list_id = "marketing.shop.example";
  mail.feedback_id = "welcome:hello:marketing:shop";
  EXPECT_EQ(Written(mail),
            "From: \"The Shop\" <news@shop.example>\r\n"
            "To: <ada@customer.example>\r\n"
            "Subject: Hello\r\n"
            "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
            "Message-ID: <act_0123456789abcdef0123456789abcdef@shop.example>\r\n"
            "Reply-To: <help@shop.example>\r\n"
            "List-Unsubscribe: <https://shop.example/u/abc>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            "List-Id: <marketing.shop.example>\r\n"
            "Feedback-ID: welcome:hello:marketing:shop\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/alternative;\r\n"
            " boundary=\"=_cb6b00e2e31d0d91db20f952c8ee0ba8\"\r\n"
            "\r\n"
            "--=_cb6b00e2e31d0d91db20f952c8ee0ba8\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "Hello\r\n"
            "\r\n"
            "--=_cb6b00e2e31d0d91db20f952c8ee0ba8\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "<p>Hello</p>\r\n"
            "\r\n"
            "--=_cb6b00e2e31d0d91db20f952c8ee0ba8--\r\n");
}

TEST(MimeTest, OnePartWhereTheOtherIsEmpty) {
  deliver::Mail mail = SmallMail();
  mail.html.clear();
  EXPECT_TRUE(
      Written(mail).ends_with("Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: quoted-printable\r\n\r\nHello\r\n"));
  mail.text.clear();
  EXPECT_TRUE(Written(mail).ends_with("Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
  mail.html = "<p>";
  EXPECT_NE(Written(mail).find("Content-Type: text/html; charset=utf-8\r\n"), std::string::npos);
}

TEST(MimeTest, HeadersCannotBeInjected) {
  const std::string evil =
      "x\r\nBcc: eve@evil.example\r\n\r\n<script>" + std::string(1, '\0') + "\n.\r\n";
  deliver::Mail mail = SmallMail();
  mail.action_id = evil;
  mail.from.name = evil;
  mail.subject = evil;
  mail.unsubscribe_url = "u:" + evil;
  mail.list_id = evil;
  mail.feedback_id = evil;
  const std::string message = Written(mail);
  EXPECT_EQ(message.find("\nBcc"), std::string::npos) << message;
  EXPECT_EQ(Headers(message).find("\r\n\r\n"), std::string::npos);
  EXPECT_NE(Headers(message).find("Content-Type: multipart/alternative"), std::string::npos);
  EXPECT_NE(message.find("<x__Bcc__eve_evil_example____"), std::string::npos);
  ExpectGoodLines(message);
}

TEST(MimeTest, BadAddressesAreErrors) {
  for (const auto change : std::initializer_list<void (*)(deliver::Mail*)>{
           [](deliver::Mail* mail) { mail->to = "ada@customer.example\r\nBcc: eve@evil.example"; },
           [](deliver::Mail* mail) { mail->from.address = ""; },
           [](deliver::Mail* mail) { mail->reply_to = "nobody"; },
           [](deliver::Mail* mail) {
             mail->unsubscribe_url = "https://" + std::string(990, 'x');
           }}) {
    deliver::Mail mail = SmallMail();
    change(&mail);
    const auto message = WriteMime(mail);
    ASSERT_FALSE(message.ok());
    EXPECT_EQ(message.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(message.status().message().find('\n'), std::string::npos);
  }
}

TEST(MimeTest, OneClickIsOnlyForHttps) {
  deliver::Mail mail = SmallMail();
  mail.unsubscribe_url = "http://shop.example/u";
  EXPECT_EQ(Written(mail).find("List-Unsubscribe-Post"), std::string::npos);
  EXPECT_NE(Written(mail).find("List-Unsubscribe: <http://shop.example/u>\r\n"), std::string::npos);
}

TEST(MimeTest, AnyTextMakesGoodLines) {
  for (const std::string& text :
       {std::string(1 << 20, 'x'), std::string(1 << 20, '\0'), std::string(1 << 20, '\n'),
        std::string(1 << 20, ' '), std::string(1 << 20, '='), std::string(1 << 20, '\xed'),
        std::string("\xed\xa0\x80"), std::string("\n.\n..\n"), std::string(76, 'x') + " ",
        std::string(75, 'x') + " \n" + std::string(74, 'x') + "\t\n" + std::string(77, 'x')}) {
    deliver::Mail mail = SmallMail();
    mail.subject = mail.html = mail.text = mail.from.name = text;
    ExpectGoodLines(Written(mail));
  }
}

TEST(MimeTest, TheShorterEncodingIsChosen) {
  EXPECT_EQ(EncodeBody("Gr\u00fc\u00dfe aus K\u00f6ln und Umgebung\n").encoding,
            "quoted-printable");
  std::string chinese;
  for (int i = 0; i < 100; ++i) chinese += "\u4f60\u597d";
  EXPECT_EQ(EncodeBody(chinese).encoding, "base64");
  EXPECT_EQ(EncodeBody("").lines, "");
}

TEST(MimeTest, QuotedPrintable) {
  const auto lines = [](std::string_view text) { return EncodeBody(text).lines; };
  EXPECT_EQ(lines("a=b\u00e4 \nc\t\n\nd "), "a=3Db=C3=A4=20\r\nc=09\r\n\r\nd=20\r\n");
  EXPECT_EQ(lines(std::string(76, 'x')), std::string(76, 'x') + "\r\n");
  EXPECT_EQ(lines(std::string(77, 'x')), std::string(75, 'x') + "=\r\nxx\r\n");
  EXPECT_EQ(lines(std::string(74, 'x') + "=y"), std::string(74, 'x') + "=\r\n=3Dy\r\n");
}

TEST(MimeTest, TheDateIsAlwaysOneOfMail) {
  deliver::Mail mail = SmallMail();
  mail.date = Timestamp::Min();
  EXPECT_NE(Written(mail).find("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"), std::string::npos);
  mail.date = Timestamp::Max();
  EXPECT_NE(Written(mail).find("Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n"), std::string::npos);
}

TEST(MimeTest, ActionIdsThatDifferStayDifferent) {
  EXPECT_EQ(SafeActionId("act_0a"), "act_0a");
  EXPECT_NE(SafeActionId("a/b"), SafeActionId("a:b"));
  EXPECT_EQ(SafeActionId("../../etc/passwd").find_first_of("./"), std::string::npos);
  EXPECT_NE(SafeActionId(std::string(1 << 20, 'a')), SafeActionId(std::string(1 << 19, 'a')));
  EXPECT_FALSE(SafeActionId("").empty());
}

}  // namespace
}  // namespace sojourn::smtp
