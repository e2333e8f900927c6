// SendGrid's signed event webhook: a list of events, signed with ECDSA over the timestamp's header
// and the body.
//
// delivered; bounce (type "blocked" is soft); dropped for an address that bounced or complained
// before, or is none; spamreport. All others are of no interest here.
//
// Threads: any; immutable.
#pragma once

#include <utility>
#include <vector>

#include "connectors/feedback/fact.h"
#include "connectors/feedback/signature.h"

namespace sojourn::feedback {

class SendGridProvider final : public Provider {
 public:
  // Any of the keys may have signed. At least one.
  explicit SendGridProvider(std::vector<PublicKey> keys) : keys_(std::move(keys)) {}

  std::optional<Refusal> Verify(const FeedbackRequest& request, Timestamp now) override;
  // An event that cannot be read harms none of its neighbours: Feedback::unreadable.
  Result<Feedback> Read(const FeedbackRequest& request, Timestamp now) const override;

 private:
  const std::vector<PublicKey> keys_;
};

}  // namespace sojourn::feedback
