// That the runner sees what is wrong: every expectation can fail, every mistake is told.
#include "engine/simulate/test_runner.h"

#include <gtest/gtest.h>

#include "engine/language/load.h"

namespace sojourn::simulate {
namespace {

std::shared_ptr<const language::Bundle> Rules() {
  const language::LoadResult loaded = language::LoadBundle(
      {{"company.yaml", "company: Shop\ntimezone: Europe/Berlin\n"},
       {"coupons/p.yaml", "coupon_pool: p\nstatic: CODE\n"},
       {"segments/s.yaml", "segment: s\nwhere: person.vip == true\n"},
       {"templates/hello.liquid",
        "---\ntemplate: hello\nsubject: \"Hi {{ data.t }} {{ 0 | divided_by: data.n "
        "}}\"\n---\n<b>{{ data.t }}</b> "
        "{{ event.at | date: '%H:%M' }} {{ unsubscribe_url }}\n"},
       {"journeys/j.yaml", R"(
journey: j
trigger: {event: Go}
goal: {event: Bought}
steps:
  - ab_test: t
    paths:
      - {name: a, percent: 100}
      - {name: b, percent: 0, steps: [webhook: {url: "https://x.example"}, send_push: ping]}
  - coupon: {pool: p}
  - wait: 1 day
  - send_email: {template: hello, data: {n: event.n, t: event.t}}
  - send_sms: text
)"},
       {"templates/ping.liquid", "---\ntemplate: ping\nsubject: \"\"\nchannel: push\n---\nHi\n"},
       {"templates/text.liquid", "---\ntemplate: text\nsubject: \"\"\nchannel: sms\n---\nHi\n"}});
  EXPECT_NE(loaded.bundle, nullptr)
      << language::FormatDiagnostics(loaded.diagnostics, language::DiagnosticFormat::kText);
  return loaded.bundle;
}

std::string File(const std::string& expect, const std::string& more = "") {
  return R"(journeys: [j]
tests:
  - name: a name
    start: 2026-03-02T09:00:00Z
    person: {id: u1, email: u1@shop.example}
    events:
      - {at: 0m, track: Go, properties: {n: 1, t: a<b, at: "2026-07-01T10:00:00Z"}}
      - {at: 1h, track: Bought}
)" + more +
         "    expect:\n" + expect;
}

constexpr char kComplete[] =
    "      - {at: 0m, coupon: p, code_matches: \"^CO\"}\n"
    "      - {at: 1h, goal: true}\n"
    "      - {at: 1d, send_email: hello, data: {n: 1}}\n"
    "      - {at: 1d, skipped: no_address}\n";

TestReport RunText(const std::string& text) { return RunTests(Rules(), {{"a.test.yaml", text}}); }

TEST(TestRunnerTest, ACompleteListPasses) {
  const TestReport report = RunText(File(kComplete));
  EXPECT_EQ(report.passed, 1) << FormatReport(report, ReportFormat::kText);
}

TEST(TestRunnerTest, EveryKindOfExpectationCanFail) {
  const std::string wrong[] = {"{at: 1d 1m, exit: completed}",
                               "{at: 1d, exit: goal}",
                               "{at: 1m, enter: j}",
                               "{at: 2h, goal: true}",
                               "{at: 1d, skipped: holdout}",
                               "{at: 1d, skipped: no_address, journey: j}",
                               "{at: 1h, trait: {vip: true}}",
                               "{at: 1h, in_segment: s}",
                               "{at: 1h, path: {t: b}}",
                               "{at: 1d, nothing_more: true}",
                               "{at: 2d, send_email: hello}",
                               "{at: 1d, send_push: ping}",
                               "{at: 1d, webhook: \"https://x.example\"}"};
  for (const std::string& line : wrong) {
    const TestReport report = RunText(File(kComplete + ("      - " + line + "\n")));
    EXPECT_EQ(report.failed, 1) << line;
  }
}

TEST(TestRunnerTest, AMissingActionAWrongValueAndAWrongMomentFail) {
  EXPECT_EQ(RunText(File("      - {at: 0m, coupon: p}\n")).failed, 1);
  EXPECT_EQ(
      RunText(
          File("      - {at: 0m, coupon: p}\n      - {at: 1d, send_email: hello, data: {n: 2}}\n"))
          .failed,
      1);
  EXPECT_EQ(
      RunText(File("      - {at: 1m, coupon: p}\n      - {at: 1d, send_email: hello}\n")).failed,
      1);
  EXPECT_EQ(RunText(File("      - {at: 0m, coupon: p, code_matches: \"^X\"}\n      - {at: 1d, "
                         "send_email: hello}\n"))
                .failed,
            1);
}

TEST(TestRunnerTest, BothSidesShowTheDataThatIsExpected) {
  const TestReport report = RunText(
      File("      - {at: 0m, coupon: p}\n      - {at: 1d, send_email: hello, data: {n: 2}}\n"));
  const std::string text = FormatReport(report, ReportFormat::kText);
  EXPECT_NE(text.find("! 1d send_email: hello {n: 2} | ! 1d send_email: hello {n: 1}\n"),
            std::string::npos)
      << text;
}

TEST(TestRunnerTest, PartialListsOnlySomeActions) {
  EXPECT_EQ(RunText(File("      - {at: 1d, send_email: hello}\n", "    partial: true\n")).passed,
            1);
  EXPECT_EQ(RunText(File("      - {at: 2d, send_email: hello}\n", "    partial: true\n")).failed,
            1);
}

TEST(TestRunnerTest, UntilIsInclusive) {
  EXPECT_EQ(RunText(File(kComplete, "    until: 1d\n")).passed, 1);
  EXPECT_EQ(RunText(File("      - {at: 0m, coupon: p}\n", "    until: 23h\n")).passed, 1);
}

TEST(TestRunnerTest, MistakesInTheFileAreDiagnosticsWithPlaces) {
  const std::string mistakes[] = {"{at: 1d, send_email: helo}",
                                  "{at: soon, goal: true}",
                                  "{at: 1d, in_segment: x}",
                                  "{at: 1d, coupon: x}",
                                  "{at: 1d, enter: x}",
                                  "{at: 1d, exitt: goal}",
                                  "{at: 1d}",
                                  "{at: 1d, coupon: p, code_matches: \"(\"}"};
  for (const std::string& line : mistakes) {
    const TestReport report = RunText(File("      - " + line + "\n"));
    ASSERT_EQ(report.diagnostics.size(), 1u) << line;
    EXPECT_EQ(report.diagnostics[0].line, 10) << line;
    EXPECT_TRUE(report.HasErrors());
    EXPECT_TRUE(report.results.empty());
  }
}

TEST(TestRunnerTest, EntriesAreHeldAgainstTheCatalogue) {
  const language::LoadResult loaded = language::LoadBundle(
      {{"catalog.yaml",
        "catalog: c\nevents: {Go: {n: int, t: string?}}\ntraits: {email: string, vip: bool?}\n"},
       {"journeys/j.yaml", "journey: j\ntrigger: {event: Go}\nsteps: []\n"}});
  ASSERT_NE(loaded.bundle, nullptr);
  const TestReport report = RunTests(loaded.bundle, {{"a.test.yaml", R"(journeys: [j]
tests:
  - name: a name
    start: 2026-03-02T09:00:00Z
    person: {id: u1, emial: x}
    events:
      - {at: 0m, track: Go, properties: {n: many, tt: x}}
      - {at: 1m, track: Goo}
      - {at: 2m, identify: {vip: 1, email: null}}
      - {at: 3m, track: Go}
      - {at: 4m, track: Go, properties: {n: 1.0}}
    expect: []
)"}});
  EXPECT_EQ(report.passed, 0);  // a name that the catalogue lacks keeps the file from running
  std::string found;
  for (const auto& one : report.diagnostics) {
    found += std::to_string(one.line) + ":" + std::to_string(one.column) + " " + one.code + " " +
             one.hint + "\n";
  }
  EXPECT_EQ(found,
            "5:22 J043 did you mean \"email\"?\n"
            "7:45 J070 \n"
            "7:51 J042 \n"
            "8:25 J041 did you mean \"Go\"?\n"
            "9:34 J070 \n"
            "10:25 J021 \n");
}

TEST(TestRunnerTest, AForcedPathMayBelongToOneOfSeveralTests) {
  const std::string forced = "    force: {t: b}\n";
  EXPECT_FALSE(RunText(File(kComplete, forced)).HasErrors());
  const TestReport report = RunText(File(kComplete, "    force: {t: c}\n"));
  ASSERT_EQ(report.diagnostics.size(), 1u);
  EXPECT_EQ(report.diagnostics[0].column, 16);
}

TEST(TestRunnerTest, AnExpectedPathMustBeThere) {
  for (const std::string path : {"{other: a}", "{t: x}"}) {
    const TestReport report = RunText(File(kComplete + ("      - {at: 1h, path: " + path + "}\n")));
    ASSERT_EQ(report.diagnostics.size(), 1u) << path;
    EXPECT_EQ(report.diagnostics[0].code, "J024") << path;
  }
}

TEST(TestRunnerTest, ReportsNameTheFilesThatWereNotRun) {
  const TestReport report = RunTests(Rules(), {{"broken.test.yaml", "tests: 5\n"}});
  const std::string text = FormatReport(report, ReportFormat::kText);
  EXPECT_TRUE(text.ends_with("0 passed, 0 failed, 1 not run: broken.test.yaml\n")) << text;
  const std::string junit = FormatReport(report, ReportFormat::kJUnit);
  EXPECT_NE(junit.find("tests=\"1\" failures=\"0\" errors=\"1\""), std::string::npos) << junit;
  EXPECT_NE(junit.find("classname=\"broken.test.yaml\""), std::string::npos) << junit;
  const std::string json = FormatReport(report, ReportFormat::kJson);
  EXPECT_NE(json.find("\"errors\": 1"), std::string::npos) << json;
  EXPECT_NE(json.find("\"broken.test.yaml\""), std::string::npos) << json;
}

TEST(TestRunnerTest, ReportsShowBothSidesAndTheTrace) {
  const TestReport report = RunText(File("      - {at: 0m, coupon: p}\n"));
  const std::string text = FormatReport(report, ReportFormat::kText);
  EXPECT_NE(text.find("FAIL a.test.yaml:3: a name"), std::string::npos) << text;
  EXPECT_NE(text.find("not expected: 1d send_email: hello"), std::string::npos) << text;
  EXPECT_NE(text.find("entered j Go"), std::string::npos) << text;
  const std::string junit = FormatReport(report, ReportFormat::kJUnit);
  EXPECT_NE(junit.find("tests=\"1\" failures=\"1\""), std::string::npos) << junit;
  const std::string json = FormatReport(report, ReportFormat::kJson);
  EXPECT_NE(json.find("\"failed\": 1"), std::string::npos) << json;
}

TEST(TestRunnerTest, CoverageListsStepsThatNoTestReached) {
  TestOptions options;
  options.coverage = true;
  const std::string text = File("      - {at: 0m, coupon: p}\n", "    until: 1h\n");
  const TestReport report = RunTests(Rules(), {{"a.test.yaml", text}}, options);
  std::vector<std::string> unreached;
  for (const auto& step : report.unreached) unreached.push_back(step.step);
  EXPECT_EQ(unreached, (std::vector<std::string>{"1.b.1", "1.b.2", "4", "5"}));
}

// What a test with this expectation of the mail says; "" where it passes.
std::string MailProblem(const std::string& expectation) {
  const TestReport report = RunText(File(
      "      - {at: 0m, coupon: p}\n      - {at: 1d, send_email: hello, " + expectation + "}\n",
      "    until: 1d\n"));
  return report.passed == 1 ? "" : FormatReport(report, ReportFormat::kText);
}

TEST(TestRunnerTest, MailsAreRendered) {
  EXPECT_EQ(MailProblem("subject: Hi a<b 0"), "");
  EXPECT_EQ(MailProblem("body_contains: <b>a&lt;b</b> 12:00 https://"), "");
  EXPECT_NE(MailProblem("subject: Hi").find("the subject is \"Hi a<b 0\""), std::string::npos);
  EXPECT_NE(MailProblem("body_contains: a<b").find("the body does not contain \"a<b\""),
            std::string::npos);
}

}  // namespace
}  // namespace sojourn::simulate
