#include "connectors/feedback/report_mail.h"

#include <gtest/gtest.h>

#include "connectors/feedback/mime_reader.h"
#include "connectors/feedback/test_keys.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);

// As Postfix writes it.
constexpr char kBounce[] = R"(Return-Path: <>
Date: Mon,  2 Mar 2026 09:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.shop.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@shop.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4Q.1772442000/mx.shop.example"
Message-Id: <20260302090000.4Q@mx.shop.example>

This is a MIME-encapsulated message.

--4Q.1772442000/mx.shop.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<gone@customer.example>: host mx.customer.example said: 550 5.1.1 unknown

--4Q.1772442000/mx.shop.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.shop.example
X-Postfix-Queue-ID: 4Q
Arrival-Date: Mon,  2 Mar 2026 08:59:59 +0000 (UTC)

Final-Recipient: rfc822; gone@customer.example
Original-Recipient: rfc822;gone@customer.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.customer.example
Diagnostic-Code: smtp; 550 5.1.1 <gone@customer.example>: Recipient address
    rejected: User unknown

--4Q.1772442000/mx.shop.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: "Test Shop" <hello@shop.example>
To: <gone@customer.example>
Subject: An offer
X-Sojourn-Mark: AQQtoken
 Rest_-9

--4Q.1772442000/mx.shop.example--
)";

// As RFC 5965 shows it.
constexpr char kComplaint[] = R"(From: <abusedesk@example.com>
Date: Thu, 8 Mar 2026 17:40:36 EDT
Subject: FW: An offer
To: <abuse@shop.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <hello@shop.example>
Original-Rcpt-To: <eve@customer.example>
Arrival-Date: Thu, 8 Mar 2026 14:00:00 EDT

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

Received: from mail.example (mail.example [192.0.2.1])
From: <hello@shop.example>
To: <Undisclosed Recipients>
X-Sojourn-Mark: MARK
Subject: An offer

Look
--part1_13d.2e68ed54_boundary--
)";

std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string KindOf(const std::string& mail) {
  const Feedback feedback = ReadReport(mail, kNow);
  return feedback.facts.empty() ? "none" : std::string(FactKindName(feedback.facts[0].kind));
}

TEST(ReportMailTest, ABounce) {
  for (const bool crlf : {false, true}) {
    std::string mail;
    for (const char c : std::string(kBounce))
      mail += crlf && c == '\n' ? "\r\n" : std::string(1, c);
    const Feedback feedback = ReadReport(mail, kNow);
    ASSERT_EQ(feedback.facts.size(), 1u);
    const FeedbackFact& fact = feedback.facts[0];
    EXPECT_EQ(fact.kind, FactKind::kBouncedHard);
    EXPECT_EQ(fact.address, "gone@customer.example");
    EXPECT_EQ(fact.mark, "AQQtokenRest_-9");
    EXPECT_EQ(fact.diagnostic,
              "smtp; 550 5.1.1 <gone@customer.example>: Recipient address rejected: User unknown");
    EXPECT_EQ(fact.time, kNow);
    EXPECT_EQ(fact.id.size(), 32u);
  }
}

TEST(ReportMailTest, KindsOfBounces) {
  const std::string status = "Status: 5.1.1";
  EXPECT_EQ(KindOf(With(kBounce, status, "Status: 5.7.1 (blocked)")), "bounced_soft");
  EXPECT_EQ(KindOf(With(kBounce, status, "Status: 4.4.7")), "bounced_soft");
  EXPECT_EQ(KindOf(With(kBounce, status, "Status: 5.0.0")), "bounced_hard");  // what the relay said
  EXPECT_EQ(KindOf(With(kBounce, status + "\n", "")), "bounced_hard");
  EXPECT_EQ(KindOf(With(kBounce, status, "Status: 5.1.10")), "bounced_hard");
  EXPECT_EQ(KindOf(With(kBounce, "Action: failed", "Action: delayed")), "none");
  EXPECT_EQ(KindOf(With(kBounce, "Action: failed", "Action: relayed")), "none");
  EXPECT_EQ(KindOf(With(kBounce, "Action: failed", "Action: Delivered")), "delivered");
}

