#include "connectors/smtp/smtp_transport.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "connectors/smtp/mime.h"
#include "connectors/smtp/scripted_relay.h"
#include "connectors/smtp/test_keys.h"

namespace sojourn::smtp {
namespace {

using deliver::SendOutcome;
using deliver::SendResult;
using Clock = std::chrono::steady_clock;

deliver::Mail SmallMail(const std::string& text = "Hello\n") {
  deliver::Mail mail;
  mail.action_id = "act_1";
  mail.from = {"The Shop", "news@shop.example"};
  mail.to = "ada@customer.example";
  mail.subject = "Hello";
  mail.text = text;
  return mail;
}

Status Ready() { return Status::Ok(); }

// "delivered", or what came instead.
std::string Sent(const SendResult& result) {
  return result.outcome == SendOutcome::kDelivered ? "delivered" : result.detail;
}

// Does `deed` for commands that begin with `command`.
ScriptedRelay::Script On(const std::string& command, const Deed& deed) {
  return [=](const std::string& line) {
    return line.starts_with(command) ? std::optional(deed) : std::nullopt;
  };
}

class SmtpTransportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    keys_ = new TemporaryDirectory();
    WriteCertificate("localhost", keys_->PathOf("good.pem"), keys_->PathOf("good.key"));
    WriteCertificate("other.example", keys_->PathOf("other.pem"), keys_->PathOf("other.key"));
  }
  static void TearDownTestSuite() { delete keys_; }

  static ScriptedRelay::Tls Tls(const std::string& name, bool from_the_start = false) {
    return {keys_->PathOf(name + ".pem"), keys_->PathOf(name + ".key"), from_the_start};
  }

  // Trusts the good certificate; limits that a busy machine keeps.
  static SmtpOptions Options(const ScriptedRelay& relay, Security security = Security::kStartTls) {
    SmtpOptions options;
    options.host = "localhost";
    options.port = relay.port();
    options.security = security;
    options.ca_file = keys_->PathOf("good.pem");
    options.client_name = "engine.shop.example";
    options.connect_timeout = Seconds(30);
    options.answer_timeout = Seconds(30);
    options.total_timeout = Seconds(60);
    return options;
  }

  static SmtpOptions Impatient(SmtpOptions options) {
    options.connect_timeout = Seconds(3);
    options.answer_timeout = Seconds(2);
    options.total_timeout = Seconds(5);
    return options;
  }

  static std::unique_ptr<deliver::MailTransport> Open(const SmtpOptions& options) {
    auto transport = OpenSmtpTransport(options, nullptr);
    SOJOURN_CHECK(transport.ok());
    return std::move(*transport);
  }

  // One mail to a relay with TLS that follows `script`.
  static SendResult SendTo(ScriptedRelay::Script script, const deliver::Mail& mail = SmallMail()) {
    const ScriptedRelay relay(std::move(script), Tls("good"));
    return Open(Options(relay))->Send(mail, &Ready);
  }

  static TemporaryDirectory* keys_;
};

TemporaryDirectory* SmtpTransportTest::keys_ = nullptr;

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(SmtpTransportTest, AMailIsDeliveredOverStartTls) {
  const ScriptedRelay relay(nullptr, Tls("good"));
  SmtpOptions options = Options(relay);
  options.user = "ada";
  options.password = "secret";
  options.envelope_from = "bounces@shop.example";
  const SendResult result = Open(options)->Send(SmallMail(), &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kDelivered) << result.detail;
  EXPECT_EQ(result.code, 250);
  EXPECT_EQ(result.detail, "250 2.0.0 taken");
  ASSERT_EQ(relay.messages().size(), 1u);
  EXPECT_EQ(relay.messages()[0], *WriteMime(SmallMail()));
  const auto commands = relay.commands();
  ASSERT_GE(commands.size(), 9u);
  EXPECT_EQ(commands[1], "EHLO engine.shop.example");
  EXPECT_EQ(commands[2], "STARTTLS");
  EXPECT_EQ(commands[4], "AUTH PLAIN");
  EXPECT_EQ(commands[6], "MAIL FROM:<bounces@shop.example>");
  EXPECT_EQ(commands[7], "RCPT TO:<ada@customer.example>");
}

