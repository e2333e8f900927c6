// What mail providers tell by HTTP, on its way into the log and the suppression list.
//
//   POST /feedback/PROVIDER   of each provider that the configuration names
//
//   200  everything is durable: events of people, addresses on the suppression
//        list and, as dead letters, what is the provider's but cannot be
//        read
//   400  malformed, so that nobody can tell whose it is
//   401, 403  not the provider's: nothing changes
//   503  the sink or the list refuses, or what is needed to judge is not at hand; with Retry-After
//
// Beside it the mailbox of bounces is read, where the configuration names one.
//
// A fact with a mark of ours becomes an event of the person that the mark names, about the address
// that the mail went to, whatever address the provider says. Without one an address that bounced
// hard or complained goes to the suppression list, and there is no event: nobody knows whose it is.
// Of the mailbox, where anybody can write, what has no mark is nothing.
//
// Threads: Open, Start and Stop from one thread; the rest from any.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/feedback/fact.h"
#include "connectors/http/http_server.h"
#include "connectors/http/intake.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/bounce_mailbox.h"
#include "engine/cli/config.h"
#include "engine/deliver/links.h"
#include "engine/deliver/suppression.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::cli {

// What outlives the service.
struct FeedbackEnvironment {
  Backend* backend = nullptr;
  http::EventSink* sink = nullptr;
  telemetry::Telemetry* telemetry = nullptr;
  const runtime::WallClock* clock = nullptr;
};

class FeedbackService {
 public:
  // Null where the configuration names no provider. Errors: keys or the suppression list are not to
  // be had.
  static Result<std::unique_ptr<FeedbackService>> Open(const Config& config,
                                                       const FeedbackEnvironment& environment);
  ~FeedbackService();

  // Reads the mailbox from now on. Errors: it is none.
  Status Start();
  void Stop();

  // For HTTP servers; they point to this object.
  std::vector<http::Route> Routes();

 private:
  struct Hook {
    std::string name;
    std::unique_ptr<feedback::Provider> provider;
  };
  FeedbackService(const FeedbackEnvironment& environment, deliver::LinkSigner signer)
      : environment_(environment), signer_(std::move(signer)) {}
  void AddProviders(const FeedbackConfig& config);
  http::Response Handle(const Hook& hook, const http::Request& request);
  http::Response Refuse(const Hook& hook, const feedback::Refusal& refusal);
  // What feedback comes to; events live in the arena.
  struct Outcome {
    std::vector<model::Event> events;
    std::vector<bool> marked;  // of each fact
    std::vector<deliver::Suppression> suppressions;
  };
  Outcome Judge(std::string_view provider, const feedback::Feedback& feedback, Arena* arena) const;
  // Durable when ok.
  Status Take(std::string_view provider, const feedback::Feedback& feedback);
  void Count(std::string_view provider, const feedback::Feedback& feedback,
             const std::vector<bool>& marked) const;
  Status Confirm(std::string_view provider, const std::string& url);

  const FeedbackEnvironment environment_;
  const deliver::LinkSigner signer_;
  std::unique_ptr<deliver::Suppressions> suppressions_;
  std::string ca_file_;  // of SNS
  std::vector<Hook> hooks_;
  std::unique_ptr<BounceMailbox> mailbox_;  // null: there is none
};

}  // namespace sojourn::cli
