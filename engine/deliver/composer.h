// Makes the mail of an action, as late as possible: what it says is pinned by the action, whether
// it may go is looked up now.
//
// Threads: any.
#pragma once

#include <string>

#include "engine/deliver/mail.h"
#include "engine/model/action.h"

namespace sojourn::deliver {

struct Composition {
  enum class Outcome : uint8_t {
    kReady,     // `mail` is it
    kSkip,      // it may not go any more: suppressed, or consent withdrawn since
    kFail,      // it cannot be made: a template that fails, no postal address
    kTryLater,  // what must be looked up first cannot be now
  };
  Outcome outcome = Outcome::kReady;
  Mail mail;
  std::string reason;   // one line for people; kSkip: the name of a skip reason
  std::string failure;  // kFail: "render_error", "template_gone", "no_sender", "no_postal_address"
};

class Composer {
 public:
  virtual ~Composer() = default;
  // `reopened`: with the template as it is now; the pinned one has failed.
  virtual Composition Compose(const model::Action& action, bool reopened) = 0;
  // The address that it comes from, for the rates; empty where that is not known.
  virtual std::string SenderOf(const model::Action& action) = 0;
};

}  // namespace sojourn::deliver
