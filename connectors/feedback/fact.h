// What mail providers tell of mails that have left, whoever tells it.
//
// Plain values that own their texts, which are valid UTF-8. Threads: copied freely.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::feedback {

// Providers try again for up to a day when they were not answered; what is older, or claims to be
// of the future, is no delivery of theirs.
inline constexpr Duration kMaxRequestAge = Hours(25);
inline constexpr Duration kMaxRequestAhead = Minutes(5);
// Of a request's body; SendGrid sends the largest.
inline constexpr size_t kMaxRequestBytes = size_t{2} * 1024 * 1024;
inline constexpr int kMaxPayloadNesting = 32;
inline constexpr size_t kMaxFactsPerRequest = 10'000;
inline constexpr size_t kMaxDiagnosticBytes = 500;

enum class FactKind : uint8_t {
  kDelivered,
  kBouncedHard,  // there is no such mailbox, or it takes no mail for good
  kBouncedSoft,  // this mail came back; another may arrive
  kComplained,
};
// "delivered", "bounced_hard", "bounced_soft", "complained".
std::string_view FactKindName(FactKind kind);

struct FeedbackFact {
  FactKind kind = FactKind::kDelivered;
  std::string address;     // of the recipient, as the provider writes it
  Timestamp time;          // when it happened
  std::string mark;        // what the mail had in its headers (mark.h); empty: it did not come back
  std::string id;          // the provider's own: the same when it tells it again
  std::string diagnostic;  // one line for people; may be empty
};

// An item that is the provider's and cannot be read.
struct UnreadableItem {
  std::string reason;
  std::string text;  // as it came
};

// What a request says.
struct Feedback {
  std::vector<FeedbackFact> facts;
  std::vector<UnreadableItem> unreadable;
  int64_t others = 0;       // of no interest here: opens, clicks, what is put off
  std::string confirm_url;  // to be fetched before the provider tells more; empty: none
};

// As it came by HTTP; the views live as long as the request.
struct FeedbackRequest {
  std::string_view body;
  // The first header of that name, whatever the case; nullopt: there is none.
  std::function<std::optional<std::string_view>(std::string_view name)> header;
};

// Why a request is not the provider's.
struct Refusal {
  // For metrics: "malformed", "credentials", "signature", "stale", "replayed", "topic",
  // "certificate".
  std::string_view reason;
  std::string message;     // one line for people, without secrets
  bool try_later = false;  // it may be theirs; what is needed to tell is not at hand now
};

// One provider: first whether a request is its own, then what it says.
class Provider {
 public:
  virtual ~Provider() = default;
  // Any thread; several at once.
  virtual std::optional<Refusal> Verify(const FeedbackRequest& request, Timestamp now) = 0;
  // Of a request that is verified. Errors: kInvalidArgument where it cannot be read at all.
  virtual Result<Feedback> Read(const FeedbackRequest& request, Timestamp now) const = 0;
};

}  // namespace sojourn::feedback
