// Any bytes as what a mail provider posts: the first names the provider, the rest is the body. It
// is refused, for nobody has signed it, and then read as if it were verified.
#include <array>
#include <memory>
#include <string_view>

#include "connectors/feedback/mailgun.h"
#include "connectors/feedback/payload.h"
#include "connectors/feedback/postmark.h"
#include "connectors/feedback/sendgrid.h"
#include "connectors/feedback/ses.h"
#include "engine/base/check.h"
#include "engine/base/utf8.h"
#include "tests/fuzz/target.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);
constexpr char kTopic[] = "arn:aws:sns:eu-west-1:123456789012:a";

Provider* ProviderOf(char first) {
  static SesProvider ses({{kTopic}, ""}, [](const std::string&) -> Result<std::string> {
    return Unavailable("nothing is fetched here");
  });
  static SendGridProvider sendgrid({});
  static PostmarkProvider postmark({"user", "password", {}});
  static MailgunProvider mailgun({"key"});
  static const std::array<Provider*, 4> providers = {&ses, &sendgrid, &postmark, &mailgun};
  return providers[static_cast<unsigned char>(first) % providers.size()];
}

void Check(const Feedback& feedback) {
  SOJOURN_CHECK(feedback.facts.size() <= kMaxFactsPerRequest);
  SOJOURN_CHECK(feedback.confirm_url.empty() || !SnsHostOf(feedback.confirm_url).empty());
  for (const FeedbackFact& fact : feedback.facts) {
    SOJOURN_CHECK(IsAddress(fact.address) && !fact.id.empty() && fact.time <= kNow);
    SOJOURN_CHECK(fact.diagnostic.size() <= kMaxDiagnosticBytes);
    SOJOURN_CHECK(IsValidUtf8(fact.address + fact.mark + fact.id + fact.diagnostic));
  }
}

void Try(std::string_view text) {
  if (text.empty()) return;
  Provider* const provider = ProviderOf(text.front());
  const FeedbackRequest request{text.substr(1), [](std::string_view) { return std::nullopt; }};
  SOJOURN_CHECK(provider->Verify(request, kNow).has_value());
  const auto feedback = provider->Read(request, kNow);
  if (feedback.ok()) return Check(*feedback);
  SOJOURN_CHECK(feedback.status().message().find('\n') == std::string::npos);
}

}  // namespace
}  // namespace sojourn::feedback

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::feedback::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