TEST_F(SmtpTransportTest, TlsFromTheStartAndNoneAtAll) {
  const ScriptedRelay tls(nullptr, Tls("good", true));
  EXPECT_EQ(Sent(Open(Options(tls, Security::kTls))->Send(SmallMail(), &Ready)), "delivered");
  const ScriptedRelay clear(nullptr, std::nullopt);
  EXPECT_EQ(Sent(Open(Options(clear, Security::kNone))->Send(SmallMail(), &Ready)), "delivered");
  EXPECT_EQ(clear.messages().size(), 1u);
}

TEST_F(SmtpTransportTest, OneConnectionServesManyMails) {
  const ScriptedRelay relay(nullptr, Tls("good"));
  SmtpOptions options = Options(relay);
  options.total_timeout = Seconds(4);
  const auto transport = Open(options);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Sent(transport->Send(SmallMail(), &Ready)), "delivered");
  }
  // The limit is for a mail, not for the life of the connection.
  std::this_thread::sleep_for(std::chrono::seconds(5));
  EXPECT_EQ(Sent(transport->Send(SmallMail(), &Ready)), "delivered");
  EXPECT_EQ(relay.connections(), 1);
  EXPECT_EQ(relay.messages().size(), 21u);
}

TEST_F(SmtpTransportTest, LinesOfDotsArriveAsTheyAre) {
  const ScriptedRelay relay(nullptr, Tls("good"));
  const auto transport = Open(Options(relay));
  std::string dots(70000, '.');
  for (size_t i = 0; i < dots.size(); i += 1 + i % 7) dots[i] = '\n';
  for (const deliver::Mail& mail :
       {SmallMail(".\n"), SmallMail("..\n.\n\n.a\n"), SmallMail(dots), SmallMail("")}) {
    EXPECT_EQ(transport->Send(mail, &Ready).outcome, SendOutcome::kDelivered);
    EXPECT_EQ(relay.messages().back(), *WriteMime(mail));
  }
}

struct Verdict {
  const char* command;
  const char* answer;
  SendOutcome outcome;
  int code;
  bool recipient;
};

