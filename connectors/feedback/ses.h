// Amazon SES, which tells by way of SNS: an envelope, signed with a key whose certificate SNS
// serves, around the notification or the published event.
//
// Only topics that are configured are heard, and nothing is fetched but from
// https://sns.REGION.amazonaws.com (or .com.cn): certificates (.pem) for the signatures, and the
// confirmation of a subscription to a configured topic.
//
// Bounce: Permanent is hard, Transient and Undetermined are soft. Complaint: not "not-spam".
// Delivery. All other notifications are of no interest here.
//
// Threads: any. A certificate is fetched by one thread; what needs one meanwhile is to come later.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "connectors/feedback/fact.h"
#include "connectors/feedback/options.h"
#include "connectors/feedback/signature.h"

namespace sojourn::feedback {

// The body of an answer of 200; kUnavailable else. Without redirects.
using Fetch = std::function<Result<std::string>(const std::string& url)>;

class SesProvider final : public Provider {
 public:
  static constexpr size_t kMaxCertificates = 16;   // kept; the oldest makes room
  static constexpr int kMaxFetchesPerMinute = 10;  // beyond: try later

  SesProvider(SesOptions options, Fetch fetch)
      : options_(std::move(options)), fetch_(std::move(fetch)) {}

  std::optional<Refusal> Verify(const FeedbackRequest& request, Timestamp now) override;
  // Feedback::confirm_url of a subscription's confirmation.
  Result<Feedback> Read(const FeedbackRequest& request, Timestamp now) const override;

 private:
  Result<SigningCertificate> CertificateAt(const std::string& url, Timestamp now);
  std::optional<SigningCertificate> KnownCertificate(const std::string& url, Timestamp now);

  const SesOptions options_;
  const Fetch fetch_;
  std::mutex mutex_;
  std::map<std::string, SigningCertificate> certificates_;  // guarded by mutex_
  std::mutex fetching_;                                     // guards what follows
  Timestamp minute_ = Timestamp::Min();
  int fetches_ = 0;  // in the minute
};

// "sns.eu-west-1.amazonaws.com" of a URL that may be fetched; "" of any other.
std::string SnsHostOf(std::string_view url);

}  // namespace sojourn::feedback
