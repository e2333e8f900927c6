// Makes the request of a webhook, and of an SMS or push message that goes out through a gateway.
//
// The body is JSON after Standard Webhooks: {"type", "timestamp", "data"}. It is the same on every
// attempt: all of it is pinned by the action. Whether it may go is looked up as late as possible:
// nothing is told of a person that was erased, and messages stop at suppression and consent as
// mails do.
//
// Threads: any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/base/status.h"
#include "engine/deliver/composer.h"
#include "engine/deliver/mail_composer.h"
#include "engine/language/bundle.h"
#include "engine/model/action.h"

namespace sojourn::deliver {

// One request.
struct Call {
  std::string id;  // of the action
  std::string url;
  std::string method;
  std::string body;  // empty: a GET
};

// Where messages go. Empty: they are not sent.
struct Gateways {
  std::string sms_url;
  std::string push_url;

  bool Takes(model::ActionKind kind) const;
  // Of the webhook, or of the message's gateway.
  const std::string& UrlOf(const model::Action& action) const;
};

struct CallComposerPorts {
  std::function<std::shared_ptr<const language::RuleSet>()> rules;
  std::function<Result<Recipient>(const std::string& person)> recipient;
  // Whether the address, phone number or token is on the suppression list.
  std::function<Result<bool>(const std::string& address)> suppressed;
};

class CallComposer {
 public:
  CallComposer(Gateways gateways, CallComposerPorts ports)
      : gateways_(std::move(gateways)), ports_(std::move(ports)) {}

  // kReady: `*call` is it. `reopened`: as Composer has it.
  Composition Compose(const model::Action& action, bool reopened, Call* call) const;

 private:
  Composition ComposeWebhook(const model::Action& action, Call* call) const;
  Composition ComposeMessage(const model::Action& action, bool reopened, Call* call) const;

  const Gateways gateways_;
  const CallComposerPorts ports_;
};

}  // namespace sojourn::deliver