TEST_F(SmtpTransportTest, AnswersDecide) {
  const SendOutcome later = SendOutcome::kTryLater;
  const SendOutcome refused = SendOutcome::kRefused;
  for (const Verdict& verdict : std::initializer_list<Verdict>{
           {"CONNECT", "421 busy\r\n", later, 421, false},
           {"CONNECT", "554 not for you\r\n", later, 554, false},
           {"EHLO", "502 what\r\n", later, 502, false},
           {"STARTTLS", "454 no TLS now\r\n", later, 454, false},
           {"LOGIN", "535 5.7.8 wrong\r\n", later, 535, false},
           {"AUTH", "454 4.7.0 not now\r\n", later, 454, false},
           {"MAIL", "530 5.7.0 log in first\r\n", later, 530, false},
           {"MAIL", "421 closing\r\n", later, 421, false},
           {"MAIL", "452 4.3.1 full\r\n", later, 452, false},
           {"MAIL", "550 5.1.8 bad sender\r\n", refused, 550, false},
           {"RCPT", "450 4.2.1 greylisted\r\n", later, 450, false},
           {"RCPT", "421 closing\r\n", later, 421, false},
           {"RCPT", "550 5.1.1 no such user\r\n", refused, 550, true},
           {"RCPT", "550 no such user\r\n", refused, 550, true},
           {"RCPT", "550 5.1.10 null MX\r\n", refused, 550, true},
           {"RCPT", "550-5.2.1 mailbox\r\n550 5.2.1 disabled\r\n", refused, 550, true},
           {"RCPT", "554 5.7.1 relay access denied\r\n", refused, 554, false},
           {"RCPT", "550 5.4.1 access denied\r\n", refused, 550, false},
           {"RCPT", "552 5.2.2 mailbox full\r\n", refused, 552, false},
           {"RCPT", "550 Relay not permitted\r\n", refused, 550, false},
           {"RCPT", "550 blocked using zen.example\r\n", refused, 550, false},
           {"RCPT", "554 no\r\n", refused, 554, false},
           {"RCPT", "501 bad syntax\r\n", refused, 501, false},
           {"RCPT", "550 5.1 short\r\n", refused, 550, true},
           {"DATA", "451 4.3.0 not now\r\n", later, 451, false},
           {"DATA", "554 no valid recipients\r\n", refused, 554, false},
           {".", "421 closing\r\n", later, 421, false},
           {".", "451 4.7.1 later\r\n", later, 451, false},
           {".", "550 5.7.1 spam\r\n", refused, 550, false},
           {".", "552-5.3.4 too\r\n552 5.3.4 big\r\n", refused, 552, false},
           {".", "251 taken, but odd\r\n", SendOutcome::kDelivered, 251, false},
           {".", "354 go on\r\n", SendOutcome::kUnknown, 0, false}}) {
    const ScriptedRelay relay(On(verdict.command, {verdict.answer}), Tls("good"));
    SmtpOptions options = Options(relay);
    options.user = "ada";
    options.password = "secret";
    const SendResult result = Open(options)->Send(SmallMail(), &Ready);
    const std::string what = std::string(verdict.command) + " -> " + verdict.answer + result.detail;
    EXPECT_EQ(result.outcome, verdict.outcome) << what;
    EXPECT_EQ(result.code, verdict.code) << what;
    EXPECT_EQ(result.recipient, verdict.recipient) << what;
    EXPECT_FALSE(Contains(result.detail, "\n")) << what;
    EXPECT_FALSE(Contains(result.detail, "secret")) << what;
  }
}

