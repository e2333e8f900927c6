// Mailgun's webhooks: an event with a signature, an HMAC-SHA256 over a timestamp and a token.
//
// The signature says nothing about the event, so whoever has seen one request could put another
// event under it. A token therefore belongs to the body it first came with, as long as it is fresh;
// the same body may come again.
//
// delivered; failed: permanent is hard, but for what Mailgun gave up or found blocked, and what it
// suppressed for another reason than a bounce; temporary is put off, and soft. complained.
//
// Threads: any.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "connectors/feedback/fact.h"
#include "engine/base/hash.h"

namespace sojourn::feedback {

class MailgunProvider final : public Provider {
 public:
  static constexpr size_t kMaxTokens = 100'000;  // remembered; beyond, the oldest is forgotten

  // Any of the keys may have signed. At least one.
  explicit MailgunProvider(std::vector<std::string> signing_keys, size_t max_tokens = kMaxTokens)
      : signing_keys_(std::move(signing_keys)), max_tokens_(max_tokens) {}

  std::optional<Refusal> Verify(const FeedbackRequest& request, Timestamp now) override;
  Result<Feedback> Read(const FeedbackRequest& request, Timestamp now) const override;

 private:
  bool IsSigned(const std::string& timestamp, const std::string& token,
                const std::string& signature) const;
  // Whether the token came first, or again with the same body.
  bool Remember(const std::string& token, std::string_view body);

  const std::vector<std::string> signing_keys_;
  const size_t max_tokens_;
  std::mutex mutex_;                           // guards what follows
  std::map<Sha256Digest, Sha256Digest> seen_;  // token -> body
  std::deque<Sha256Digest> order_;
};

}  // namespace sojourn::feedback
