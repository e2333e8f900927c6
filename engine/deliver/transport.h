// How a mail leaves: to a relay, into a directory, or nowhere.
//
// A transport may keep a connection between calls. Threads: one thread at a time each; a deliverer
// has as many transports as it sends at once. Errors: never a Status; every attempt has an outcome.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/deliver/mail.h"

namespace sojourn::deliver {

enum class SendOutcome : uint8_t {
  kDelivered,  // the relay has taken it over
  kRefused,    // for good: 5xx, or it cannot be written
  kTryLater,   // certainly not taken: 4xx, no connection, no TLS, a wrong certificate or login
  kUnknown,    // all of it was sent and the answer was lost
};

struct SendResult {
  SendOutcome outcome = SendOutcome::kTryLater;
  int code = 0;            // the relay's answer that decided it; 0: none did
  bool recipient = false;  // kRefused: there is no such mailbox, whoever sends
  std::string detail;      // one line for people: the relay's words, or what went wrong
  Duration retry_after;    // kTryLater: not before, as the receiver asks; 0: it does not
  std::string failure;     // kRefused, of webhooks: its kind, as DeliveryRecord::failure
};

class MailTransport {
 public:
  virtual ~MailTransport() = default;
  // `before_data` is called once, at the last moment at which nothing of the mail can have been
  // taken over; where it fails the mail is not sent and the outcome is kTryLater. May wait.
  using BeforeData = std::function<Status()>;
  virtual SendResult Send(const Mail& mail, const BeforeData& before_data) = 0;
  // The process ends: a Send under way gives up soon, now and later, with an outcome that is true.
  // Any thread.
  virtual void GiveUp() {}
};

}  // namespace sojourn::deliver
