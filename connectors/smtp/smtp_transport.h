// Mails to a relay, over SMTP with TLS.
//
// Outcomes are those of engine/deliver/transport.h; README.md has the table. All waiting is
// bounded: a Send ends within `total_timeout` plus one `answer_timeout`, whatever the relay does.
//
// Threads: one at a time per transport. The connection stays open between mails and is closed with
// the transport, without waiting for the relay's goodbye.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "connectors/smtp/dkim.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/deliver/transport.h"

namespace sojourn::smtp {

enum class Security : uint8_t {
  kStartTls,  // a relay without STARTTLS gets no mail
  kTls,       // TLS from the first byte
  kNone,      // in the clear, password included: only for a relay on the same machine
};

struct SmtpOptions {
  std::string host;   // a name, whose certificate is asked for, or an IP address
  uint16_t port = 0;  // 0: 587, 465 or 25, as the security has it
  Security security = Security::kStartTls;
  std::string user;  // empty: no login
  std::string password;
  std::string ca_file;                     // PEM; empty: the machine's authorities
  std::string client_name;                 // what EHLO says; empty: the machine's name
  std::string envelope_from;               // where bounces go; empty: the mail's From address
  Duration connect_timeout = Seconds(20);  // up to and with TLS and login
  Duration answer_timeout = Seconds(120);  // for each answer
  Duration total_timeout = Seconds(300);   // for a mail, the wait in before_data included
};

// kInvalidArgument where an option cannot be used. Nothing is connected before the first mail.
// `signer` may be null: the relay signs.
Result<std::unique_ptr<deliver::MailTransport>> OpenSmtpTransport(
    SmtpOptions options, std::shared_ptr<const DkimSigner> signer);

}  // namespace sojourn::smtp
