#include "engine/language/flow.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/language/load.h"

namespace sojourn::language {
namespace {

using Names = std::vector<std::string>;

std::shared_ptr<const Bundle> Load(const std::string& steps) {
  LoadResult result =
      LoadBundle({{"a.yaml", "journey: a\ntrigger: {event: Start}\nsteps:\n" + steps},
                  {"m.liquid", "---\ntemplate: m\nsubject: x\n---\nx\n"},
                  {"p.yaml", "coupon_pool: p\nstatic: X\n"}});
  EXPECT_NE(result.bundle, nullptr)
      << FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
  return result.bundle;
}

std::string Codes(const std::string& steps) {
  std::string codes;
  const LoadResult result =
      LoadBundle({{"a.yaml", "journey: a\ntrigger: {event: Start}\nsteps:\n" + steps}});
  for (const Diagnostic& one : result.diagnostics) {
    if (one.severity == Severity::kError) codes += one.code + " ";
  }
  return codes;
}

TEST(Flow, KnowsWhatEventCanBe) {
  const auto bundle = Load(
      "  - wait_until: {event: A, up_to: 1 day}\n"
      "    then: [{wait: 1 day}]\n"
      "    else: [{wait: 2 days}]\n"
      "  - wait: 3 days\n");
  const auto flow = AnalyzeFlow(bundle->journeys[0]->steps, {"Start"});
  ASSERT_EQ(flow.size(), 4u);
  EXPECT_EQ(flow[0].events, Names{"Start"});
  EXPECT_EQ(flow[1].events, Names{"A"});
  EXPECT_EQ(flow[1].waited_for, Names{"A"});
  EXPECT_EQ(flow[2].events, Names{"Start"});
  EXPECT_EQ(flow[3].events, (Names{"Start", "A"}));
  EXPECT_FALSE(flow[0].after_wait);
  EXPECT_TRUE(flow[3].after_wait);
}

TEST(Flow, CarriesTestsAndCouponsRoundARepeat) {
  const auto bundle = Load(
      "  - repeat:\n      times: 3\n      steps:\n        - wait: 1 day\n"
      "        - coupon: {pool: p}\n        - ab_test: t\n"
      "          paths: [{name: x, percent: 100}]\n");
  const auto flow = AnalyzeFlow(bundle->journeys[0]->steps, {"Start"});
  EXPECT_TRUE(flow[1].coupon);  // on the second pass
  EXPECT_EQ(flow[1].ab_tests, Names{"t"});
}

TEST(Flow, WhatEveryWayHasPassedIsSure) {
  const auto bundle = Load(
      "  - if: person.x == 1\n    then:\n      - coupon: {pool: p}\n"
      "      - ab_test: t\n        paths: [{name: x, percent: 100}]\n      - wait: 1 day\n"
      "  - wait: 1 day\n"
      "  - ab_test: u\n    paths: [{name: x, percent: 100}]\n  - coupon: {pool: p}\n"
      "  - wait: 1 day\n");
  const auto flow = AnalyzeFlow(bundle->journeys[0]->steps, {"Start"});
  ASSERT_EQ(flow.size(), 8u);
  EXPECT_TRUE(flow[3].sure_coupon);
  EXPECT_EQ(flow[3].sure_tests, Names{"t"});
  EXPECT_TRUE(flow[4].coupon);
  EXPECT_FALSE(flow[4].sure_coupon);
  EXPECT_EQ(flow[4].ab_tests, Names{"t"});
  EXPECT_EQ(flow[4].sure_tests, Names{});
  EXPECT_TRUE(flow[7].sure_coupon);
  EXPECT_EQ(flow[7].sure_tests, Names{"u"});
}

TEST(Flow, MailsAtTheSameMoment) {
  const auto bundle = Load(
      "  - send_email: m\n  - if: person.x == 1\n    then: [{wait: 1 day}]\n  - send_email: m\n"
      "  - wait: 1 day\n  - send_email: m\n");
  const auto& steps = bundle->journeys[0]->steps;
  EXPECT_EQ(MailsWithoutWaitBetween(steps, AnalyzeFlow(steps, {"Start"})),
            std::vector<uint32_t>{3});
}

TEST(Flow, EveryWayThroughARepeatWaits) {
  const std::string head = "  - repeat:\n      times: 2\n      steps:\n";
  EXPECT_EQ(Codes(head + "        - wait: 1 day\n"), "");
  EXPECT_EQ(Codes(head + "        - if: person.x == 1\n          then: [{wait: 1 day}]\n"),
            "J064 ");
  EXPECT_EQ(Codes(head + "        - if: person.x == 1\n          then: [{wait: 1 day}]\n"
                         "          else: [{exit: done}]\n"),
            "");
  const std::string inner = "        - repeat: {times: 2, steps: [{wait: 1 day}]";
  EXPECT_EQ(Codes(head + inner + "}\n"), "");
  EXPECT_EQ(Codes(head + inner + ", while: person.x == 1}\n"), "J064 ");
}

TEST(Limits, StepsOfAJourney) {
  std::string steps;
  for (size_t i = 0; i < kMaxStepsPerJourney; ++i) steps += "  - wait: 1 day\n";
  EXPECT_EQ(Codes(steps), "");
  EXPECT_EQ(Codes(steps + "  - wait: 1 day\n"), "J066 ");
}

TEST(Limits, BytesOfAFile) {
  const std::string segment = "segment: s\nwhere: person.x == 1\n#";
  const std::string full = segment + std::string(kMaxRuleFileBytes - segment.size(), 'x');
  EXPECT_NE(LoadBundle({{"s.yaml", full}}).bundle, nullptr);
  const LoadResult over = LoadBundle({{"s.yaml", full + "x"}});
  ASSERT_EQ(over.diagnostics.size(), 1u);
  EXPECT_EQ(over.diagnostics[0].code, "J002");
}

TEST(Limits, Diagnostics) {
  std::string many = "segment: s\nwhere: person.x == 1\n";
  for (size_t i = 0; i < kMaxDiagnostics + 5; ++i) many += fmt::format("k{}: 1\n", i);
  const LoadResult result = LoadBundle({{"s.yaml", many}});
  EXPECT_EQ(result.bundle, nullptr);
  EXPECT_EQ(result.diagnostics.size(), kMaxDiagnostics);
}

}  // namespace
}  // namespace sojourn::language
