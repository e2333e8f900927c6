// Any text as a test file over small rules: read and run, and its report written in all forms.
#include <map>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/language/load.h"
#include "engine/simulate/test_runner.h"
#include "tests/fuzz/target.h"

namespace sojourn::simulate {
namespace {

constexpr const char* kJourney = R"(journey: cart
trigger: {event: Checkout Started, where: event.value >= 20}
if_already_running: restart
exit_on: [{event: Order Completed}]
steps:
  - wait: 2 hours
  - ab_test: offer
    paths: [{name: none, percent: 50}, {name: mail, percent: 50, steps: [{send_email: hello}]}]
  - wait_until: {in_segment: buyers, up_to: 1 day}
    else: [{update_person: {cart_left: "true"}}]
)";

std::shared_ptr<const language::Bundle> Rules() {
  const std::map<std::string, std::string> files = {
      {"company.yaml", "company: Shop\ntimezone: Europe/Berlin\n"},
      {"segments/buyers.yaml",
       "segment: buyers\nwhere: count(\"Order Completed\", days(30)) >= 1\n"},
      {"journeys/cart.yaml", kJourney},
      {"templates/hello.liquid", "---\ntemplate: hello\nsubject: Hi\n---\nHi {{ person.name }}\n"}};
  const language::LoadResult loaded = language::LoadBundle(files);
  SOJOURN_CHECK(loaded.bundle != nullptr);
  return loaded.bundle;
}

void Try(std::string_view text) {
  static const std::shared_ptr<const language::Bundle> rules = Rules();
  const TestReport report = RunTests(rules, {{"cart.test.yaml", std::string(text)}});
  SOJOURN_CHECK(static_cast<size_t>(report.passed + report.failed) == report.results.size());
  language::FormatDiagnostics(report.diagnostics, language::DiagnosticFormat::kText);
  FormatReport(report, ReportFormat::kText);
  FormatReport(report, ReportFormat::kJson);
  FormatReport(report, ReportFormat::kJUnit);
}

}  // namespace
}  // namespace sojourn::simulate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::simulate::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
