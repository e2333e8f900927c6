#include "connectors/feedback/ses.h"

#include <array>
#include <span>

#include <fmt/format.h>
#include <re2/re2.h>

#include "connectors/feedback/mark.h"
#include "connectors/feedback/payload.h"
#include "engine/base/base64.h"

namespace sojourn::feedback {
namespace {

using model::Value;
using model::ValueKind;

constexpr std::array<std::string_view, 6> kOfNotifications = {"Message",   "MessageId", "Subject",
                                                              "Timestamp", "TopicArn",  "Type"};
constexpr std::array<std::string_view, 7> kOfConfirmations = {
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"};

bool IsConfirmation(std::string_view type) {
  return type == "SubscriptionConfirmation" || type == "UnsubscribeConfirmation";
}

// What SNS signs: names and values of these fields, a line each; a missing subject is left out.
std::string SignedText(const Value& envelope, std::string_view type) {
  const std::span<const std::string_view> keys =
      IsConfirmation(type) ? std::span<const std::string_view>(kOfConfirmations)
                           : std::span<const std::string_view>(kOfNotifications);
  std::string text;
  for (const std::string_view key : keys) {
    const Value* value = envelope.Find(key);
    if (value == nullptr || value->kind() != ValueKind::kString) continue;
    text += fmt::format("{}\n{}\n", key, value->text());
  }
  return text;
}

// The names that SNS's certificates are made for, by region.
std::vector<std::string> CertificateHosts(const std::string& host) {
  return {host, "sns.amazonaws.com", "sns-signing" + host.substr(host.find('.'))};
}

std::string MarkOf(const Value& mail) {
  const Value* tag = FindAt(mail, {"tags", kMarkName});
  if (tag != nullptr && tag->kind() == ValueKind::kList && tag->size() > 0 &&
      tag->items()[0].kind() == ValueKind::kString) {
    return std::string(tag->items()[0].text());
  }
  const Value* headers = mail.Find("headers");
  if (headers == nullptr || headers->kind() != ValueKind::kList) return "";
  for (uint32_t i = 0; i < headers->size(); ++i) {
    if (TextAt(headers->items()[i], {"name"}) == kMarkHeader) {
      return TextAt(headers->items()[i], {"value"});
    }
  }
  return "";
}

// How one kind of notification is laid out.
struct Layout {
  std::string_view type;     // "Bounce"
  std::string_view details;  // the key of what it says
  std::string_view people;   // the key of the recipients within
};
constexpr std::array<Layout, 3> kLayouts = {{{"Bounce", "bounce", "bouncedRecipients"},
                                             {"Complaint", "complaint", "complainedRecipients"},
                                             {"Delivery", "delivery", "recipients"}}};

const Layout* LayoutOf(std::string_view type) {
  for (const Layout& layout : kLayouts) {
    if (layout.type == type) return &layout;
  }
  return nullptr;
}

FactKind KindOf(const Layout& layout, const Value& details) {
  if (layout.type == "Delivery") return FactKind::kDelivered;
  if (layout.type == "Complaint") return FactKind::kComplained;
  return TextAt(details, {"bounceType"}) == "Permanent" ? FactKind::kBouncedHard
                                                        : FactKind::kBouncedSoft;
}

std::string DiagnosticOf(const Value& details, const Value& recipient) {
  for (const std::string& text :
       {TextAt(recipient, {"diagnosticCode"}), TextAt(details, {"smtpResponse"}),
        TextAt(details, {"complaintFeedbackType"}), TextAt(details, {"bounceSubType"})}) {
    if (!text.empty()) return Diagnostic(text);
  }
  return "";
}

Result<Feedback> ReadNotification(const Value& message, Timestamp now) {
  Feedback feedback;
  std::string type = TextAt(message, {"notificationType"});
  if (type.empty()) type = TextAt(message, {"eventType"});
  const Layout* layout = LayoutOf(type);
  const bool not_spam = TextAt(message, {"complaint", "complaintFeedbackType"}) == "not-spam";
  if (layout == nullptr || not_spam) {
    feedback.others = 1;
    return feedback;
  }
  const Value* details = message.Find(layout->details);
  const Value* people = details == nullptr ? nullptr : details->Find(layout->people);
  const Value* mail = message.Find("mail");
  if (people == nullptr || people->kind() != ValueKind::kList || mail == nullptr) {
    return InvalidArgument(fmt::format("a {} of SES without recipients or mail", type));
  }
  if (people->size() > kMaxFactsPerRequest) return InvalidArgument("too many recipients");
  std::string id = TextAt(*details, {"feedbackId"});
  if (id.empty()) id = fmt::format("{}/{}", type, TextAt(*mail, {"messageId"}));
  for (uint32_t i = 0; i < people->size(); ++i) {
    const Value& recipient = people->items()[i];
    FeedbackFact& fact = feedback.facts.emplace_back();
    fact.kind = KindOf(*layout, *details);
    fact.address = recipient.kind() == ValueKind::kString ? std::string(recipient.text())
                                                          : TextAt(recipient, {"emailAddress"});
    if (!IsAddress(fact.address)) return InvalidArgument("a recipient of SES is no address");
    fact.time = TimeOf(TextAt(*details, {"timestamp"}), now);
    fact.mark = MarkOf(*mail);
    fact.id = fmt::format("{}/{}", id, fact.address);
    fact.diagnostic = DiagnosticOf(*details, recipient);
  }
  return feedback;
}

}  // namespace

std::string SnsHostOf(std::string_view url) {
  static const re2::RE2 pattern(
      R"(https://(sns\.[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?)/[!-~]*)");
  std::string host;
  const bool plain = url.size() <= 2048 && url.find_first_of("@\\#") == std::string_view::npos;
  return plain && re2::RE2::FullMatch(url, pattern, &host) ? host : "";
}

std::optional<Refusal> SesProvider::Verify(const FeedbackRequest& request, Timestamp now) {
  if (request.header("x-amz-sns-rawdelivery") == "true") {
    return Refusal{
        "signature",
        "SNS delivers raw messages, which have no signature: switch raw message delivery "
        "off for this subscription"};
  }
  Arena arena;
  const Result<Value> envelope = ReadJson(request.body, &arena);
  if (!envelope.ok()) return Refusal{"malformed", envelope.status().message()};
  if (!options_.topics.contains(TextAt(*envelope, {"TopicArn"}))) {
    return Refusal{"topic", "its topic is none of feedback.ses.topics"};
  }
  const auto sent = CheckAge(TimeOf(TextAt(*envelope, {"Timestamp"}), now), now);
  if (sent) return sent;
  const std::string version = TextAt(*envelope, {"SignatureVersion"});
  const auto signature = DecodeBase64(TextAt(*envelope, {"Signature"}));
  if ((version != "1" && version != "2") || !signature) {
    return Refusal{"signature", "it has no signature of version 1 or 2"};
  }
  const std::string url = TextAt(*envelope, {"SigningCertURL"});
  if (SnsHostOf(url).empty() || !url.ends_with(".pem")) {
    return Refusal{"certificate", "its certificate is not one of SNS"};
  }
  const auto certificate = CertificateAt(url, now);
  if (!certificate.ok()) {
    return Refusal{"certificate", certificate.status().message(),
                   certificate.status().code() == StatusCode::kUnavailable};
  }
  const std::string text = SignedText(*envelope, TextAt(*envelope, {"Type"}));
  const Digest digest = version == "1" ? Digest::kSha1 : Digest::kSha256;
  if (certificate->key().Verifies(digest, text, *signature)) return std::nullopt;
  return Refusal{"signature", "its signature is not SNS's"};
}

std::optional<SigningCertificate> SesProvider::KnownCertificate(const std::string& url,
                                                                Timestamp now) {
  const std::lock_guard lock(mutex_);
  const auto known = certificates_.find(url);
  const bool good = known != certificates_.end() && now < known->second.expires();
  return good ? std::optional(known->second) : std::nullopt;
}

// Nobody may hold up all threads by naming certificates that come slowly.
Result<SigningCertificate> SesProvider::CertificateAt(const std::string& url, Timestamp now) {
  if (auto known = KnownCertificate(url, now)) return *std::move(known);
  const std::unique_lock fetching(fetching_, std::try_to_lock);
  if (!fetching) return Unavailable("a certificate is being fetched");
  if (now >= minute_ + Minutes(1)) {
    minute_ = now;
    fetches_ = 0;
  }
  if (++fetches_ > kMaxFetchesPerMinute) {
    return Unavailable("too many certificates were asked for in a minute");
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string pem, fetch_(url));
  SOJOURN_ASSIGN_OR_RETURN(
      SigningCertificate certificate,
      SigningCertificate::Read(pem, CertificateHosts(SnsHostOf(url)), options_.ca_file, now));
  const std::lock_guard lock(mutex_);
  if (certificates_.size() >= kMaxCertificates) certificates_.erase(certificates_.begin());
  certificates_.insert_or_assign(url, certificate);
  return certificate;
}

Result<Feedback> SesProvider::Read(const FeedbackRequest& request, Timestamp now) const {
  Arena arena;
  SOJOURN_ASSIGN_OR_RETURN(const Value envelope, ReadJson(request.body, &arena));
  Feedback feedback;
  const std::string type = TextAt(envelope, {"Type"});
  if (type == "SubscriptionConfirmation") {
    feedback.confirm_url = TextAt(envelope, {"SubscribeURL"});
    if (SnsHostOf(feedback.confirm_url).empty()) {
      return InvalidArgument("the address that confirms the subscription is not one of SNS");
    }
    return feedback;
  }
  const std::string text = TextAt(envelope, {"Message"});
  // SNS also tells in plain words that a topic has been set up.
  if (type != "Notification" || !text.starts_with("{")) {
    feedback.others = 1;
    return feedback;
  }
  SOJOURN_ASSIGN_OR_RETURN(const Value message, ReadJson(text, &arena));
  return ReadNotification(message, now);
}

}  // namespace sojourn::feedback