TEST(ReportMailTest, AComplaint) {
  const Feedback feedback = ReadReport(kComplaint, kNow);
  ASSERT_EQ(feedback.facts.size(), 1u);
  EXPECT_EQ(feedback.facts[0].kind, FactKind::kComplained);
  EXPECT_EQ(feedback.facts[0].address, "eve@customer.example");
  EXPECT_EQ(feedback.facts[0].mark, "MARK");
  EXPECT_EQ(KindOf(With(kComplaint, "Feedback-Type: abuse", "Feedback-Type: not-spam")), "none");
  EXPECT_EQ(KindOf(With(kComplaint, "Feedback-Type: abuse", "Feedback-Type: fraud")), "complained");
}

TEST(ReportMailTest, OtherMailsSayNothing) {
  for (const char* mail :
       {"", "\n", "Subject: Hello\n\nI am away until Monday.\n", "From x\nno header\n",
        // The mark in the words of the mail itself, or in a part that quotes no mail.
        "X-Sojourn-Mark: MARK\n\nStatus: 5.1.1\nAction: failed\n"}) {
    EXPECT_EQ(KindOf(mail), "none") << mail;
    EXPECT_EQ(ReadReport(mail, kNow).others, 1) << mail;
  }
  EXPECT_EQ(ReadReport(With(kBounce, "text/rfc822-headers", "text/plain"), kNow).facts[0].mark, "");
}

TEST(ReportMailTest, PartsMayBeEncodedOrCutOff) {
  const std::string bounce = kBounce;
  const std::string before = bounce.substr(0, bounce.find("text/rfc822-headers"));
  const auto mark_of = [&](const std::string& part) {
    return ReadReport(before + part + "\n--4Q.1772442000/mx.shop.example--\n", kNow).facts[0].mark;
  };
  EXPECT_EQ(mark_of("message/rfc822\nContent-Transfer-Encoding: base64\n\n" +
                    EncodeBase64("X-Sojourn-Mark: MARK\nSubject: a\n\n")),
            "MARK");
  EXPECT_EQ(mark_of("message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
                    "X-Sojourn-Mark: MA=\nR=4B\n"),
            "MARK");
  EXPECT_EQ(mark_of("message/rfc822\nContent-Transfer-Encoding: base64\n\n!!"), "");
  EXPECT_EQ(ReadReport(bounce.substr(0, bounce.find("Rest_-9")), kNow).facts[0].mark, "AQQtoken");
}

TEST(ReportMailTest, EveryBeginningOfAReportIsRead) {
  for (const std::string report : {kBounce, kComplaint}) {
    for (size_t size = 0; size < report.size(); ++size) {
      const Feedback feedback = ReadReport(report.substr(0, size), kNow);
      ASSERT_LE(feedback.facts.size(), 1u);
    }
  }
}

TEST(ReportMailTest, WithinLimits) {
  std::string many =
      "Content-Type: multipart/report; boundary=b\n\n--b\n"
      "Content-Type: message/delivery-status\n\nReporting-MTA: a\n\n";
  for (int i = 0; i < 500; ++i) many += "Action: failed\nStatus: 5.1.1\n\n";
  EXPECT_EQ(ReadReport(many, kNow).facts.size(), 100u);
  // Multiparts in multiparts: the innermost are not opened.
  std::string deep;
  for (int i = 0; i < 50; ++i) {
    deep += "Content-Type: multipart/report; boundary=b" + std::to_string(i) + "\n\n--b" +
            std::to_string(i) + "\n";
  }
  EXPECT_EQ(KindOf(deep + "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"),
            "none");
  std::string parts = "Content-Type: multipart/report; boundary=b\n\n";
  for (int i = 0; i < 1000; ++i) parts += "--b\n\nx\n";
  EXPECT_EQ(KindOf(parts + "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"),
            "none");
}

TEST(MimeReaderTest, Parameters) {
  EXPECT_EQ(Parameter("a/b; x=1; boundary=\"a;b=c\"; y=2", "boundary"), "a;b=c");
  EXPECT_EQ(Parameter("a/b; boundary=\"a;b=c\"; y=2", "y"), "2");
  EXPECT_EQ(Parameter("a/b;BOUNDARY= x ", "boundary"), "x");
  EXPECT_EQ(Parameter("a/b; boundary=\"open", "boundary"), "open");
  EXPECT_EQ(Parameter("a/b; boundary", "boundary"), "");
  EXPECT_EQ(Parameter("a/b", "boundary"), "");
  EXPECT_EQ(MediaType(" Multipart/REPORT ; a=b"), "multipart/report");
}

}  // namespace
}  // namespace sojourn::feedback
