#include "connectors/feedback/sendgrid.h"

#include <algorithm>

#include "connectors/feedback/mark.h"
#include "connectors/feedback/payload.h"
#include "engine/base/base64.h"

namespace sojourn::feedback {
namespace {

using model::Value;
using model::ValueKind;

// Why SendGrid did not even try, where that says something about the address.
std::optional<FactKind> KindOfDrop(std::string_view reason) {
  if (reason == "Bounced Address" || reason == "Invalid") return FactKind::kBouncedHard;
  if (reason == "Spam Reporting Address") return FactKind::kComplained;
  return std::nullopt;
}

std::optional<FactKind> KindOf(const Value& event) {
  const std::string name = TextAt(event, {"event"});
  if (name == "delivered") return FactKind::kDelivered;
  if (name == "spamreport") return FactKind::kComplained;
  if (name == "dropped") return KindOfDrop(TextAt(event, {"reason"}));
  if (name != "bounce") return std::nullopt;
  return TextAt(event, {"type"}) == "blocked" ? FactKind::kBouncedSoft : FactKind::kBouncedHard;
}

// Empty: `fact` is read. Else why it cannot be.
std::string ReadEvent(const Value& event, FactKind kind, Timestamp now, FeedbackFact* fact) {
  fact->kind = kind;
  fact->address = TextAt(event, {"email"});
  fact->id = TextAt(event, {"sg_event_id"});
  fact->mark = TextAt(event, {kMarkName});
  fact->time = TimeOfSeconds(event.Find("timestamp"), now);
  fact->diagnostic = Diagnostic(TextAt(event, {"reason"}));
  if (fact->diagnostic.empty()) fact->diagnostic = Diagnostic(TextAt(event, {"response"}));
  if (!IsAddress(fact->address)) return "an event of SendGrid without an address";
  return fact->id.empty() ? "an event of SendGrid without sg_event_id" : "";
}

}  // namespace

std::optional<Refusal> SendGridProvider::Verify(const FeedbackRequest& request, Timestamp now) {
  const auto timestamp = request.header("X-Twilio-Email-Event-Webhook-Timestamp");
  const auto encoded = request.header("X-Twilio-Email-Event-Webhook-Signature");
  if (!timestamp || !encoded) {
    return Refusal{"signature", "it is not signed: switch the signed event webhook on"};
  }
  const auto signature = DecodeBase64(*encoded);
  const std::string text = std::string(*timestamp) + std::string(request.body);
  const bool verifies = signature && std::ranges::any_of(keys_, [&](const PublicKey& key) {
                          return key.Verifies(Digest::kSha256, text, *signature);
                        });
  if (!verifies) return Refusal{"signature", "its signature is not of feedback.sendgrid's key"};
  return CheckAge(*timestamp, now);
}

Result<Feedback> SendGridProvider::Read(const FeedbackRequest& request, Timestamp now) const {
  Arena arena;
  SOJOURN_ASSIGN_OR_RETURN(const Value events, ReadJson(request.body, &arena));
  if (events.kind() != ValueKind::kList) return InvalidArgument("SendGrid sent no list of events");
  if (events.size() > kMaxFactsPerRequest) return InvalidArgument("SendGrid sent too many events");
  Feedback feedback;
  for (uint32_t i = 0; i < events.size(); ++i) {
    const Value& event = events.items()[i];
    const std::optional<FactKind> kind = KindOf(event);
    if (!kind) {
      ++feedback.others;
      continue;
    }
    FeedbackFact fact;
    std::string trouble = ReadEvent(event, *kind, now, &fact);
    if (trouble.empty()) {
      feedback.facts.push_back(std::move(fact));
    } else {
      feedback.unreadable.push_back({std::move(trouble), WriteJson(event)});
    }
  }
  return feedback;
}

}  // namespace sojourn::feedback