// A stop waits neither for a relay that hangs, nor long for the answer to a whole mail.
TEST_F(SmtpTransportTest, WhatIsGivenUpEndsSoon) {
  const ScriptedRelay relay(On("RCPT", {"250 well\r\n", false, 60'000}), Tls("good"));
  const auto transport = Open(Options(relay));
  std::thread stopper([&] {
    while (relay.commands().empty() || !relay.commands().back().starts_with("RCPT")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    transport->GiveUp();
  });
  const auto begun = std::chrono::steady_clock::now();
  const SendResult result = transport->Send(SmallMail(), &Ready);
  stopper.join();
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater) << result.detail;
  EXPECT_EQ(result.detail, "the process ended first");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  // And what comes afterwards is not begun.
  EXPECT_EQ(transport->Send(SmallMail(), &Ready).outcome, SendOutcome::kTryLater);
}

TEST_F(SmtpTransportTest, TheRelaysWordsAreTheDetail) {
  const SendResult result =
      SendTo(On("RCPT", {"550-5.1.1 no\r\n550-such\x01\xff\r\n550 user\r\n"}));
  EXPECT_EQ(result.detail, "550 5.1.1 no such \ufffd user");
  EXPECT_LE(SendTo(On("RCPT", {"550 " + std::string(2000, 'x') + "\r\n"})).detail.size(), 300u);
}

TEST_F(SmtpTransportTest, ALostConnectionIsUnknownOnlyAfterTheEnd) {
  for (const char* command : {"CONNECT", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA"}) {
    const SendResult result = SendTo(On(command, {"", true}));
    EXPECT_EQ(result.outcome, SendOutcome::kTryLater) << command;
    EXPECT_EQ(result.code, 0) << command;
    EXPECT_NE(result.detail, "") << command;
  }
  const SendResult end = SendTo(On(".", {"", true}));
  EXPECT_EQ(end.outcome, SendOutcome::kUnknown) << end.detail;
  EXPECT_EQ(end.code, 0);
  const SendResult half = SendTo(On(".", {"250 2.0", true}));
  EXPECT_EQ(half.outcome, SendOutcome::kUnknown) << half.detail;
}

TEST_F(SmtpTransportTest, AConnectionLostDuringBeforeDataIsCertain) {
  const ScriptedRelay relay(On("DATA", {"354 go on\r\n", true}), Tls("good"));
  const SendResult result = Open(Options(relay))->Send(SmallMail(), [] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return Status::Ok();
  });
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater) << result.detail;
}

TEST_F(SmtpTransportTest, ALostConnectionBeforeTheEndOfALargeMailIsCertain) {
  // More than what fits between the two, so that the end cannot have gone.
  const deliver::Mail mail = SmallMail(std::string(16 << 20, 'x'));
  for (const bool with_tls : {true, false}) {
    const ScriptedRelay relay(On("BODY", {"", true}),
                              with_tls ? std::optional(Tls("good")) : std::nullopt);
    const auto transport = Open(Options(relay, with_tls ? Security::kStartTls : Security::kNone));
    const SendResult result = transport->Send(mail, &Ready);
    EXPECT_EQ(result.outcome, SendOutcome::kTryLater) << result.detail;
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(relay.messages().empty());
  }
}

TEST_F(SmtpTransportTest, SlowRelaysAreGivenUpInTime) {
  for (const std::string command : {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."}) {
    const Deed slow{"250 " + std::string(100, 'x') + "\r\n", false, 300};
    const ScriptedRelay relay(On(command, slow), Tls("good"));
    const auto transport = Open(Impatient(Options(relay)));
    const Clock::time_point start = Clock::now();
    const SendResult result = transport->Send(SmallMail(), &Ready);
    const auto outcome = command == "." ? SendOutcome::kUnknown : SendOutcome::kTryLater;
    EXPECT_EQ(result.outcome, outcome) << command << result.detail;
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(10)) << command;
  }
}

TEST_F(SmtpTransportTest, ARelayThatReadsNothingIsGivenUpInTime) {
  std::atomic<bool> over = false;
  const ScriptedRelay relay(
      [&](const std::string& command) {
        while (command == "BODY" && !over) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return std::nullopt;
      },
      Tls("good"));
  const auto transport = Open(Impatient(Options(relay)));
  const Clock::time_point start = Clock::now();
  const SendResult result = transport->Send(SmallMail(std::string(16 << 20, 'x')), &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater) << result.detail;
  // Far from the relay's patience, and from what encoding so much takes on a slow machine.
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(120));
  over = true;
}

TEST_F(SmtpTransportTest, AHungGoodbyeDelaysNobody) {
  const ScriptedRelay relay(On("QUIT", {std::string(1000, 'x'), false, 300}), Tls("good"));
  auto transport = Open(Options(relay));
  EXPECT_EQ(Sent(transport->Send(SmallMail(), &Ready)), "delivered");
  const Clock::time_point start = Clock::now();
  transport.reset();
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST_F(SmtpTransportTest, WithoutTlsThereIsNoMail) {
  const ScriptedRelay stripped(nullptr, std::nullopt);
  const SendResult result = Open(Options(stripped))->Send(SmallMail(), &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater);
  EXPECT_TRUE(Contains(result.detail, "no mail without TLS")) << result.detail;
  EXPECT_TRUE(Contains(result.detail, "STARTTLS")) << result.detail;
  for (const std::string& command : stripped.commands()) EXPECT_FALSE(Contains(command, "MAIL"));
}

TEST_F(SmtpTransportTest, AWrongCertificateGetsNoMail) {
  const ScriptedRelay relay(nullptr, Tls("other"));
  SmtpOptions options = Options(relay);
  const SendResult unknown = Open(options)->Send(SmallMail(), &Ready);
  EXPECT_EQ(unknown.outcome, SendOutcome::kTryLater);
  EXPECT_TRUE(Contains(unknown.detail, "certificate")) << unknown.detail;
  options.ca_file = keys_->PathOf("other.pem");
  const SendResult wrong_name = Open(options)->Send(SmallMail(), &Ready);
  EXPECT_EQ(wrong_name.outcome, SendOutcome::kTryLater);
  EXPECT_TRUE(Contains(wrong_name.detail, "localhost")) << wrong_name.detail;
  for (const std::string& command : relay.commands()) EXPECT_FALSE(Contains(command, "MAIL"));
}

TEST_F(SmtpTransportTest, NobodyListens) {
  SmtpOptions options;
  {
    const ScriptedRelay gone(nullptr, std::nullopt);
    options = Options(gone);
  }
  const SendResult result = Open(options)->Send(SmallMail(), &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater);
  EXPECT_TRUE(Contains(result.detail, "connect")) << result.detail;
}

TEST_F(SmtpTransportTest, BeforeDataComesWhenTheRelayHasAskedAndBeforeAnyByte) {
  const ScriptedRelay relay(nullptr, Tls("good"));
  const auto transport = Open(Options(relay));
  int calls = 0;
  const SendResult result = transport->Send(SmallMail(), [&] {
    ++calls;
    EXPECT_EQ(relay.commands().back(), "DATA");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(relay.commands().back(), "DATA");
    return Status::Ok();
  });
  EXPECT_EQ(result.outcome, SendOutcome::kDelivered);
  EXPECT_EQ(calls, 1);
}

TEST_F(SmtpTransportTest, WhereBeforeDataFailsTheMailIsNotSent) {
  const ScriptedRelay relay(nullptr, Tls("good"));
  const auto transport = Open(Options(relay));
  const SendResult result =
      transport->Send(SmallMail(), [] { return Unavailable("the log is full"); });
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater);
  EXPECT_EQ(result.detail, "the log is full");
  EXPECT_EQ(Sent(transport->Send(SmallMail(), &Ready)), "delivered");
  EXPECT_EQ(relay.messages().size(), 1u);
}

TEST_F(SmtpTransportTest, BeforeDataIsNotCalledForARefusedMail) {
  const ScriptedRelay relay(On("DATA", {"554 no\r\n"}), Tls("good"));
  int calls = 0;
  Open(Options(relay))->Send(SmallMail(), [&] {
    ++calls;
    return Status::Ok();
  });
  EXPECT_EQ(calls, 0);
}

TEST_F(SmtpTransportTest, AConnectionThatTheRelayGaveUpIsReplaced) {
  for (const Deed& deed : {Deed{"", true}, Deed{"421 4.4.2 idle for too long\r\n", true}}) {
    int mails = 0;
    const ScriptedRelay relay(
        [&](const std::string& command) {
          const bool second = command.starts_with("MAIL") && ++mails == 2;
          return second ? std::optional(deed) : std::nullopt;
        },
        Tls("good"));
    const auto transport = Open(Options(relay));
    int calls = 0;
    for (int i = 0; i < 3; ++i) {
      const SendResult result = transport->Send(SmallMail(), [&] {
        ++calls;
        return Status::Ok();
      });
      EXPECT_EQ(result.outcome, SendOutcome::kDelivered) << result.detail;
    }
    EXPECT_EQ(relay.connections(), 2);
    EXPECT_EQ(calls, 3);
  }
}

TEST_F(SmtpTransportTest, ALateAnswerIsNotTakenForTheNextMails) {
  int mails = 0;
  bool owes_answer = false;
  const ScriptedRelay relay(
      [&](const std::string& command) -> std::optional<Deed> {
        if (command == "CONNECT") owes_answer = false;
        if (std::exchange(owes_answer, false)) return Deed{"554 that was spam\r\n"};
        if (command != "." || ++mails > 1) return std::nullopt;
        owes_answer = true;
        return Deed{""};
      },
      Tls("good"));
  const auto transport = Open(Impatient(Options(relay)));
  EXPECT_EQ(transport->Send(SmallMail(), &Ready).outcome, SendOutcome::kUnknown);
  const SendResult next = transport->Send(SmallMail(), &Ready);
  EXPECT_EQ(next.outcome, SendOutcome::kDelivered) << next.detail;
  EXPECT_EQ(relay.connections(), 2);
}

TEST_F(SmtpTransportTest, OtherMailsAreUnharmed) {
  const ScriptedRelay relay(
      [](const std::string& command) -> std::optional<Deed> {
        if (Contains(command, "nobody@")) return Deed{"550 5.1.1 no such user\r\n"};
        if (Contains(command, "later@")) return Deed{"450 4.2.1 greylisted\r\n"};
        return std::nullopt;
      },
      Tls("good"));
  const auto transport = Open(Options(relay));
  const auto outcome = [&](const std::string& to) {
    deliver::Mail mail = SmallMail();
    mail.to = to;
    return transport->Send(mail, &Ready).outcome;
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(outcome("ada@customer.example"), SendOutcome::kDelivered);
    EXPECT_EQ(outcome("nobody@customer.example"), SendOutcome::kRefused);
    EXPECT_EQ(outcome("bob@customer.example"), SendOutcome::kDelivered);
    EXPECT_EQ(outcome("later@customer.example"), SendOutcome::kTryLater);
  }
  EXPECT_EQ(relay.messages().size(), 6u);
}

TEST_F(SmtpTransportTest, AMailThatCannotBeWrittenIsRefusedWithoutTheRelay) {
  const ScriptedRelay relay(nullptr, Tls("good"));
  const auto transport = Open(Options(relay));
  deliver::Mail mail = SmallMail();
  mail.to = "ada@customer.example>\r\nRCPT TO:<eve@customer.example";
  SendResult result = transport->Send(mail, &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kRefused);
  EXPECT_TRUE(result.recipient);
  EXPECT_EQ(result.code, 0);
  mail = SmallMail();
  mail.from.address = "nobody";
  result = transport->Send(mail, &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kRefused);
  EXPECT_FALSE(result.recipient);
  EXPECT_EQ(relay.connections(), 0);
}

TEST_F(SmtpTransportTest, BadOptionsAreNamed) {
  const auto error = [](void (*change)(SmtpOptions*)) {
    SmtpOptions options;
    options.host = "relay.example";
    change(&options);
    const auto transport = OpenSmtpTransport(options, nullptr);
    return transport.ok() ? "none" : transport.status().message();
  };
  EXPECT_EQ(error([](SmtpOptions*) {}), "none");
  EXPECT_EQ(error([](SmtpOptions* options) { options->host = "2001:db8::1"; }), "none");
  EXPECT_TRUE(Contains(error([](SmtpOptions* options) { options->host = ""; }), "no host"));
  EXPECT_TRUE(Contains(error([](SmtpOptions* options) { options->host = "a b/c"; }), "a b/c"));
  EXPECT_TRUE(Contains(error([](SmtpOptions* options) { options->ca_file = "/absent"; }),
                       "/absent: No such file"));
  EXPECT_TRUE(Contains(error([](SmtpOptions* options) { options->client_name = "a\r\nb"; }),
                       "no host name"));
  EXPECT_TRUE(Contains(error([](SmtpOptions* options) { options->envelope_from = "x"; }),
                       "no mail address"));
  EXPECT_TRUE(Contains(error([](SmtpOptions* options) { options->total_timeout = Duration(0); }),
                       "time limit"));
}

}  // namespace
}  // namespace sojourn::smtp
