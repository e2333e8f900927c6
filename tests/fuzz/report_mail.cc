// Any bytes as a mail in the mailbox of bounces.
#include <string_view>

#include "connectors/feedback/payload.h"
#include "connectors/feedback/report_mail.h"
#include "engine/base/check.h"
#include "engine/base/utf8.h"
#include "tests/fuzz/target.h"

namespace sojourn::feedback {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);

void Try(std::string_view mail) {
  const Feedback feedback = ReadReport(mail, kNow);
  SOJOURN_CHECK(!feedback.facts.empty() || feedback.others > 0);
  for (const FeedbackFact& fact : feedback.facts) {
    SOJOURN_CHECK(fact.address.empty() || IsAddress(fact.address));
    SOJOURN_CHECK(IsValidUtf8(fact.address + fact.diagnostic));
    SOJOURN_CHECK(fact.diagnostic.size() <= kMaxDiagnosticBytes);
  }
}

}  // namespace
}  // namespace sojourn::feedback

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::feedback::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
