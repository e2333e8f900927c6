// Postmark's webhooks, which have no signature: a user and password in the webhook's address come
// as HTTP Basic, and headers may be added to it in Postmark.
//
// Bounce: HardBounce and BadEmailAddress are hard; what is no failure of a delivery is of no
// interest; SpamComplaint is a complaint; the rest is soft. SpamComplaint. Delivery.
//
// Threads: any; immutable.
#pragma once

#include <utility>

#include "connectors/feedback/fact.h"
#include "connectors/feedback/options.h"

namespace sojourn::feedback {

class PostmarkProvider final : public Provider {
 public:
  explicit PostmarkProvider(PostmarkOptions options) : options_(std::move(options)) {}

  std::optional<Refusal> Verify(const FeedbackRequest& request, Timestamp now) override;
  Result<Feedback> Read(const FeedbackRequest& request, Timestamp now) const override;

 private:
  const PostmarkOptions options_;
};

}  // namespace sojourn::feedback
