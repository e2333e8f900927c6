#include "connectors/feedback/postmark.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "connectors/feedback/mark.h"
#include "connectors/feedback/payload.h"
#include "connectors/feedback/signature.h"
#include "engine/base/base64.h"

namespace sojourn::feedback {
namespace {

using model::Value;

constexpr std::array<std::string_view, 2> kHard = {"HardBounce", "BadEmailAddress"};
// Answers, and what somebody did in Postmark itself.
constexpr std::array<std::string_view, 11> kNoBounce = {"Unsubscribe",
                                                        "Subscribe",
                                                        "AutoResponder",
                                                        "AddressChange",
                                                        "OpenRelayTest",
                                                        "ManuallyDeactivated",
                                                        "Unconfirmed",
                                                        "ChallengeVerification",
                                                        "InboundError",
                                                        "SMTPApiError",
                                                        "TemplateRenderingFailed"};

std::optional<FactKind> KindOf(const Value& record) {
  const std::string record_type = TextAt(record, {"RecordType"});
  const std::string type = TextAt(record, {"Type"});
  if (record_type == "Delivery") return FactKind::kDelivered;
  if (record_type == "SpamComplaint") return FactKind::kComplained;
  if (record_type != "Bounce") return std::nullopt;
  if (type == "SpamComplaint") return FactKind::kComplained;
  if (std::ranges::find(kNoBounce, type) != kNoBounce.end()) return std::nullopt;
  return std::ranges::find(kHard, type) != kHard.end() ? FactKind::kBouncedHard
                                                       : FactKind::kBouncedSoft;
}

bool HasCredentials(const FeedbackRequest& request, const PostmarkOptions& options) {
  constexpr std::string_view kBasic = "basic ";
  const std::string_view header = request.header("authorization").value_or("");
  const bool basic = header.size() > kBasic.size() &&
                     std::equal(kBasic.begin(), kBasic.end(), header.begin(), [](char a, char b) {
                       return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
                     });
  const auto decoded = basic ? DecodeBase64(header.substr(kBasic.size())) : std::nullopt;
  return decoded && EqualSecrets(*decoded, options.user + ":" + options.password);
}

}  // namespace

std::optional<Refusal> PostmarkProvider::Verify(const FeedbackRequest& request, Timestamp /*now*/) {
  const Refusal refusal{"credentials", "it has not the credentials of feedback.postmark"};
  if (!options_.user.empty() && !HasCredentials(request, options_)) return refusal;
  for (const auto& [name, value] : options_.headers) {
    const auto given = request.header(name);
    if (!given || !EqualSecrets(*given, value)) return refusal;
  }
  return std::nullopt;
}

Result<Feedback> PostmarkProvider::Read(const FeedbackRequest& request, Timestamp now) const {
  Arena arena;
  SOJOURN_ASSIGN_OR_RETURN(const Value record, ReadJson(request.body, &arena));
  Feedback feedback;
  const std::optional<FactKind> kind = KindOf(record);
  if (!kind) {
    feedback.others = 1;
    return feedback;
  }
  FeedbackFact fact;
  fact.kind = *kind;
  const bool delivered = fact.kind == FactKind::kDelivered;
  fact.address = TextAt(record, {delivered ? "Recipient" : "Email"});
  if (!IsAddress(fact.address)) return InvalidArgument("a record of Postmark without an address");
  fact.time = TimeOf(TextAt(record, {delivered ? "DeliveredAt" : "BouncedAt"}), now);
  if (const Value* metadata = record.Find("Metadata")) fact.mark = PostmarkMark(*metadata);
  const std::string number = TextAt(record, {"ID"});
  const std::string message = TextAt(record, {"MessageID"});
  fact.id = fmt::format("{}/{}/{}", TextAt(record, {"RecordType"}),
                        number.empty() ? message : number, fact.address);
  fact.diagnostic = Diagnostic(TextAt(record, {"Details"}));
  if (fact.diagnostic.empty()) fact.diagnostic = Diagnostic(TextAt(record, {"Description"}));
  if (number.empty() && message.empty()) return InvalidArgument("a record of Postmark without id");
  feedback.facts.push_back(std::move(fact));
  return feedback;
}

}  // namespace sojourn::feedback
