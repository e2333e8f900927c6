#include "connectors/feedback/mailgun.h"

#include "connectors/feedback/mark.h"
#include "connectors/feedback/payload.h"
#include "connectors/feedback/signature.h"

namespace sojourn::feedback {
namespace {

using model::Value;
using model::ValueKind;

std::optional<FactKind> KindOfFailure(const Value& event) {
  const std::string reason = TextAt(event, {"reason"});
  if (reason == "suppress-complaint") return FactKind::kComplained;
  if (reason == "suppress-unsubscribe") return std::nullopt;
  const bool permanent = TextAt(event, {"severity"}) == "permanent";
  const bool soft = !permanent || reason == "old" || reason == "espblock";
  return soft ? FactKind::kBouncedSoft : FactKind::kBouncedHard;
}

std::optional<FactKind> KindOf(const Value& event) {
  const std::string name = TextAt(event, {"event"});
  if (name == "delivered") return FactKind::kDelivered;
  if (name == "complained") return FactKind::kComplained;
  return name == "failed" ? KindOfFailure(event) : std::nullopt;
}

std::string DiagnosticOf(const Value& event) {
  for (const std::string_view key : {"message", "description"}) {
    const std::string text = TextAt(event, {"delivery-status", key});
    if (!text.empty()) return Diagnostic(text);
  }
  return Diagnostic(TextAt(event, {"reason"}));
}

}  // namespace

std::optional<Refusal> MailgunProvider::Verify(const FeedbackRequest& request, Timestamp now) {
  Arena arena;
  const Result<Value> body = ReadJson(request.body, &arena);
  if (!body.ok()) return Refusal{"malformed", body.status().message()};
  const std::string timestamp = TextAt(*body, {"signature", "timestamp"});
  const std::string token = TextAt(*body, {"signature", "token"});
  if (!IsSigned(timestamp, token, TextAt(*body, {"signature", "signature"}))) {
    return Refusal{"signature", "its signature is not of feedback.mailgun's key"};
  }
  if (auto refusal = CheckAge(timestamp, now)) return refusal;
  if (Remember(token, request.body)) return std::nullopt;
  return Refusal{"replayed", "its token came before, with another event"};
}

bool MailgunProvider::IsSigned(const std::string& timestamp, const std::string& token,
                               const std::string& signature) const {
  const auto given = DecodeHex(signature);
  if (token.empty() || !given) return false;
  bool known = false;
  for (const std::string& key : signing_keys_) {
    const Sha256Digest mac = HmacSha256(key, timestamp + token);
    known = EqualSecrets(*given, {reinterpret_cast<const char*>(mac.data()), mac.size()}) || known;
  }
  return known;
}

bool MailgunProvider::Remember(const std::string& token, std::string_view body) {
  const Sha256Digest key = Sha256(token);
  const Sha256Digest content = Sha256(body);
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = seen_.emplace(key, content);
  if (!is_new) return known->second == content;
  order_.push_back(key);
  if (order_.size() > max_tokens_) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

Result<Feedback> MailgunProvider::Read(const FeedbackRequest& request, Timestamp now) const {
  Arena arena;
  SOJOURN_ASSIGN_OR_RETURN(const Value body, ReadJson(request.body, &arena));
  const Value* event = body.Find("event-data");
  if (event == nullptr || event->kind() != ValueKind::kMap) {
    return InvalidArgument("Mailgun sent no event-data");
  }
  Feedback feedback;
  const std::optional<FactKind> kind = KindOf(*event);
  if (!kind) {
    feedback.others = 1;
    return feedback;
  }
  FeedbackFact fact;
  fact.kind = *kind;
  fact.address = TextAt(*event, {"recipient"});
  fact.id = TextAt(*event, {"id"});
  if (!IsAddress(fact.address)) return InvalidArgument("an event of Mailgun without an address");
  if (fact.id.empty()) return InvalidArgument("an event of Mailgun without id");
  fact.time = TimeOfSeconds(event->Find("timestamp"), now);
  fact.mark = TextAt(*event, {"user-variables", kMarkName});
  fact.diagnostic = DiagnosticOf(*event);
  feedback.facts.push_back(std::move(fact));
  return feedback;
}

}  // namespace sojourn::feedback
